// Inputs for a model from files: .npy, .npz, an image, or a folder of images or of such folders.
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { DataError, type NdArray, ndarray, OptionError, takeRows } from "isoloss";
import { decodeNpy, decodeNpz, resizeImages } from "isoloss/data";
import {
  firstBytes,
  type Image,
  ImageReader,
  isImage,
  planesOf,
  readFileOrThrow,
  reasonOf,
} from "isoloss/node";

/** How images become numbers: (scale * pixel - mean) / std, the pixel in [0, 1]. */
export interface ImageSettings {
  /** [height, width] to resize to; default the size of the images. */
  readonly size?: readonly [number, number];
  /** 1: gray, 3: color; default as the first image is. */
  readonly channels?: 1 | 3;
  readonly scale?: number;
  /** One number, or one a channel. */
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
}

/** The content of a data file: one array without a name, or arrays by name. */
export type DataFile = (
  | { readonly kind: "one"; readonly array: NdArray }
  | { readonly kind: "named"; readonly arrays: Readonly<Record<string, NdArray>> }
) & {
  /** How many examples there are, where `limit` left some out. */
  readonly rows?: number | undefined;
};

export interface ReadDataOptions {
  /** For images alone. */
  readonly images?: ImageSettings | undefined;
  /** Settings of images that `images` leaves out; other data ignore them. */
  readonly defaults?: ImageSettings | undefined;
  /** At most so many examples; default all. */
  readonly limit?: number | undefined;
}

/**
 * Reads data for a model: a `.npy` file, the arrays of a `.npz` file by name, a PNG or JPEG image, or a folder of such
 * images in the order of their names, with those of the folders in it. The format is known by the first bytes. Images become
 * float32 [N, C, H, W].
 *
 * @throws DataError for a file that cannot be read, with its first bytes where the format is unknown; OptionError for
 *   settings of images with other data
 */
export async function readData(
  path: string,
  { images = {}, defaults = {}, limit }: ReadDataOptions = {},
): Promise<DataFile> {
  const settings = { ...defaults, ...images };
  if (await isFolder(path)) return { kind: "one", ...(await readFolder(path, settings, limit)) };
  const bytes = await readFileOrThrow(path, { what: "data" });
  if (isImage(bytes)) {
    const image = await new ImageReader().read(bytes, path);
    return { kind: "one", array: stacked([{ path, image }], settings) };
  }
  const [first, second] = bytes;
  const isNpy = first === 0x93;
  const isNpz = first === 0x50 && second === 0x4b;
  if (!isNpy && !isNpz && /\.(csv|tsv|txt|parquet)$/i.test(path)) {
    throw new DataError(
      `${path} is a table, which is not read here. Write arrays of its columns with np.save("x.npy", array) in Python, or train a model of your own on it: isoloss init --data ${path}.`,
    );
  }
  if (!isNpy && !isNpz) {
    throw new DataError(
      `${path} is no .npy, .npz, PNG or JPEG file: its first bytes are ${firstBytes(bytes)}. Of an array in Python write np.save("x.npy", array).`,
    );
  }
  if (Object.keys(images).length > 0) {
    throw new OptionError(`--image-size, --scale, --mean and --std are for images; ${path} holds arrays.`);
  }
  const rows = (array: NdArray) => limited(array, limit);
  try {
    if (isNpy) {
      const all = decodeNpy(bytes);
      return { kind: "one", array: rows(all), ...rowsOf(all.shape[0], limit) };
    }
    const arrays = Object.entries(await decodeNpz(bytes));
    const most = Math.max(
      0,
      ...arrays.map(
        ([
          ,
          {
            shape: [n = 0],
          },
        ]) => n,
      ),
    );
    return {
      kind: "named",
      arrays: Object.fromEntries(arrays.map(([name, array]) => [name, rows(array)])),
      ...rowsOf(most, limit),
    };
  } catch (cause) {
    if (!(cause instanceof DataError)) throw cause;
    throw new DataError(`${path}: ${cause.message}`, { cause });
  }
}

const rowsOf = (rows: number | undefined, limit = Number.POSITIVE_INFINITY): Pick<DataFile, "rows"> =>
  rows !== undefined && rows > limit ? { rows } : {};

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    throw new DataError(`Cannot read the data ${path}: ${reasonOf(cause)}.`, { cause });
  }
}

