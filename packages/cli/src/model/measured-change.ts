// A changed model that computes something else than the one before: what that costs, as a document.
import { DataError } from "isoloss";
import { fromOnnx, modelError } from "isoloss/onnx";
import { type Batch, readBatches } from "./batches.js";
import { type DataOptions, dataSource } from "./data-options.js";
import { type ModelFile, namingFile } from "./read-model.js";
import { type Sizes, sizesOf, withSizes } from "./sizes.js";

/** The error of outputs; null where a number is infinite or was not measured. */
export interface MeasuredChange {
  readonly sqnr: number | null;
  readonly agreement: number | null;
  readonly largest: number | null;
}

/** Where an error is measured. */
export interface Inputs {
  /** The path of the data, or `random inputs`. */
  readonly what: string;
  readonly batches: readonly Batch[] | undefined;
}

/** Reads the data of the first path that was given. */
export async function measuredInputs(
  { path, bytes }: ModelFile,
  options: DataOptions,
  ...paths: readonly (string | undefined)[]
): Promise<Inputs> {
  const given = paths.find((own) => own !== undefined);
  if (given === undefined) return { what: "random inputs", batches: undefined };
  const { inputs } = namingFile(path, () => fromOnnx(bytes));
  return { what: given, batches: await readBatches(inputs, dataSource(given, options)) };
}

export async function measuredChange(
  { path, bytes }: ModelFile,
  after: Uint8Array,
  { batches }: Inputs,
  given: Sizes,
): Promise<MeasuredChange> {
  const sizes = batches === undefined ? sizesOf(fromOnnx(bytes).inputs, given) : given;
  try {
    const { sqnr, agreement, largest } = await modelError(bytes, after, { inputs: batches, sizes });
    return { sqnr: finite(sqnr), agreement: agreement ?? null, largest: finite(largest) };
  } catch (cause) {
    throw withSizes(`${path} cannot be compared with the new model`, sizes, cause);
  }
}

export const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** The result of changing a model; an error of the library gets the file's name and the sizes of open axes. */
export async function changing<T>(
  { path, bytes }: ModelFile,
  given: Sizes,
  change: () => Promise<T>,
): Promise<T> {
  const { inputs } = namingFile(path, () => fromOnnx(bytes));
  const sizes = sizesOf(inputs, given);
  return change().catch((cause: unknown) => {
    throw cause instanceof DataError
      ? new DataError(`${path}: ${cause.message}`, { cause })
      : withSizes(`${path} cannot be changed`, sizes, cause);
  });
}

/** Cells of a table: `31.2 dB`, `98.4 %`. */
export const errorCells = ({ sqnr, agreement }: MeasuredChange): readonly string[] => [
  sqnr === null ? "-" : `${sqnr.toFixed(1)} dB`,
  agreement === null ? "-" : `${(100 * agreement).toFixed(1)} %`,
];
