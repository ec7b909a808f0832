// Finds, downloads and reads data sets of four IDX files.
import { createHash } from "node:crypto";
import { access, constants, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { type DType, type NdArray, sizeOf } from "../array.js";
import type { Dataset } from "../data/dataset.js";
import { readIdx } from "../data/idx.js";
import type { LabeledImages } from "../data/labeled-images.js";
import { DataError, MissingDataError, OptionError } from "../errors.js";
import { flag, type OptionsOf, optionTable, requireKnown, text } from "../options.js";
import { makeFolder, readFileOrThrow, writeFileAtomic } from "./files.js";
import { fashionMnist, type IdxSource, mnist } from "./idx-sources.js";
import { reasonOf } from "./system-error.js";

/** Timeout for the download of one file, in milliseconds; long enough for a slow connection. */
const DOWNLOAD_TIMEOUT = 600_000;

const sources: ReadonlyMap<string, IdxSource> = new Map([mnist, fashionMnist].map((s) => [s.name, s]));

export interface IdxDatasetOptions extends OptionsOf<typeof idxDatasetOptions> {}

const idxDatasetOptions = optionTable("loadIdxDataset", {
  /** The only folder to search (and to download to); default: the usual folders. */
  directory: text("a folder").otherwise("the usual folders"),
  /** Whether to download files that are not found; default false. */
  download: flag.default(false),
  /** A mirror to download from instead of the source's own. */
  baseUrl: text("the address of a folder").otherwise("the source's own"),
});

export interface ImageDataset {
  readonly train: LabeledImages & Dataset;
  readonly test: LabeledImages & Dataset;
  readonly classes: number;
}

/**
 * Loads MNIST, Fashion-MNIST or another data set of four IDX files (plain or .gz), pixels divided by 255.
 *
 * Looks in `directory` if given; else in `$ISOLOSS_DATA/NAME`, `/usr/share/datasets/NAME` (Debian's package
 * dataset-fashion-mnist), and `isoloss/NAME` in `$XDG_CACHE_HOME` or `~/.cache`. With `download`, missing
 * files are downloaded to the last of these; a file is kept only if its SHA-256 is the published one.
 *
 * @param source "mnist", "fashion-mnist" or a custom {@link IdxSource}
 * @returns parts that are data for a trainer: inputs float32 [n, 1, height, width] in [0, 1] and labels int64 [n]; images are the
 *   same numbers as rows of pixels, [n, pixels] (784 for both names)
 * @throws MissingDataError when files are missing; the message names the folders searched
 * @throws DataError when they are damaged or fail their checksum
 * @throws OptionError for an unknown name, and for other options
 *
 * @example
 * const { train, test } = await loadIdxDataset("fashion-mnist");
 */
export async function loadIdxDataset(
  source: "mnist" | "fashion-mnist" | IdxSource,
  options: IdxDatasetOptions = {},
): Promise<ImageDataset> {
  const { directory, download, baseUrl } = idxDatasetOptions.read(options);
  const known = knownSource(source);
  const places = placesOf(known, directory);
  let paths = await findFiles(known, places);
  if (paths === undefined && download) {
    const target = places[places.length - 1];
    await downloadFiles(known, target, baseUrl === undefined ? known.mirrors : [baseUrl]);
    paths = await findFiles(known, [target]);
  }
  if (paths === undefined) throw new MissingDataError(await describeMissing(known, places));
  return {
    train: await readPart(paths.trainImages, paths.trainLabels, known.classes),
    test: await readPart(paths.testImages, paths.testLabels, known.classes),
    classes: known.classes,
  };
}

/**
 * Whether the files of a data set are on this computer, where {@link loadIdxDataset} looks. They are not read.
 *
 * @throws OptionError for an unknown name
 *
 * @example
 * if (!(await hasIdxDataset("fashion-mnist"))) console.log("isoloss data fetch fashionMnist");
 */
export async function hasIdxDataset(
  source: "mnist" | "fashion-mnist" | IdxSource,
  options: Pick<IdxDatasetOptions, "directory"> = {},
): Promise<boolean> {
  requireKnown("hasIdxDataset", options, ["directory"], 'hasIdxDataset("mnist", { directory: "mnist" })');
  const known = knownSource(source);
  return (await findFiles(known, placesOf(known, options.directory))) !== undefined;
}

function knownSource(source: string | IdxSource): IdxSource {
  const known = typeof source === "string" ? sources.get(source) : source;
  if (known === undefined) {
    throw new OptionError(`Unknown data set "${source}"; known are ${[...sources.keys()].join(", ")}.`);
  }
  return known;
}

const placesOf = ({ name }: IdxSource, directory: string | undefined): string[] =>
  directory === undefined ? defaultPlaces(name) : [directory];

function defaultPlaces(name: string): string[] {
  const { ISOLOSS_DATA, XDG_CACHE_HOME } = process.env;
  const places = [
    join("/usr/share/datasets", name),
    join(XDG_CACHE_HOME || join(homedir(), ".cache"), "isoloss", name),
  ];
  return ISOLOSS_DATA ? [join(ISOLOSS_DATA, name), ...places] : places;
}

/** The path of a file in a folder, plain or compressed. */
async function findFile(directory: string, name: string): Promise<string | undefined> {
  for (const path of [join(directory, name), join(directory, `${name}.gz`)]) {
    try {
      await access(path);
      return path;
    } catch {
      // Not found: try the next.
    }
  }
  return undefined;
}

type Paths = Readonly<Record<keyof IdxSource["files"], string>>;

/** The files of the first folder that has all of them. */
async function findFiles({ files }: IdxSource, places: readonly string[]): Promise<Paths | undefined> {
  for (const place of places) {
    const found: [string, string | undefined][] = [];
    for (const [key, { name }] of Object.entries(files)) found.push([key, await findFile(place, name)]);
    if (found.every(([, path]) => path !== undefined)) return Object.fromEntries(found) as Paths;
  }
  return undefined;
}

async function describeMissing({ name, files }: IdxSource, places: readonly string[]): Promise<string> {
  const lines: string[] = [];
  for (const place of places) {
    const missing: string[] = [];
    for (const file of Object.values(files)) {
      if ((await findFile(place, file.name)) === undefined) missing.push(file.name);
    }
    lines.push(`  ${place}: without ${missing.join(", ")}`);
  }
  return (
    `The files of ${name} (plain or .gz) are in none of these folders:\n${lines.join("\n")}\n` +
    "Put them into one, set ISOLOSS_DATA to the folder that holds the folder of that name, or download them: isoloss data fetch, in code download: true."
  );
}

async function downloadFiles(
  source: IdxSource,
  directory: string,
  mirrors: readonly string[],
): Promise<void> {
  const made = await makeWritable(directory);
  let stored = 0;
  try {
    for (const { name, sha256 } of Object.values(source.files)) {
      if ((await findFile(directory, name)) !== undefined) continue;
      const bytes = await fetchVerified(`${name}.gz`, sha256, mirrors);
      await writeFileAtomic(join(directory, `${name}.gz`), bytes);
      stored += 1;
    }
  } catch (error) {
    if (made !== undefined && stored === 0) await rm(made, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Creates a folder for downloads, before the download starts.
 *
 * @returns the first folder of the path that did not exist
 */
async function makeWritable(directory: string): Promise<string | undefined> {
  try {
    const made = await makeFolder(directory);
    await access(directory, constants.W_OK);
    return made;
  } catch (cause) {
    throw new DataError(`Cannot write to the folder ${directory}: ${reasonOf(cause)}.`, { cause });
  }
}

/** Downloads a file from the first mirror that has it with the right checksum. */
async function fetchVerified(name: string, sha256: string, mirrors: readonly string[]): Promise<Uint8Array> {
  const failures: string[] = [];
  for (const mirror of mirrors) {
    const url = new URL(name, mirror.endsWith("/") ? mirror : `${mirror}/`).href;
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_TIMEOUT) });
      if (!response.ok) throw new Error(`HTTP status ${response.status}`);
      const bytes = new Uint8Array(await response.arrayBuffer());
      const actual = createHash("sha256").update(bytes).digest("hex");
      if (actual === sha256) return bytes;
      failures.push(`${url}: SHA-256 of its ${bytes.length} bytes is ${actual}, expected ${sha256}`);
    } catch (error) {
      const { message, cause } = error as Error;
      failures.push(`${url}: ${message}${cause instanceof Error ? ` (${cause.message})` : ""}`);
    }
  }
  throw new DataError(`Cannot download ${name}:\n  ${failures.join("\n  ")}`);
}

