// JPEG and PNG files of formulas.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { DataError } from "isoloss";

/** An image: [height, width], and the byte of a row, column and channel. */
export interface FormulaImage {
  readonly size: readonly [height: number, width: number];
  readonly at: (y: number, x: number, c: number) => number;
}

const bytesOf = ({ size: [height, width], at }: FormulaImage, channels: number): Uint8Array =>
  Uint8Array.from({ length: height * width * channels }, (_, i) => {
    const pixel = Math.floor(i / channels);
    const value = i % channels === 3 ? 255 : at(Math.floor(pixel / width), pixel % width, i % channels);
    return Math.max(0, Math.min(255, Math.round(value)));
  });

export type JpegEncoder = (
  image: FormulaImage,
  options?: { readonly isGray?: boolean },
) => Promise<Uint8Array>;

/**
 * Loads the encoder, mozjpeg as WebAssembly.
 *
 * @throws DataError when its package is not installed
 */
export async function loadJpegEncoder(): Promise<JpegEncoder> {
  const { default: encode, init } = await import("@jsquash/jpeg/encode.js").catch((cause) => {
    throw new DataError(
      "Samples with JPEG images need the package @jsquash/jpeg. Install it beside isoloss: npm install @jsquash/jpeg (with --global for a global isoloss-cli).",
      { cause },
    );
  });
  const path = createRequire(import.meta.url).resolve("@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm");
  const module = await WebAssembly.compile(new Uint8Array(await readFile(path)));
  await init({
    instantiateWasm(imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void) {
      const instance = new WebAssembly.Instance(module, imports);
      done(instance);
      return instance.exports;
    },
  } as unknown as Parameters<typeof init>[0]);
  return async (image, { isGray = false } = {}) => {
    const [height, width] = image.size;
    const data = new Uint8ClampedArray(bytesOf(image, 4));
    const pixels = { data, width, height, colorSpace: "srgb" } as unknown as ImageData;
    return new Uint8Array(
      await encode(pixels, {
        quality: 90,
        progressive: false,
        baseline: true,
        ...(isGray ? { color_space: 1 } : {}),
      }),
    );
  };
}

/** @throws DataError when the package fast-png is not installed */
export async function pngFile(image: FormulaImage): Promise<Uint8Array> {
  const { encode } = await import("fast-png").catch((cause) => {
    throw new DataError("Samples with PNG images need the package fast-png: npm install fast-png.", {
      cause,
    });
  });
  const [height, width] = image.size;
  return encode({ width, height, channels: 3, data: bytesOf(image, 3) });
}
