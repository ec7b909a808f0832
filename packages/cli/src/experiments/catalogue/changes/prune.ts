// LAMP: J. Lee et al., "Layer-adaptive sparsity for the magnitude-based pruning", ICLR 2021, eq. 6.
import type { NdArray } from "isoloss";
import { constant, mul } from "isoloss/ops";
import type { Change } from "./network.js";
import { weightsOf, withWeights } from "./weights.js";

export interface PruneOptions {
  readonly fraction: number;
  readonly by: "magnitude" | "lamp";
}

/** Sets a fraction of all weights to zero, those of the least scores over all layers, for good. */
export const prune = ({ fraction, by }: PruneOptions): Change => ({
  isMove: false,
  apply(network) {
    const masks = keptWeights(weightsOf(network.params), { fraction, by });
    return {
      ...network,
      model: withWeights(network.model, (weight, path) => mul(weight, constant(masks[path]))),
    };
  },
});

/** 1 for the weights that stay, 0 for the others. */
export function keptWeights(
  weights: Readonly<Record<string, NdArray>>,
  { fraction, by }: PruneOptions,
): Readonly<Record<string, NdArray>> {
  const entries = Object.entries(weights).map(([path, { shape, data }]) => {
    const squares = Float64Array.from(data as Float32Array, (w) => Number(w) ** 2);
    return { path, shape, data, scores: by === "lamp" ? lampScores(squares) : squares };
  });
  const all = Float64Array.from(entries.flatMap(({ scores }) => [...scores])).sort();
  const pruned = Math.round(fraction * all.length);
  const least = pruned < all.length ? all[pruned] : Number.POSITIVE_INFINITY;
  return Object.fromEntries(
    entries.map(({ path, shape, data, scores }) => {
      const mask =
        data instanceof Float64Array ? new Float64Array(scores.length) : new Float32Array(scores.length);
      scores.forEach((score, i) => {
        mask[i] = score >= least ? 1 : 0;
      });
      return [path, { shape, data: mask }];
    }),
  );
}

/** Each weight's square as a share of the squares of those in its layer that are not smaller. */
function lampScores(squares: Float64Array): Float64Array {
  const order = Array.from(squares.keys()).sort((a, b) => squares[b] - squares[a]);
  const scores = new Float64Array(squares.length);
  let sum = 0;
  for (const i of order) {
    sum += squares[i];
    scores[i] = sum === 0 ? 0 : squares[i] / sum;
  }
  return scores;
}