function limited(array: NdArray, limit = Number.POSITIVE_INFINITY): NdArray {
  const [count = 0] = array.shape;
  return count <= limit ? array : takeRows(array, [...Array(limit).keys()]);
}

async function readFolder(
  folder: string,
  settings: ImageSettings,
  limit: number | undefined,
): Promise<{ readonly array: NdArray } & Pick<DataFile, "rows">> {
  const lists = await imagesIn(folder);
  // One of each folder in turn: so the first of them, and those that are held out at the end, are of all classes.
  const most = Math.max(...lists.map(({ length }) => length));
  const names = Array.from({ length: most }, (_, i) => lists.flatMap((list) => list.slice(i, i + 1))).flat();
  const reader = new ImageReader();
  const images: NamedImage[] = [];
  for (const name of names.slice(0, limit)) {
    const path = join(folder, name);
    images.push({ path, image: await reader.read(await readFileOrThrow(path, { what: "image" }), path) });
  }
  return { array: stacked(images, settings), ...rowsOf(names.length, limit) };
}

export const isImageName = (name: string): boolean => /\.(png|jpe?g)$/i.test(name);

/**
 * Paths below a folder of the images in it, and of those in each folder in it, in the order of their names.
 *
 * @throws DataError where there is none
 */
export async function imagesIn(folder: string): Promise<readonly (readonly string[])[]> {
  const lists = await Promise.all(
    ["", ...(await foldersIn(folder))].map(async (own) => {
      const names = (await readdir(join(folder, own))).filter(isImageName).sort();
      return names.map((name) => join(own, name));
    }),
  );
  if (lists.some(({ length }) => length > 0)) return lists;
  throw new DataError(
    `The folder ${folder} has no image: expected files named .png, .jpg or .jpeg, in it or in folders in it.`,
  );
}

/** Names of the folders in a folder, in order; none in a file. */
export async function foldersIn(path: string): Promise<readonly string[]> {
  const isDirectory = (at: string) =>
    stat(at).then(
      (found) => found.isDirectory(),
      () => false,
    );
  if (!(await isDirectory(path))) return [];
  const names = (await readdir(path)).filter((name) => !name.startsWith(".")).sort();
  const areFolders = await Promise.all(names.map((name) => isDirectory(join(path, name))));
  return names.filter((_, i) => areFolders[i]);
}

interface NamedImage {
  readonly path: string;
  readonly image: Image;
}

/** Images as float32 [N, C, H, W]. */
function stacked(images: readonly NamedImage[], settings: ImageSettings): NdArray {
  const [first] = images;
  const channels = settings.channels ?? first.image.channels;
  const size = settings.size ?? ([first.image.height, first.image.width] as const);
  const [scale, mean, std] = [settings.scale ?? 1, settings.mean ?? [0], settings.std ?? [1]];
  for (const [name, list] of [["mean", mean] as const, ["std", std] as const]) {
    if (list.length !== 1 && list.length !== channels) {
      throw new OptionError(`--${name} takes 1 number, or one a channel: ${channels}; got ${list.length}.`);
    }
  }
  const wrong = mean.find((m) => m < Math.min(0, scale) || m > Math.max(0, scale));
  if (wrong !== undefined) {
    throw new OptionError(
      `--mean ${wrong} lies outside the pixels, which are in 0..${scale}: ${scale === 1 && wrong <= 255 ? "for pixels in 0..255 give --scale 255." : "give a mean of such pixels."}`,
    );
  }
  const area = size[0] * size[1];
  const out = new Float32Array(images.length * channels * area);
  images.forEach(({ path, image }, n) => {
    const from = [image.height, image.width] as const;
    const isResized = from[0] !== size[0] || from[1] !== size[1];
    if (isResized && settings.size === undefined) {
      throw new DataError(
        `${path} has ${from.join(" x ")} pixels, ${first.path} ${size.join(" x ")}. Give the size to resize all to: --image-size ${size.join("x")}.`,
      );
    }
    const planes = planesOf(image, channels);
    const { data } = isResized ? resizeImages(planes, { from, to: size }) : planes;
    for (let i = 0; i < data.length; i++) {
      const c = Math.floor(i / area);
      out[n * channels * area + i] = (scale * data[i] - mean[c % mean.length]) / std[c % std.length];
    }
  });
  return ndarray(out, [images.length, channels, ...size]);
}
