// JPEG by mozjpeg as WebAssembly, an optional package: it decodes to the same values as libjpeg-turbo, which Pillow has.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { DataError } from "../../errors.js";

/** Pixels as bytes of red, green, blue and alpha. */
export interface RgbaImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray;
}

/** A decoder of JPEG files. */
export type JpegDecoder = (bytes: Uint8Array) => Promise<RgbaImage>;

/** What the package says of the image at hand. It has one decoder for the whole process, which therefore decodes one image at a time. */
let messages: string[] = [];
let last: Promise<unknown> = Promise.resolve();

/**
 * Loads the decoder.
 *
 * @throws DataError when its package is not installed, with the line that installs it
 */
export async function loadJpegDecoder(): Promise<JpegDecoder> {
  const { default: decode, init } = await import("@jsquash/jpeg/decode.js").catch((cause) => {
    throw new DataError(
      "JPEG images need the package @jsquash/jpeg. Install it beside isoloss: npm install @jsquash/jpeg (with --global for a global isoloss-cli). Or convert the images to PNG.",
      { cause },
    );
  });
  const path = createRequire(import.meta.url).resolve("@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm");
  const module = await WebAssembly.compile(new Uint8Array(await readFile(path)));
  // In Node the package would look for its code over the network.
  const start = () =>
    init({
      instantiateWasm(imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void) {
        const instance = new WebAssembly.Instance(module, imports);
        done(instance);
        return instance.exports;
      },
      printErr: (text: string) => messages.push(text),
    } as unknown as Parameters<typeof init>[0]);
  await start();
  const decodeOne: JpegDecoder = async (bytes) => {
    messages = [];
    try {
      // A copy of these bytes alone: a Buffer of Node may be a part of a larger one.
      const image = await decode(new Uint8Array(bytes).buffer);
      // The decoder fills up what is missing with gray, and goes on.
      if (messages.some((text) => text.includes("Premature end"))) throw new Error();
      return image;
    } catch (cause) {
      // A file that cannot be decoded leaves the module unusable.
      await start();
      throw new Error(messages.join(", ") || String(cause), { cause });
    }
  };
  return (bytes) => {
    const image = last.then(() => decodeOne(bytes));
    last = image.catch(() => {});
    return image;
  };
}
