// Scores of weights: magnitude, and LAMP (Lee, Park, Mo, Ahn and Shin, "Layer-adaptive sparsity for the magnitude-based
// pruning", ICLR 2021, eq. 4).
import type { NdArray } from "../../array.js";

export type PrunedBy = "magnitude" | "lamp";

/** Scores of all weights of one layer, in their order; the least go first. */
export const scoresOf: Readonly<Record<PrunedBy, (layer: NdArray) => Float64Array>> = {
  magnitude: ({ data }) => Float64Array.from(data as Float64Array, Math.abs),
  lamp,
};

/**
 * w_u^2 / sum of w_v^2 over the weight itself and all that come after it in the order of magnitude; of equal weights the
 * earlier element comes first. 0 for a layer of zeros.
 */
function lamp({ data }: NdArray): Float64Array {
  const magnitudes = Float64Array.from(data as Float64Array, Math.abs);
  const order = magnitudes.slice().sort();
  const largest = order[order.length - 1];
  if (!(largest > 0)) return magnitudes;
  // Relative to the largest: no square overflows, or is lost.
  const scores = order.map((magnitude) => (magnitude / largest) ** 2);
  for (let k = scores.length - 1, sum = 0; k >= 0; k--) {
    sum += scores[k];
    scores[k] = scores[k] === 0 ? 0 : scores[k] / sum;
  }
  const taken = new Uint32Array(order.length);
  return magnitudes.map((magnitude) => {
    const first = firstAt(order, magnitude);
    return scores[first + taken[first]++];
  });
}

/** The place of the first of the sorted values that is not below `value`. */
function firstAt(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
