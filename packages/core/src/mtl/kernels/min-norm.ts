// J.-A. Desideri, "Multiple-gradient descent algorithm (MGDA)", C. R. Acad. Sci. Paris 350, 2012; two points:
// O. Sener, V. Koltun, "Multi-task learning as multi-objective optimization", NeurIPS 2018, algorithm 1.
import { cosines, rowNorms, type Square, squaredNorm, sum } from "./gramian.js";
import { nnls } from "./nnls.js";

export interface MinNorm {
  /** w, [K]. */
  readonly weights: Float64Array;
  /** ||J' w||^2. */
  readonly squaredNorm: number;
}

/**
 * The point of least norm in the convex hull of the gradients: argmin w' G w over the simplex {w >= 0, sum w = 1}.
 *
 * Exact. K = 2: the closed form. K > 2: the cone replaces the simplex, as min_{z >= 0} z' G z + s^2 (1' z - 1)^2
 * has its solution at z = t w for any s > 0 (for a fixed w the best t gives a value that grows with w' G w). With
 * s = min ||g_k|| and the rows scaled to length 1 all numbers are of order 1, whatever the sizes of the gradients.
 *
 * Zero rows share the weight equally (K = 2, both 0: the first). K = 1: 1. Where several points have the least norm,
 * any one; J' w is unique.
 *
 * @example
 * minNorm({ shape: [2, 2], data: Float64Array.of(18, -22, -22, 38) }); // weights 0.6, 0.4, squaredNorm 2
 */
export function minNorm(G: Square): MinNorm {
  const weights = G.shape[0] === 2 ? ofTwo(G) : ofMany(G);
  return { weights, squaredNorm: squaredNorm(G, weights) };
}

function ofTwo({ data: [a, b, , c] }: Square): Float64Array {
  if (b >= a) return Float64Array.of(1, 0);
  if (b >= c) return Float64Array.of(0, 1);
  // Not 1 - w for the second one, which would lose all digits if the gradients differ much in size.
  const total = c - b + (a - b);
  return Float64Array.of((c - b) / total, (a - b) / total);
}

function ofMany(G: Square): Float64Array {
  const n = rowNorms(G);
  const K = n.length;
  const least = n.reduce((a, b) => Math.min(a, b), Infinity);
  if (least === 0) {
    const zeros = n.filter((x) => x === 0).length;
    return n.map((x) => (x === 0 ? 1 / zeros : 0));
  }
  const a = n.map((x) => least / x);
  const A = cosines(G, n);
  for (let i = 0; i < K; i++) {
    for (let j = 0; j < K; j++) A.data[i * K + j] += a[i] * a[j];
  }
  const z = nnls(A, a).map((x, k) => x * a[k]);
  const total = sum(z);
  return z.map((x) => x / total);
}
