// What data of the user's own look like, and what there is to learn in them, as a guess.
import { existsSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { DataError, OptionError } from "isoloss";
import { isNumber } from "isoloss/internal";
import { requireEnough } from "../../catalogue/own/data.js";
import { type Guess, guessArrays, guessImages } from "./arrays.js";
import { guessTable, type Told } from "./table.js";

/** @throws DataError for data that cannot be read or hold nothing to learn; OptionError for what does not fit them */
export async function lookAt(path: string, told: Told): Promise<Guess> {
  const guess = await guessAt(path, told);
  requireEnough(path, guess.examples);
  return guess;
}

async function guessAt(path: string, told: Told): Promise<Guess> {
  const { label, text, missingWord, header } = told;
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new DataError(`There is no ${path}: give a file or a folder of images.`);
  if (text.length + missingWord.length > 0 && (found.isDirectory() || /\.np[yz]$/i.test(path))) {
    throw new OptionError(`${path} is no table: leave --text and --missing-word out.`);
  }
  if (header !== undefined && (found.isDirectory() || !/\.(csv|tsv|txt)$/i.test(path))) {
    throw new OptionError(`${path} is no CSV file: leave --header out.`);
  }
  if (found.isDirectory()) {
    if (label !== undefined) {
      throw new OptionError(`The folders in ${path} are the classes of their images: leave --label out.`);
    }
    return guessImages(path);
  }
  switch (extname(path).toLowerCase()) {
    case ".csv":
    case ".tsv":
    case ".txt":
      return guessTable({ path, format: "csv", ...formOf(await firstLines(path), header) }, told);
    case ".parquet":
      return guessTable({ path, format: "parquet" }, told);
    case ".npz":
      return guessArrays(path, label);
    case ".npy":
      return guessArrays(path, label ?? labelsBeside(path));
    default:
      throw new DataError(
        `${path}: expected a file .csv, .tsv, .txt, .parquet, .npz or .npy, or a folder with a folder of images for each class.`,
      );
  }
}

async function firstLines(path: string): Promise<readonly string[]> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(65_536), 0, 65_536, 0);
    return buffer
      .subarray(0, bytesRead)
      .toString("utf8")
      .replace(/^\ufeff/, "")
      .split(/\r?\n/);
  } finally {
    await file.close();
  }
}

const delimiters = [",", ";", "\t", "|"] as const;

/**
 * The delimiter that the first line has most of; it names the columns unless one of its fields is a number. Pandas writes an index below
 * an empty name, whose columns may be numbered.
 */
function formOf([line, second = ""]: readonly string[], told: Told["header"]) {
  const count = (delimiter: string) => line.split(delimiter).length;
  const delimiter = delimiters.reduce((best, next) => (count(next) > count(best) ? next : best));
  const hasIndex = line.startsWith(delimiter) && second.startsWith(`0${delimiter}`);
  const isHeader = hasIndex || !line.split(delimiter).some((field) => isNumber(field.trim()));
  return { delimiter, header: told === undefined ? isHeader : told === "yes" };
}

const namesOfLabels: readonly (readonly [RegExp, string])[] = [
  [/^x\.npy$/i, "y.npy"],
  [/^inputs\.npy$/i, "labels.npy"],
  [/^(.*)_x\.npy$/i, "$1_y.npy"],
  [/^x_(.*)\.npy$/i, "y_$1.npy"],
];

/** The file of labels beside one of inputs. @throws OptionError where none is found */
function labelsBeside(path: string): string {
  for (const [pattern, name] of namesOfLabels) {
    const file = join(dirname(path), basename(path).replace(pattern, name));
    if (file !== path && existsSync(file)) return file;
  }
  throw new OptionError(`${path} has inputs alone: name the file of labels, --label y.npy.`);
}
