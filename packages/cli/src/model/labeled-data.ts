// Examples with labels for a model: an array beside the data, or the folders that images are in.
import { join } from "node:path";
import { DataError, type Dataset, type NdArray, OptionError } from "isoloss";
import { concatenateRows } from "isoloss/data";
import type { ImportedInput } from "isoloss/onnx";
import { oneOf } from "../config/nearest.js";
import { foldersIn, readData } from "../formats/read-data.js";
import { type DataSource, readInputs } from "./batches.js";

/** A data set, and the names of its classes where folders have them. */
export interface LabeledData {
  readonly data: Dataset;
  readonly classes?: readonly string[] | undefined;
}

/**
 * Reads inputs and labels. A folder of folders of images has a class for each of these, numbered in the order of their
 * names, and needs no labels; others have them in a `.npy` file, or in a `.npz` file alone or under the name `labels`.
 *
 * @param input the model's only input
 * @param labels path of the labels
 * @param classes names of the classes; default those of the folders
 * @throws OptionError, DataError for labels that are missing or given twice, that do not fit, and for folders of other names
 */
export async function readLabeled(
  input: ImportedInput,
  source: DataSource,
  {
    labels,
    classes,
  }: { readonly labels?: string | undefined; readonly classes?: readonly string[] | undefined },
): Promise<LabeledData> {
  const { path, limit } = source;
  const folders = await foldersIn(path);
  if (folders.length > 0) {
    if (labels !== undefined) {
      throw new OptionError(
        `The folders in ${path} are the classes of their images: leave out the labels ${labels}.`,
      );
    }
    return readClasses(input, source, folders, classes);
  }
  const [{ array: inputs }] = await readInputs([input], source);
  if (labels === undefined) {
    throw new OptionError(
      `${path} needs labels: a .npy file with one for each example (--labels; --validation-labels or --test-labels for other data), or a folder of images for each class.`,
    );
  }
  const values = await readLabels(labels, limit);
  if (values.shape[0] !== inputs.shape[0]) {
    throw new DataError(
      `${labels} has ${values.shape[0] ?? "no axis of"} labels, ${path} has ${inputs.shape[0]} examples: there must be one for each.`,
    );
  }
  return { data: { inputs, labels: values } };
}

async function readLabels(path: string, limit: number | undefined): Promise<NdArray> {
  const file = await readData(path, limit === undefined ? {} : { limit });
  if (file.kind === "one") return file.array;
  const names = Object.keys(file.arrays);
  const name = names.length === 1 ? names[0] : "labels";
  if (Object.hasOwn(file.arrays, name)) return file.arrays[name];
  throw new DataError(`${path} holds ${names.join(", ")}: expected one array, or one of the name labels.`);
}

async function readClasses(
  input: ImportedInput,
  source: DataSource,
  folders: readonly string[],
  classes = folders,
): Promise<LabeledData> {
  const unknown = folders.find((name) => !classes.includes(name));
  if (unknown !== undefined) {
    throw new DataError(
      `${source.path}: the folders must be classes that are trained, ${oneOf(unknown, classes)}`,
    );
  }
  const parts: NdArray[] = [];
  const { limit, ...rest } = source;
  if (limit !== undefined && limit < folders.length) {
    throw new OptionError(
      `--limit ${limit} is fewer than the ${folders.length} classes in ${source.path}: give one example of each, or more.`,
    );
  }
  // As many of each class.
  const each = limit === undefined ? {} : { limit: Math.floor(limit / folders.length) };
  for (const name of folders) {
    const [{ array }] = await readInputs([input], { ...rest, ...each, path: join(source.path, name) });
    const other = parts.find(({ shape }) => shape.slice(1).join() !== array.shape.slice(1).join());
    if (other !== undefined) {
      const [a, b] = [other, array].map(({ shape }) => shape.slice(1).join(" x "));
      throw new DataError(
        `${join(source.path, name)} has images of ${b}, others are of ${a}. Give one size: --image-size 64x64.`,
      );
    }
    parts.push(array);
  }
  const labels = folders.flatMap((name, k) =>
    new Array<bigint>(parts[k].shape[0]).fill(BigInt(classes.indexOf(name))),
  );
  const inputs = concatenateRows(parts);
  return { data: { inputs, labels: { shape: [labels.length], data: BigInt64Array.from(labels) } }, classes };
}
