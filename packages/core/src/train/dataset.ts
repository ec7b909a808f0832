import { astype, dtypeOf, isNdArray, type NdArray, sizeOf } from "../array.js";
import type { Batch } from "../batch.js";
import type { Dataset } from "../data/dataset.js";
import type { DataStream } from "../data/stream.js";
import { DataError, DTypeError, isPlainObject, ShapeError } from "../errors.js";
import type { LabelUse } from "../graph/labels.js";
import { formatShape, formatType, isFloat, type Type } from "../graph/tensor.js";

/**
 * Checks a data set and converts its floats to the precision of the computation.
 *
 * @throws DataError, ShapeError unless it is two arrays of equally many examples, at least one
 */
export function prepareDataset(data: Dataset, dtype: "float32" | "float64"): Dataset {
  const prepare = (name: "inputs" | "labels"): NdArray => {
    const a = data?.[name];
    if (!isNdArray(a)) {
      const got = data === null || typeof data !== "object" ? String(data) : Object.keys(data).join(", ");
      throw new DataError(
        `A data set is { inputs, labels }, both of them arrays { shape, data }; ${name} is not one. Got ${got || "nothing"}.`,
      );
    }
    return prepareArray(name, a, dtype);
  };
  const [inputs, labels] = [prepare("inputs"), prepare("labels")];
  if (inputs.shape[0] !== labels.shape[0] || inputs.shape[0] === 0) {
    throw new ShapeError(
      "A data set needs as many labels as inputs, and at least one; " +
        `got inputs ${formatShape(inputs.shape)} and labels ${formatShape(labels.shape)}.`,
    );
  }
  return { inputs, labels };
}

/** @throws DTypeError unless labels fit the default loss, which takes classes */
export function requireDefaultLabels(labels: NdArray): void {
  const dtype = dtypeOf(labels);
  if (dtype === "int64") return;
  throw new DTypeError(
    `createTrainer: the default loss, crossEntropy, needs classes as labels, int64; got ${formatType({ shape: labels.shape, dtype })}. ` +
      'For real numbers as targets write loss: mseLoss; for classes, labels: astype(labels, "int64").',
  );
}

/** How labels are used if no loss of the library takes them. */
export function usesByOutput({ labels }: Dataset, { shape }: Type): readonly LabelUse[] {
  return labels.shape.length === 1 && shape.length === 2 ? [{ classes: shape[1] }] : [];
}

/** Arrays by name with equally many examples, or a stream of such. */
export type Source = Batch | DataStream<Batch>;

/** The sources that have arrays. */
export const listOf = (data: Source | readonly Source[]): readonly Source[] =>
  ((Array.isArray(data) ? data : [data]) as readonly Source[]).filter(
    (source) => !(isPlainObject(source) && Object.keys(source).length === 0),
  );

/** @throws DataError for two sources with arrays of one name */
export function requireNames(sources: readonly Batch[]): void {
  const names = sources.flatMap((arrays) => Object.keys(arrays));
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice === undefined) return;
  throw new DataError(`Two sources of data have an array "${twice}"; their names must differ.`);
}

/** Arrays of a source in the precision of the run. */
export function prepareSource(given: Batch, dtype: "float32" | "float64"): Batch {
  if (typeof given !== "object" || given === null || isNdArray(given)) {
    throw new DataError(
      "Data are a record of arrays { shape, data }, such as { x, left, right }, or a list of such.",
    );
  }
  const entries = Object.entries(given).map(([name, a]): [string, NdArray] => {
    if (!isNdArray(a)) throw new DataError(`Data are arrays { shape, data }; "${name}" is not one.`);
    return [name, prepareArray(name, a, dtype)];
  });
  const count = entries[0]?.[1].shape[0] ?? 0;
  for (const [name, { shape }] of entries) {
    if (shape[0] === count && count > 0) continue;
    throw new ShapeError(
      `The arrays of a source must have equally many examples, at least one; "${entries[0][0]}" has ${count} and "${name}" ${shape[0]}. ` +
        "If tasks have examples of their own, put their arrays into separate records and pass a list of these.",
    );
  }
  return Object.fromEntries(entries);
}

/** An array of examples, floats in the precision of the run. */
function prepareArray(name: string, a: NdArray, dtype: "float32" | "float64"): NdArray {
  if (a.shape.length > 0 && sizeOf(a.shape) === a.data.length) {
    return isFloat(dtypeOf(a)) ? astype(a, dtype) : a;
  }
  throw new ShapeError(
    `"${name}" needs a first axis of examples and as many elements as its shape says; got ${a.data.length} for ${formatShape(a.shape)}.`,
  );
}
