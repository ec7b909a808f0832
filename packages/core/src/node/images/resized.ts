// Images on disk as bytes of one size, decoded at every reading or kept in one file that numpy reads, too.
import { createHash, randomUUID } from "node:crypto";
import { statSync } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { resizeBytes } from "../../data/resize-bytes.js";
import { DataError } from "../../errors.js";
import { makeFolder, readFileOrThrow } from "../files.js";
import { npyHeader } from "../npy-writer.js";
import { reasonOf } from "../system-error.js";
import { ImageReader } from "./image.js";

/** Images by number, each as bytes [3, height, width]. */
export interface ResizedImages {
  /** Bytes of an image. */
  readonly bytes: number;
  read(numbers: readonly number[]): Promise<readonly Uint8Array[]>;
}

export interface ResizedOptions {
  /** A folder for a file with all of them, which is made at the first reading; default none. */
  readonly cache?: string | undefined;
  /** Called for each image while that file is made. */
  readonly onCached?: ((images: number, of: number) => void) | undefined;
}

/** Images as red, green and blue planes of one size, by Pillow's bilinear resizing. Gray ones have three equal planes. */
export function resizedImages(
  paths: readonly string[],
  size: readonly [number, number],
  { cache, onCached }: ResizedOptions,
): ResizedImages {
  const bytes = 3 * size[0] * size[1];
  const reader = new ImageReader();
  const decode = async (number: number): Promise<Uint8Array> => {
    const path = paths[number];
    const { width, height, channels, pixels } = await reader.read(
      await readFileOrThrow(path, { what: "image" }),
      path,
    );
    // Loops, since TypedArray.from with a function takes ten times as long.
    const data = new Uint8Array(pixels.length);
    for (let i = 0; i < data.length; i++) data[i] = Math.round(255 * pixels[i]);
    return planesOf(resizeBytes({ width, height, channels, data }, size).data, channels);
  };
  if (cache === undefined) {
    return {
      bytes,
      async read(numbers) {
        const images: Uint8Array[] = [];
        // One after another: the decoder has one memory, and files are small.
        for (const number of numbers) images.push(await decode(number));
        return images;
      },
    };
  }
  const file = new CacheFile(cache, paths, size, decode, onCached);
  return { bytes, read: (numbers) => file.read(numbers) };
}

function planesOf(data: Uint8Array, channels: number): Uint8Array {
  const pixels = data.length / channels;
  const planes = new Uint8Array(3 * pixels);
  for (let c = 0; c < 3; c++) {
    for (let i = 0; i < pixels; i++) planes[c * pixels + i] = data[i * channels + (channels === 1 ? 0 : c)];
  }
  return planes;
}

/** A `.npy` file of bytes [images, 3, height, width], of a name that tells which images, as they are at the first reading. */
class CacheFile {
  private readonly header: Uint8Array;
  private readonly bytes: number;
  private ready: Promise<string> | undefined;

  constructor(
    private readonly folder: string,
    private readonly paths: readonly string[],
    private readonly size: readonly [number, number],
    private readonly decode: (number: number) => Promise<Uint8Array>,
    private readonly onCached: ResizedOptions["onCached"],
  ) {
    this.header = npyHeader([paths.length, 3, ...size], { type: "u1" });
    this.bytes = 3 * size[0] * size[1];
  }

  async read(numbers: readonly number[]): Promise<readonly Uint8Array[]> {
    this.ready ??= this.make();
    const path = await this.ready;
    const file = await open(path);
    try {
      const images: Uint8Array[] = [];
      for (const number of numbers) {
        const image = new Uint8Array(this.bytes);
        const { bytesRead } = await file.read(image, 0, this.bytes, this.header.length + number * this.bytes);
        if (bytesRead < this.bytes) {
          throw new DataError(`The cache of images ${path} was cut off. Remove it, and start again.`);
        }
        images.push(image);
      }
      return images;
    } finally {
      await file.close();
    }
  }

  /** Writes the file, unless it is there: whole or not at all. Returns its path. */
  private async make(): Promise<string> {
    const { header, paths, bytes, size, folder } = this;
    const hash = createHash("sha256").update(paths.map(versionOf).join("\n")).digest("hex").slice(0, 16);
    const path = join(folder, `images-${size.join("x")}-${hash}.npy`);
    const there = await stat(path).catch(() => undefined);
    if (there?.size === header.length + paths.length * bytes) return path;
    const temporary = `${path}.${randomUUID()}.tmp`;
    try {
      await makeFolder(folder);
      const file = await open(temporary, "w");
      try {
        await file.write(header);
        for (let number = 0; number < paths.length; number++) {
          await file.write(await this.decode(number));
          this.onCached?.(number + 1, paths.length);
        }
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
      return path;
    } catch (cause) {
      await rm(temporary, { force: true }).catch(() => {});
      if (cause instanceof DataError) throw cause;
      throw new DataError(`Cannot write the cache of images ${path}: ${reasonOf(cause)}.`, { cause });
    }
  }
}

/** A file's path, size and time: another where it was replaced. */
function versionOf(path: string): string {
  try {
    // Not asynchronous, which takes several times as long for a hundred thousand files.
    const { size, mtimeMs } = statSync(path);
    return `${path} ${size} ${mtimeMs}`;
  } catch {
    // Reading it says what is wrong.
    return path;
  }
}
