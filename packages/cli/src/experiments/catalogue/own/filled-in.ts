import type { NdArray } from "isoloss";
import { mapParts, type RunData } from "../run-data.js";

/** The same data with means of the training examples in the place of inputs [n, columns] that are NaN; 0 where there is none. */
export function filledIn(data: RunData): RunData {
  const { shape, data: known } = data.train.inputs;
  const width = shape[1];
  const sums = new Float64Array(width);
  const counts = new Float64Array(width);
  for (let i = 0; i < known.length; i++) {
    const value = Number(known[i]);
    if (Number.isNaN(value)) continue;
    sums[i % width] += value;
    counts[i % width] += 1;
  }
  const gapMeans = Array.from(sums, (sum, k) => sum / Math.max(1, counts[k]));
  const filled = mapParts(data, ({ inputs, labels }) => ({ inputs: withMeans(inputs, gapMeans), labels }));
  return { ...filled, gapMeans };
}

/** Inputs [n, columns] with a mean of its column in the place of each NaN. */
export const withMeans = ({ shape, data }: NdArray, means: readonly number[]): NdArray => ({
  shape,
  data: Float32Array.from(data as Float32Array, (value, i) =>
    Number.isNaN(value) ? means[i % means.length] : value,
  ),
});
