import { extname } from "node:path";
import type { NdArray, Shape } from "../array.js";
import type { Dataset } from "../data/dataset.js";
import { decodeNpy } from "../data/npy.js";
import { decodeNpz } from "../data/npz.js";
import { decodeSafetensors } from "../data/safetensors.js";
import { DataError } from "../errors.js";
import { type OptionsOf, optionTable, text } from "../options.js";
import { readFileOrThrow } from "./files.js";

export interface ArrayFileOptions extends OptionsOf<typeof arrayFileOptions> {}

const arrayFileRows = {
  /** Name of the inputs in the file; default inputs, or the only array of a file. */
  inputs: text("the name of an array").otherwise("inputs, or the only array of a file"),
  /** Name of the labels in their file; default labels, or the only array of a file. */
  labels: text("the name of an array").otherwise("labels, or the only array of a file"),
  /** A file of their own for the labels; default that of the inputs. */
  labelFile: text("a path").otherwise("that of the inputs"),
};

export const arrayFileOptions = optionTable("loadArrays", arrayFileRows);

export const arrayStreamOptions = optionTable("openArrays", arrayFileRows);

/**
 * A data set from files of arrays: `.npz` and `.safetensors` with inputs and labels, or two files, such as `.npy`, of one each.
 * The files are read at once; {@link openArrays} reads them part by part.
 *
 * @throws DataError for files that cannot be read or are malformed, for arrays that are not there, and for inputs without a label
 *   each
 *
 * @example
 * const data = await loadArrays("x.npy", { labelFile: "y.npy" });
 */
export async function loadArrays(path: string, options: ArrayFileOptions = {}): Promise<Dataset> {
  const { inputs, labels, labelFile } = arrayFileOptions.read(options);
  const first = await arraysIn(path);
  const second = labelFile === undefined ? first : await arraysIn(labelFile);
  const data = inputsAndLabels({ path, labelFile, names: { inputs, labels } }, first, second);
  requireSameCount(path, data);
  return data;
}

/** @throws DataError unless there are as many inputs as labels */
export function requireSameCount(
  path: string,
  { inputs, labels }: { readonly [K in "inputs" | "labels"]: { readonly shape: Shape } },
): void {
  const [[length = 0], [count = 0]] = [inputs.shape, labels.shape];
  if (length !== count) {
    throw new DataError(`${path} has ${length} inputs, but there are ${count} labels.`);
  }
}

type ByName<A> = Readonly<Record<string, A>>;

/** Inputs and labels among the arrays of two files, or of one. @throws DataError where they are not there */
export function inputsAndLabels<A>(
  {
    path,
    labelFile,
    names,
  }: {
    readonly path: string;
    readonly labelFile: string | undefined;
    readonly names: Pick<ArrayFileOptions, "inputs" | "labels">;
  },
  first: ByName<A>,
  second: ByName<A>,
): { readonly inputs: A; readonly labels: A } {
  const isAlone = labelFile !== undefined;
  return {
    inputs: pick(path, first, names.inputs ?? nameOf(first, "inputs", isAlone), "inputs"),
    labels: pick(labelFile ?? path, second, names.labels ?? nameOf(second, "labels", isAlone), "labels"),
  };
}

const nameOf = (arrays: ByName<unknown>, usual: string, isAlone: boolean): string => {
  const names = Object.keys(arrays);
  return isAlone && names.length === 1 ? names[0] : usual;
};

function pick<A>(path: string, arrays: ByName<A>, name: string, option: "inputs" | "labels"): A {
  if (Object.hasOwn(arrays, name)) return arrays[name];
  throw new DataError(
    `${path} has no array "${name}"; it has ${Object.keys(arrays).join(", ")}. Name one: { ${option}: "..." }${option === "labels" ? ', or give their file: { labelFile: "y.npy" }' : ""}.`,
  );
}

async function arraysIn(path: string): Promise<ByName<NdArray>> {
  const kind = extname(path).toLowerCase();
  if (![".npy", ".npz", ".safetensors"].includes(kind)) {
    throw new DataError(`${path} must be a file .npy, .npz or .safetensors.`);
  }
  const bytes = await readFileOrThrow(path, { what: "data" });
  try {
    if (kind === ".npz") return await decodeNpz(bytes);
    if (kind === ".safetensors") return decodeSafetensors(bytes).tensors;
    return { array: decodeNpy(bytes) };
  } catch (cause) {
    if (!(cause instanceof DataError)) throw cause;
    throw new DataError(`${path}: ${cause.message}`, { cause });
  }
}
