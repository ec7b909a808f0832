import { cosines, restrict, rowNorms, type Square, spread, sum } from "./gramian.js";
import { minNorm } from "./min-norm.js";
import { powerRoot } from "./power-root.js";

export interface Bargain {
  /** w, [K]; 0 for zero rows. */
  readonly weights: Float64Array;
  /** Tasks with a gradient. */
  readonly kept: readonly number[];
  /** Whether G w = w^{-p} on these has a solution. If not, w is a combination of them that is 0, to rounding. */
  readonly solved: boolean;
}

/** {@link powerRoot} without the zero rows; at a Pareto stationary point the convex combination that proves it. */
export function bargain(G: Square, p: number): Bargain {
  const K = G.shape[0];
  const kept = [...rowNorms(G).keys()].filter((k) => G.data[k * K + k] > 0);
  if (kept.length === 0) return { weights: new Float64Array(K), kept, solved: false };
  const own = restrict(G, kept);
  const root = powerRoot(own, p);
  if (root) return { weights: spread(root, kept, K), kept, solved: true };
  const n = rowNorms(own);
  const w = minNorm(cosines(own, n)).weights.map((x, k) => x / n[k]);
  const total = sum(w);
  return {
    weights: spread(
      w.map((x) => x / total),
      kept,
      K,
    ),
    kept,
    solved: false,
  };
}

/** A note on why the weights are not the solution for all tasks; none if they are. */
export function noteOf(
  { kept, solved }: Bargain,
  K: number,
  instead: string,
): { readonly note?: string | undefined } {
  if (!solved)
    return {
      note: `The gradients have a convex combination that is 0, so there is no solution: ${instead}.`,
    };
  const zeros = Array.from({ length: K }, (_, k) => k).filter((k) => !kept.includes(k));
  return zeros.length > 0 ? { note: `Gradient 0, so left out: task ${zeros.join(", ")}.` } : {};
}
