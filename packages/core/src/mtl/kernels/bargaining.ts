import { solveDefinite } from "./cholesky.js";
import { cosines, dot, largest, restrict, rowNorms, type Square, spread, sum, times } from "./gramian.js";
import { minNorm } from "./min-norm.js";

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
  if (kept.length === 0) return { note: "All gradients are 0, so there is no solution." };
  if (!solved)
    return {
      note: `The gradients have a convex combination that is 0, so there is no solution: ${instead}.`,
    };
  const zeros = Array.from({ length: K }, (_, k) => k).filter((k) => !kept.includes(k));
  return zeros.length > 0 ? { note: `Gradient 0, so left out: task ${zeros.join(", ")}.` } : {};
}

// Nash-MTL (p = 1): A. Navon et al., ICML 2022, claim 3.1; FairGrad (p = 1 / alpha): H. Ban, K. Ji, ICML 2024,
// equation 6. Both are stationary points of one strictly convex potential, found by a damped Newton method.

/** y' C y / (sum y)^2 below which the unit gradients count as having a non-negative combination that is zero. */
const stationary = 1e-13;
/** Lower bound of each y_k as a fraction of the largest: far below it, the size no longer matters for C y. */
const negligible = 1e-30;
const maximalSteps = 200;

/**
 * The x > 0 with G x = x^{-p}; null if there is none.
 *
 * x minimizes 1/2 x' G x + sum phi(x_k), phi = -log x for p = 1 and -x^{1-p} / (1-p) otherwise, on x > 0. It is unique,
 * and exists unless some w >= 0, w != 0, has J' w = 0 (a zero row, opposite gradients, a Pareto stationary point): to
 * rounding, unless the hull of the unit gradients comes within 3e-7 of 0. Also null after 200 steps without
 * convergence, which occurs in no test.
 *
 * @param G Gramian, [K, K]
 * @param p > 0
 *
 * @example
 * powerRoot({ shape: [1, 1], data: Float64Array.of(4) }, 1); // 0.5
 */
export function powerRoot(G: Square, p: number): Float64Array | null {
  const n = rowNorms(G);
  if (n.includes(0)) return null;
  const C = cosines(G, n);
  if (n.length === 2 && p === 1) return ofTwo(1 + C.data[1], n);
  const logs = n.map((x) => Math.log(x));
  // With x_k = y_k / n_k the equation is C y = n^{p-1} y^{-p}; logarithms keep the powers in range.
  const powers = (y: Float64Array) => y.map((v, k) => Math.exp((p - 1) * logs[k] - p * Math.log(v)));

  let y = startOf(C, logs, p);
  let last = Infinity;
  for (let step = 0; step < maximalSteps; step++) {
    const z = times(C, y);
    if (dot(y, z) <= stationary * sum(y) ** 2) return null;
    const e = powers(y);
    const g = z.map((x, k) => x - e[k]);
    const direction = newtonDirection(C, g, curvature(y, z, e, p));
    if (!direction) return null;
    const floor = 10 * negligible * largest(y);
    const size = largest(direction.map((d, k) => (d < 0 && y[k] <= floor ? 0 : Math.abs(d) / y[k])));
    y = search(C, powers, y, direction, g);
    // Quadratic convergence: after a step of 1e-8 the error is rounding. For near-singular C: until there is
    // no improvement.
    if (size <= 1e-8 || (size <= 1e-4 && size >= last)) {
      return y.map((v, k) => (v <= floor && z[k] > 0 ? rootOf(z[k], logs[k], p) : v) / n[k]);
    }
    last = size;
  }
  return null;
}

/** x_k = 1 / (n_k sqrt(1 + cos)): the only closed form, for two tasks and p = 1. */
const ofTwo = (agreement: number, n: Float64Array): Float64Array | null =>
  agreement > 2 * stationary ? n.map((x) => 1 / (x * Math.sqrt(agreement))) : null;

/** The y with z = n^{p-1} y^{-p}. */
const rootOf = (z: number, log: number, p: number) => Math.exp(((p - 1) * log - Math.log(z)) / p);

/** The solution for orthogonal gradients, y_k = n_k^{(p-1)/(p+1)}, times the best factor. */
function startOf(C: Square, logs: Float64Array, p: number): Float64Array {
  const y = logs.map((l) => Math.exp(((p - 1) / (p + 1)) * l));
  const pulled = dot(y, times(C, y));
  const pushed = dot(y, y);
  const factor = pulled > stationary * pushed ? (pushed / pulled) ** (1 / (p + 1)) : 1;
  return y.map((v) => v * factor);
}

/**
 * The diagonal that the potential adds to C: not phi'' = p e / y but the secant of phi' from y to the root r y of
 * phi'(r y) = -z, r = (e / z)^{1/p} up to 10. Equal in the limit; far off, one task with a much too large y_k does not
 * hold back all the others at the boundary, as Newton's own step there is to -(z / e - 1) / p of y_k.
 */
function curvature(y: Float64Array, z: Float64Array, e: Float64Array, p: number): Float64Array {
  return y.map((v, k) => {
    const excess = z[k] > 0 ? Math.min(9, Math.expm1(Math.log(e[k] / z[k]) / p)) : 9;
    return Math.abs(excess) < 1e-6 ? (p * e[k]) / v : (e[k] - z[k]) / (v * excess);
  });
}

/** -(C + diag h)^{-1} g; null where rounding makes the matrix singular. */
function newtonDirection({ shape, data }: Square, g: Float64Array, h: Float64Array): Float64Array | null {
  const H = { shape, data: data.slice() };
  for (let k = 0; k < g.length; k++) H.data[k * g.length + k] += h[k];
  return solveDefinite(H, g)?.map((x) => -x) ?? null;
}

/**
 * y + a direction, but no y_k below a thousandth of what it was, with a = 1 halved until this descends and the slope at
 * its end is not steep upwards. The bound for each y_k alone, not a smaller a for all: tasks whose gradients
 * differ much in size then converge in few steps.
 */
function search(
  C: Square,
  powers: (y: Float64Array) => Float64Array,
  y: Float64Array,
  direction: Float64Array,
  g: Float64Array,
): Float64Array {
  const floor = negligible * largest(y);
  for (let a = 1; ; a /= 2) {
    const moved = y.map((v, k) => Math.max(floor, v / 1000, v + a * direction[k]));
    const e = powers(moved);
    const z = times(C, moved);
    let [slope, atEnd, noise] = [0, 0, 0];
    for (let k = 0; k < y.length; k++) {
      const step = moved[k] - y[k];
      slope += g[k] * step;
      atEnd += (z[k] - e[k]) * step;
      noise += 1e-14 * (Math.abs(z[k]) + e[k]) * Math.abs(step);
    }
    if ((slope <= noise && atEnd <= noise - 0.5 * slope) || a < 1e-12) return moved;
  }
}
