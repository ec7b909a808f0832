import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Dataset } from "../data/dataset.js";
import { resizeImages } from "../data/resize.js";
import type { DataStream } from "../data/stream.js";
import { exampleStream } from "../data/streams/example-stream.js";
import { DataError } from "../errors.js";
import { flag, integerFrom, listOf, type OptionsOf, oneOf, optionTable } from "../options.js";
import { readFileOrThrow } from "./files.js";
import { type Image, ImageReader, planesOf } from "./images/image.js";
import { reasonOf } from "./system-error.js";

export interface ImageFolderOptions extends OptionsOf<typeof imageFolderOptions> {}

export const imageFolderOptions = optionTable("openImageFolder", {
  /** [height, width] to which all are resized; default the size of the first. */
  size: listOf(integerFrom(1), { length: 2 }).otherwise("the size of the first"),
  /** 1 for gray, 3 for color; default as the first. */
  channels: oneOf([1, 3]).otherwise("as the first"),
  /** Whether each epoch has an order of its own, that in which a trainer takes arrays; default false: class by class. */
  shuffle: flag.default(false),
});

/** Images as data for a trainer. */
export interface ImageFolder {
  /** inputs float32 [n, channels, height, width] in [0, 1], labels int64 [n]. */
  readonly stream: DataStream<Dataset> & { readonly length: number };
  /** Names of the folders, in the order of the classes' numbers. */
  readonly classes: readonly string[];
}

/** Images in a part of the stream. */
const partSize = 64;

/**
 * A folder that has a folder of images (.png, .jpg, .jpeg) for each class, as data for a trainer. Images are read in every epoch: `cached` keeps them. PNG needs the package `fast-png`, JPEG `@jsquash/jpeg`.
 *
 * @throws DataError for a folder without such, and from the stream for images that cannot be read or differ in size; OptionError
 *
 * @example
 * const { stream, classes } = await openImageFolder("flowers", { size: [64, 64], shuffle: true });
 */
export async function openImageFolder(path: string, options: ImageFolderOptions = {}): Promise<ImageFolder> {
  const { size, channels, shuffle } = imageFolderOptions.read(options);
  const list = async (folder: string) => {
    const names = await readdir(folder).catch((cause) => {
      throw new DataError(`Cannot read the folder ${folder}: ${reasonOf(cause)}.`, { cause });
    });
    // Such as ._0.png, which macOS puts beside 0.png in archives.
    return names.filter((name) => !name.startsWith(".")).sort();
  };
  const classes: string[] = [];
  for (const name of await list(path)) {
    // Of a link, what it leads to.
    const entry = await stat(join(path, name)).catch(() => undefined);
    if (entry?.isDirectory()) classes.push(name);
  }
  const files: { readonly path: string; readonly label: number }[] = [];
  for (const [label, name] of classes.entries()) {
    const images = (await list(join(path, name))).filter((file) => /\.(png|jpe?g)$/i.test(file));
    if (images.length === 0) {
      throw new DataError(
        `The folder ${join(path, name)} has no image: expected files named .png, .jpg or .jpeg.`,
      );
    }
    for (const image of images) files.push({ path: join(path, name, image), label });
  }
  if (classes.length === 0) {
    throw new DataError(`The folder ${path} has no folders: expected one for each class, with images in it.`);
  }
  const reader = new ImageReader();
  const read = async (file: string): Promise<Image> =>
    reader.read(await readFileOrThrow(file, { what: "image" }), file);
  const first = await read(files[0].path);
  const shape = [channels ?? first.channels, ...(size ?? [first.height, first.width])] as const;
  const length = files.length;
  const stream = exampleStream(
    {
      length,
      async read(numbers) {
        const part = numbers.map((i) => files[i]);
        const images: Float32Array[] = [];
        for (const file of part) {
          images.push(fitted(await read(file.path), { ...file, shape, isResized: size !== undefined }));
        }
        return {
          inputs: { shape: [part.length, ...shape], data: joined(images) },
          labels: { shape: [part.length], data: BigInt64Array.from(part, ({ label }) => BigInt(label)) },
        };
      },
    },
    { partSize, shuffle },
  );
  return { classes, stream: { ...(stream as unknown as DataStream<Dataset>), length } };
}

/** An image as planes of one size. */
function fitted(
  image: Image,
  {
    path,
    shape: [channels, ...to],
    isResized,
  }: {
    readonly path: string;
    readonly shape: readonly [1 | 3, number, number];
    readonly isResized: boolean;
  },
): Float32Array {
  const { width, height } = image;
  const isSame = height === to[0] && width === to[1];
  if (!isSame && !isResized) {
    throw new DataError(
      `${path} has ${height} x ${width} pixels, the first image ${to.join(" x ")}. Give the size to resize all to: size: [${to.join(", ")}].`,
    );
  }
  const planes = planesOf(image, channels);
  return isSame
    ? planes.data
    : (resizeImages(planes, { from: [height, width], to: [to[0], to[1]] }).data as Float32Array);
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.length * parts[0].length);
  parts.forEach((part, i) => {
    all.set(part, i * part.length);
  });
  return all;
}
