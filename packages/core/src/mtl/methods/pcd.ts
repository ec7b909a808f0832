// D. Varam et al., "Not all objectives are born equal: priority-constrained descent for hierarchical multi-objective optimization",
// TMLR 2026 (arXiv 2606.29521), as TorchJD has it.
import { anyOf, listOf, nonNegative, type OptionsOf, optionTable, share, smoothing } from "../../options.js";
import { solveDefinite } from "../kernels/cholesky.js";
import {
  dot,
  gramianOf,
  precision,
  restrict,
  rowNorms,
  type Square,
  squaredNorm,
} from "../kernels/gramian.js";
import { eachTask } from "../kernels/per-task.js";
import { checkedMethod, type MultiTaskMethod } from "../method.js";

export interface PcdOptions extends OptionsOf<typeof pcdOptions> {}

export const pcdOptions = optionTable("pcd", {
  /** Share of its own progress that each secondary task gets: one for all, or one for each of the K - 1; default 0.02. */
  tau: anyOf(share, listOf(share, { least: 1 })).default(0.02),
  /** Decay of the running mean of the squared norms; default 0.999. */
  beta: smoothing.default(0.999),
  /** Added to that mean; default 1e-8. */
  epsilon: nonNegative.default(1e-8),
});

export interface PcdState {
  /** Running mean of ||g_k||^2 from 0, [K]. */
  readonly squares: Float64Array;
  readonly steps: number;
}

/**
 * PCD: the gradient of the first task, turned so far that each other task gets a share of the progress that its own gradient makes.
 *
 * d~ = argmin ||d - u_1||^2 subject to d . u_j >= tau_j ||u_j||^2 for j > 1;  d = d~ ||g_1|| / ||d~||
 * u_k = g_k / sqrt(v_k + epsilon), v_k the mean of ||g_k||^2 over the steps, m_k / (1 - beta^t), m <- beta m + (1 - beta) ||g||^2
 *
 * The tasks are not treated alike: the first is the primary one. The problem is solved in the Gramian, up to the rounding of float32.
 *
 * g_1 = 0: w = 0. No direction satisfies all: d = g_1, with a note. d~ = 0 to rounding: w = 0. Zero rows of other tasks and dependent
 * gradients need no special case. K = 1: w = 1.
 *
 * @throws OptionError, also from `init` unless tau has K - 1 numbers; NumericalError for a loss or gradient that is not finite,
 *   naming its task
 *
 * @example
 * const gramian = ndarray(Float64Array.of(18, -22, -22, 38), [2, 2]);
 * const input = { losses: Float64Array.of(2, 0.5), gramian, step: 0, epoch: 0, rng: createRng(0) };
 * const method = pcd();
 * method.combine(input, method.init(2)).weights; // 1.8481, 1.0954
 */
export function pcd(options: PcdOptions = {}): MultiTaskMethod<PcdState> {
  const { tau, beta, epsilon } = pcdOptions.read(options);
  return checkedMethod<PcdState>({
    name: "pcd",
    needs: "gramian",
    headGradient: "unweighted",
    init(tasks) {
      if (tasks > 1 || typeof tau !== "number") eachTask("pcd: tau without the first task", tau, tasks - 1);
      return { squares: new Float64Array(tasks), steps: 0 };
    },
    combine(input, { squares: past, steps: before }) {
      const G = gramianOf(input);
      const K = G.shape[0];
      const steps = before + 1;
      const squares = past.map((m, k) => beta * m + (1 - beta) * G.data[k * (K + 1)]);
      const state = { squares, steps };
      const primary = G.data[0];
      if (primary === 0) return { weights: new Float64Array(K), state };
      const scale = squares.map((m) => {
        const divisor = Math.sqrt(m / (1 - beta ** steps) + epsilon);
        return divisor > 0 ? 1 / divisor : 0;
      });
      const U: Square = {
        shape: G.shape,
        data: G.data.map((x, at) => x * scale[Math.floor(at / K)] * scale[at % K]),
      };
      const shares = eachTask("pcd: tau without the first task", tau, K - 1);
      const multipliers = nearestInHalfSpaces(U, shares);
      const w = Float64Array.of(1, ...(multipliers ?? new Float64Array(K - 1)));
      const factor = isZero(U, w) ? 0 : Math.sqrt(primary / squaredNorm(U, w));
      return {
        weights: w.map((x, k) => x * scale[k] * factor),
        state,
        ...(multipliers
          ? {}
          : { note: "No direction gives every task its share: the first task's gradient." }),
      };
    },
  });
}

/** Whether the sum of w_k u_k is 0 to the rounding of the Gramian. */
const isZero = (G: Square, w: Float64Array): boolean =>
  squaredNorm(G, w) <= precision * dot(w.map(Math.abs), rowNorms(G)) ** 2;

/**
 * The multipliers mu >= 0, [K - 1], of the point nearest to u_0 with d . u_j >= tau_j ||u_j||^2 for j = 1..K-1: u_0 + sum_j mu_j u_j.
 * Undefined if there is no such point.
 *
 * The dual method of D. Goldfarb, A. Idnani, Mathematical Programming 27, 1983: each round adds the most violated constraint, and
 * drops those whose multiplier becomes 0 on the way. A gradient counts as dependent on the active ones if its part orthogonal to
 * them is 0 to the rounding of the Gramian, and a constraint as met if it is violated by no more than that.
 */
function nearestInHalfSpaces(G: Square, tau: Float64Array): Float64Array | undefined {
  const K = G.shape[0];
  const n = K - 1;
  const S = restrict(
    G,
    Array.from({ length: n }, (_, j) => j + 1),
  );
  const b = tau.map((t, j) => t * S.data[j * (n + 1)] - G.data[(j + 1) * K]);
  const norms = rowNorms(G);
  const mu = new Float64Array(n);
  let active: number[] = [];
  const slackOf = (p: number) => mu.reduce((sum, x, j) => sum + S.data[p * n + j] * x, -b[p]);
  for (let rounds = 10 * K; rounds > 0; ) {
    // Relative to the gradients, as rounding is.
    const slacks = Array.from({ length: n }, (_, j) =>
      active.includes(j) || norms[j + 1] === 0 ? 0 : slackOf(j) / norms[j + 1],
    );
    const p = slacks.indexOf(Math.min(...slacks));
    const size = norms[0] + dot(mu, norms.subarray(1));
    if (p < 0 || slacks[p] >= -precision * size) break;
    for (let isAdded = false; !isAdded && rounds > 0; rounds--) {
      const column = Float64Array.from(active, (j) => S.data[j * n + p]);
      const r = solveDefinite(restrict(S, active), column) ?? column.fill(0);
      const orthogonal = new Float64Array(n);
      orthogonal[p] = 1;
      active.forEach((j, i) => {
        orthogonal[j] = -r[i];
      });
      const full = isZero(S, orthogonal) ? Infinity : -slackOf(p) / squaredNorm(S, orthogonal);
      const ratios = active.map((j, i) => (r[i] > 0 ? mu[j] / r[i] : Infinity));
      const partial = Math.min(...ratios);
      const step = Math.min(full, partial);
      if (step === Infinity) return undefined;
      active.forEach((j, i) => {
        mu[j] -= step * r[i];
      });
      mu[p] += step;
      isAdded = full <= partial;
      const blocking = ratios.indexOf(partial);
      if (isAdded) active.push(p);
      else {
        mu[active[blocking]] = 0;
        active = active.filter((_, i) => i !== blocking);
      }
    }
  }
  return mu;
}
