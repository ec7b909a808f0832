// A changed model that computes something else than the one before: what that costs, as a document.
import { DataError } from "isoloss";
import { fromOnnx, modelError } from "isoloss/onnx";
import { type Batch, examplesText, readBatches } from "./batches.js";
import { type DataOptions, dataSource } from "./data-options.js";
import { type ModelFile, namingFile } from "./read-model.js";
import { type Sizes, sizesOf, withSizes } from "./sizes.js";

/** The error of outputs; null where a number is infinite or was not measured. */
export interface MeasuredChange {
  /** Null where outputs are identical, and where they are broken. */
  readonly sqnr: number | null;
  /** Whether outputs, or their errors, are not finite. */
  readonly broken: boolean;
  readonly agreement: number | null;
  readonly largest: number | null;
}

/** Where an error is measured. */
export interface Inputs {
  /** `16 examples of x.npy`, or `random inputs`. */
  readonly what: string;
  readonly batches: readonly Batch[] | undefined;
  /** Sizes of the axes that the file leaves open: those of the data. */
  readonly sizes: Sizes;
  /** Of random inputs; default 0. */
  readonly seed?: number;
}

/** Reads the data of a path, if one was given. */
export async function measuredInputs(
  { path, bytes }: ModelFile,
  options: DataOptions & { readonly size: Sizes },
  given: string | undefined,
): Promise<Inputs> {
  const { inputs } = namingFile(path, () => fromOnnx(bytes));
  const batches =
    given === undefined ? undefined : await readBatches(inputs, dataSource(given, options), options.size);
  const sizes = namingFile(path, () => sizesOf(inputs, options.size, batches?.[0]));
  const what = given === undefined || batches === undefined ? "random inputs" : examplesText(batches, given);
  return { what, batches, sizes };
}

export async function measuredChange(
  { path, bytes }: ModelFile,
  after: Uint8Array,
  { batches, sizes, seed }: Inputs,
): Promise<MeasuredChange> {
  try {
    const { sqnr, agreement, largest } = await modelError(bytes, after, { inputs: batches, sizes, seed });
    return { ...sqnrFields(sqnr), agreement: agreement ?? null, largest: finite(largest) };
  } catch (cause) {
    throw withSizes(
      `${path} cannot be compared with the new model`,
      batches === undefined ? sizes : {},
      cause,
    );
  }
}

export const finite = (value: number | undefined): number | null =>
  value !== undefined && Number.isFinite(value) ? value : null;

/** An SQNR as fields: it is Infinity where outputs are identical, and -Infinity where they are not finite. */
export const sqnrFields = (sqnr: number): Pick<MeasuredChange, "sqnr" | "broken"> => ({
  sqnr: finite(sqnr),
  broken: !(sqnr > -Infinity),
});

/** The result of changing a model; an error of the library gets the file's name and the sizes of open axes. */
export async function changing<T>(
  { path }: ModelFile,
  { batches, sizes }: Inputs,
  change: (sizes: Sizes) => Promise<T>,
): Promise<T> {
  return change(sizes).catch((cause: unknown) => {
    throw cause instanceof DataError
      ? new DataError(`${path}: ${cause.message}`, { cause })
      : withSizes(`${path} cannot be changed`, batches === undefined ? sizes : {}, cause);
  });
}

/** What stands in the place of an SQNR that is no number. */
export const withoutSqnr = ({ broken }: Pick<MeasuredChange, "broken">): string =>
  broken ? "not finite" : "identical";

/** Cells of a table: `31.2 dB`, `98.4 %`. */
export const errorCells = (change: Omit<MeasuredChange, "largest">): readonly string[] => [
  change.sqnr === null ? withoutSqnr(change) : `${change.sqnr.toFixed(1)} dB`,
  change.agreement === null ? "-" : `${(100 * change.agreement).toFixed(1)} %`,
];
