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
  return mapParts(data, ({ inputs, labels }) => ({
    inputs: {
      shape: inputs.shape,
      data: Float32Array.from(inputs.data as Float32Array, (value, i) =>
        Number.isNaN(value) ? sums[i % width] / Math.max(1, counts[i % width]) : value,
      ),
    },
    labels,
  }));
}
