// Folders of numbered .npy files, a map a file, as S. Liu, E. Johns and A. Davison publish CityScapes and NYUv2 for MTAN.

import { astype, type Batch, DataError, type NdArray, ndarray } from "isoloss";
import { decodeNpy, type Examples, type MapKind } from "isoloss/data";
import { joinParts } from "isoloss/internal";
import { readFileOrThrow } from "isoloss/node";
import type { Folder } from "./folder.js";

/** A map of each example. */
export interface MapFiles {
  /** Name of the array. */
  readonly name: string;
  /** Names that its folder may have. */
  readonly folders: readonly string[];
  /** 0 for classes, [height, width]. */
  readonly channels: number;
  /** Which augmentation it needs. */
  readonly kind: MapKind;
  /** Whether a number can be one of the map. */
  readonly accepts: (value: number) => boolean;
  /** Which numbers the map may hold, in words. */
  readonly expected: string;
  /** The lengths that a pixel's vector may have; default all. */
  readonly length?: (length: number) => boolean;
}

/** Examples of one part, whose maps are all of one size. */
export interface NpyPart extends Examples {
  readonly size: readonly [height: number, width: number];
}

/**
 * Opens the part of a data set in one folder.
 *
 * @throws MissingDataError, DataError for folders that are missing or have gaps
 */
export async function openNpyPart(folder: Folder, part: string, maps: readonly MapFiles[]): Promise<NpyPart> {
  const places: string[] = [];
  for (const { folders } of maps) places.push(await folder.first(folders.map((name) => `${part}/${name}`)));
  const counts: number[] = [];
  for (const place of places) counts.push(await countNumbered(folder, place));
  const odd = counts.findIndex((count) => count !== counts[0]);
  if (odd > 0) {
    throw folder.wrong(
      part,
      `every folder must have a file for each example; ${places[0]} has ${counts[0]} and ${places[odd]} ${counts[odd]}. Unpack the archive again.`,
    );
  }
  const [first] = maps;
  const size = await sizeOfFirst(folder, `${places[0]}/0.npy`, first.channels);
  const readOne = async (number: number): Promise<Batch> => {
    const arrays = maps.map(
      async (map, m): Promise<[string, NdArray]> => [
        map.name,
        await readMap(folder, `${places[m]}/${number}.npy`, map, size),
      ],
    );
    return Object.fromEntries(await Promise.all(arrays));
  };
  return {
    length: counts[0],
    size,
    read: async (numbers) => joinParts(await Promise.all(numbers.map(readOne))),
  };
}

/** The number of files 0.npy, 1.npy, ... of a folder. */
async function countNumbered(folder: Folder, path: string): Promise<number> {
  const names = await folder.names(path);
  const odd = names.find((name) => !/^(0|[1-9]\d*)\.npy$/.test(name));
  if (odd !== undefined) {
    throw folder.wrong(
      path,
      `files are named 0.npy, 1.npy, ...; there is ${odd}. Take it away, or rename it.`,
    );
  }
  if (names.length === 0) throw folder.missing(`the folder ${path} is empty`);
  const there = new Set(names);
  const gap = names.findIndex((_, i) => !there.has(`${i}.npy`));
  if (gap >= 0) {
    throw folder.wrong(
      path,
      `${names.length} files must be 0.npy to ${names.length - 1}.npy; ${gap}.npy is missing. Unpack the archive again.`,
    );
  }
  return names.length;
}

async function readNpy(folder: Folder, path: string): Promise<NdArray> {
  const bytes = await readFileOrThrow(folder.at(path), { what: "map" });
  try {
    return decodeNpy(bytes, { dtype: "float32" });
  } catch (error) {
    throw error instanceof DataError ? folder.wrong(path, error.message) : error;
  }
}

async function sizeOfFirst(folder: Folder, path: string, channels: number): Promise<[number, number]> {
  const { shape } = await readNpy(folder, path);
  const [height, width, depth] = shape;
  if (shape.length === 3 && depth === channels) return [height, width];
  throw folder.wrong(
    path,
    `an image is [height, width, ${channels}]; got [${shape.join(", ")}].${shape[0] === channels ? " Channels come last: np.moveaxis(x, 0, -1)." : ""}`,
  );
}

/** A map as [1, channels, height, width] of float32, or classes [1, height, width] of int64. */
async function readMap(
  folder: Folder,
  path: string,
  { name, channels, accepts, expected, length }: MapFiles,
  size: readonly [number, number],
): Promise<NdArray> {
  const { shape, data } = (await readNpy(folder, path)) as NdArray<Float32Array>;
  const wanted = channels === 0 ? size : [...size, channels];
  if (shape.join() !== wanted.join()) {
    throw folder.wrong(
      path,
      `the ${name} of an example must be [${wanted.join(", ")}], as its image is and all others are; got [${shape.join(", ")}].`,
    );
  }
  const bad = data.findIndex((value) => !accepts(value));
  if (bad >= 0) {
    throw folder.wrong(path, `the ${name} must be ${expected}; element ${bad} is ${data[bad]}.`);
  }
  if (channels === 0) return astype(ndarray(data, [1, ...size]), "int64");
  const pixels = size[0] * size[1];
  const planes = new Float32Array(data.length);
  for (let i = 0; i < pixels; i++) {
    // A view for each pixel is slow: only where something is to be checked.
    const own = length ? Math.hypot(...data.subarray(i * channels, (i + 1) * channels)) : 0;
    if (length && !length(own)) {
      throw folder.wrong(
        path,
        `the ${name} must be ${expected}; that of row ${Math.floor(i / size[1])}, column ${i % size[1]} has the length ${own.toPrecision(3)}.`,
      );
    }
    for (let c = 0; c < channels; c++) planes[c * pixels + i] = data[i * channels + c];
  }
  return ndarray(planes, [1, channels, ...size]);
}
