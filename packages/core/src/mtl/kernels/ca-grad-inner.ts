// B. Liu et al., "Conflict-averse gradient descent for multi-task learning", NeurIPS 2021, algorithm 1 and equation 4.
import { dot, largest, rowNorms, type Square, squaredNorm, times, uniform } from "./gramian.js";
import { minNorm } from "./min-norm.js";

export interface CaGradInner {
  /** w*, [K]. */
  readonly weights: Float64Array;
  /** ||g_w|| = ||J' w*||; 0 if a combination that is 0 (up to 1e-6 of its parts) is optimal. */
  readonly norm: number;
}

/** The optimal w for a given t = ||g_w|| / sigma. */
interface Point {
  readonly t: number;
  readonly w: Float64Array;
  readonly norm: number;
}

/** ||g_w|| up to this fraction of sum_k w_k ||g_k|| counts as 0. */
const vanishing = 1e-6;

/**
 * argmin over the simplex of g_w . g_0 + sigma ||g_w||, g_w = J' w, g_0 = mean of the g_k, sigma = c ||g_0||.
 *
 * ||g_w|| = min_tau (||g_w||^2 / tau + tau) / 2, jointly convex. For a fixed tau the best w is that of the point of
 * least norm in the hull of the g_k + t g_0, t = tau / sigma, and the optimum has tau = ||g_w||: a root in one variable.
 * w is linear in t as long as its support stays, so that the root is exact once both ends of the bracket share it.
 *
 * @param c > 0
 *
 * @example
 * caGradInner({ shape: [2, 2], data: Float64Array.of(18, -22, -22, 38) }, 0.5).weights; // 1, 0
 */
export function caGradInner(G: Square, c: number): CaGradInner {
  const K = G.shape[0];
  const m = uniform(K);
  const b = times(G, m);
  const phi = Math.max(0, dot(b, m));
  const sigma = c * Math.sqrt(phi);
  const n = rowNorms(G);
  if (Math.sqrt(phi) <= Number.EPSILON * largest(n)) return { weights: m, norm: Math.sqrt(phi) };

  const at = (t: number): Point => {
    const data = new Float64Array(K * K);
    for (let i = 0; i < K; i++) {
      for (let j = 0; j < K; j++) data[i * K + j] = G.data[i * K + j] + t * (b[i] + b[j]) + t * t * phi;
    }
    const w = minNorm({ shape: [K, K], data }).weights;
    return { t, w, norm: Math.sqrt(squaredNorm(G, w)) };
  };
  const excess = ({ t, norm }: Point) => norm - sigma * t;

  let low = at(0);
  const parts = dot(low.w, n);
  if (low.norm <= vanishing * parts) {
    const least = n.reduce((a, x) => (x > 0 ? Math.min(a, x) : a), Infinity);
    const near = at((vanishing * (parts || least)) / sigma);
    if (excess(near) <= 0) return { weights: low.w, norm: 0 };
    low = near;
  }
  // ||g_w|| grows with t, so that sigma t = ||g_w|| of a point below the root is not above it either.
  low = at(low.norm / sigma);
  const limit = largest(n) / sigma;
  let high = low;
  for (let factor = 4; excess(high) > 0 && high.t < limit; factor *= factor) {
    low = high;
    high = at(Math.min(limit, low.t * factor));
  }
  for (let round = 0; round < 100; round++) {
    const wide = high.t > 16 * low.t;
    if (!wide && sameSupport(low.w, high.w)) break;
    const middle = at(wide ? Math.sqrt(low.t * high.t) : guess(low, high, sigma, round));
    if (middle.t <= low.t || middle.t >= high.t) break;
    if (middle.norm > sigma * middle.t) low = middle;
    else high = middle;
  }
  return between(G, sigma, low, high);
}

/**
 * Alternates between the secant's root, moved off the ends, and the midpoint: the bracket shrinks from both
 * sides.
 */
function guess(low: Point, high: Point, sigma: number, round: number): number {
  const above = low.norm - sigma * low.t;
  const below = high.norm - sigma * high.t;
  const share = round % 2 === 0 && above > below ? above / (above - below) : 0.5;
  return low.t + Math.max(0.02, Math.min(0.98, share)) * (high.t - low.t);
}

const sameSupport = (a: Float64Array, b: Float64Array) => a.every((x, k) => x > 0 === b[k] > 0);

/**
 * The root of ||g_w|| = sigma t with w linear in t between two points: a quadratic equation in the fraction
 * of the distance.
 */
function between(G: Square, sigma: number, low: Point, high: Point): CaGradInner {
  const step = high.w.map((x, k) => x - low.w[k]);
  const dt = high.t - low.t;
  const A = squaredNorm(G, step) - (sigma * dt) ** 2;
  const B = 2 * (dot(times(G, low.w), step) - sigma * sigma * low.t * dt);
  const C = low.norm ** 2 - (sigma * low.t) ** 2;
  const root = Math.sqrt(Math.max(0, B * B - 4 * A * C));
  const q = -(B + (B < 0 ? -root : root)) / 2;
  const candidates = [q / A, C / q].filter((s) => s >= -1e-9 && s <= 1 + 1e-9);
  const s = Math.max(0, Math.min(1, candidates[0] ?? 0));
  const weights = low.w.map((x, k) => x + s * step[k]);
  return { weights, norm: Math.sqrt(squaredNorm(G, weights)) };
}