async function readArray(path: string, dtype: DType): Promise<NdArray> {
  const bytes = await readFileOrThrow(path, { what: "IDX file" });
  try {
    return await readIdx(bytes, { dtype });
  } catch (error) {
    throw error instanceof DataError ? new DataError(`${path}: ${error.message}`, { cause: error }) : error;
  }
}

async function readPart(
  imagesPath: string,
  labelsPath: string,
  classes: number,
): Promise<LabeledImages & Dataset> {
  const images = (await readArray(imagesPath, "float32")) as NdArray<Float32Array>;
  const labels = (await readArray(labelsPath, "int64")) as NdArray<BigInt64Array>;
  const [n, ...size] = images.shape;
  if (size.length === 0 || labels.shape.length !== 1 || labels.shape[0] !== n) {
    throw new DataError(
      `Expected images [n, ...] and as many labels [n]; ${imagesPath} has shape [${images.shape.join(", ")}], ` +
        `${labelsPath} [${labels.shape.join(", ")}].`,
    );
  }
  const wrong = labels.data.find((label) => label < 0n || label >= BigInt(classes));
  if (wrong !== undefined) {
    throw new DataError(`${labelsPath}: labels must be in 0..${classes - 1}; got ${wrong}.`);
  }
  const { data } = images;
  for (let i = 0; i < data.length; i++) data[i] /= 255;
  return {
    images: { shape: [n, sizeOf(size)], data },
    // Gray images have one channel.
    inputs: { shape: size.length === 2 ? [n, 1, ...size] : images.shape, data },
    labels,
  };
}
