import { astype, dtypeOf, isNdArray, type NdArray, sizeOf } from "../../array.js";
import type { Batch } from "../../batch.js";
import type { DataStream } from "../../data/stream.js";
import { isPlainObject } from "../../describe.js";
import { DataError, ShapeError } from "../../errors.js";
import { formatShape, isFloat } from "../../graph/tensor.js";

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

/** Arrays of a source in the precision of the run, and the number of their examples. */
export function prepareSource(
  given: Batch,
  dtype: "float32" | "float64",
): { readonly arrays: Batch; readonly count: number } {
  if (typeof given !== "object" || given === null || isNdArray(given)) {
    throw new DataError(
      "Data are a record of arrays { shape, data }, such as { x, left, right }, or a list of such.",
    );
  }
  const entries = Object.entries(given).map(([name, a]): [string, NdArray] => {
    if (!isNdArray(a)) throw new DataError(`Data are arrays { shape, data }; "${name}" is not one.`);
    if (a.shape.length === 0 || sizeOf(a.shape) !== a.data.length) {
      throw new ShapeError(
        `"${name}" needs a first axis of examples and as many elements as its shape says; got ${a.data.length} for ${formatShape(a.shape)}.`,
      );
    }
    return [name, isFloat(dtypeOf(a)) ? astype(a, dtype) : a];
  });
  const count = entries[0]?.[1].shape[0] ?? 0;
  for (const [name, { shape }] of entries) {
    if (shape[0] === count && count > 0) continue;
    throw new ShapeError(
      `The arrays of a source must have equally many examples, at least one; "${entries[0][0]}" has ${count} and "${name}" ${shape[0]}. ` +
        "If tasks have examples of their own, put their arrays into separate records and pass a list of these.",
    );
  }
  return { arrays: Object.fromEntries(entries), count };
}
