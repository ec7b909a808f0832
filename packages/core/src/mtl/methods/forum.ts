// F. Ye, B. Lin, X. Cao, Y. Zhang, I. Tsang, "A first-order multi-gradient algorithm for multi-objective bi-level optimization",
// ECAI 2024, for the weights of tasks, as LibMTL has it.
import { ShapeError } from "../../errors.js";
import { integerFrom, nonNegative, type OptionsOf, optionTable, positive } from "../../options.js";
import { adamOnHost, type HostAdamState, startAdam } from "../kernels/adam-on-host.js";
import { dot, type Square } from "../kernels/gramian.js";
import { blockGramian, rowNorms, samplesOf, weightedRows } from "../kernels/jacobian-rows.js";
import { minNorm } from "../kernels/min-norm.js";
import { softmax } from "../kernels/simplex.js";
import { checkedMethod, type MultiTaskMethod } from "../method.js";

export interface ForumOptions extends OptionsOf<typeof forumOptions> {}

export const forumOptions = optionTable("forum", {
  /** How fast the lower problem must be solved; default 0.1. */
  phi: nonNegative.default(0.1),
  /** Learning rate of Adam for a; default 1e-3. */
  learningRate: positive.default(1e-3),
  /** eta of the inner steps; default 0.1. */
  innerRate: positive.default(0.1),
  /** T: number of inner steps; default 5. */
  innerSteps: integerFrom(1).default(5),
});

export interface ForumState {
  /** [K]. */
  readonly a: Float64Array;
  readonly adam: HostAdamState;
  /** Running mean of lambda from 0, [K]. */
  readonly lambda: Float64Array;
}

/**
 * FORUM: all losses on one batch fall, while the parameters stay near a minimum of the weighted loss on another one, whose weights
 * are trained with them.
 *
 * f(a, theta) = sum_k w_k L_k(theta) on the first batch, w = softmax(a);  q = grad (f(a, theta) - f(a, theta_T)), theta_T after T plain
 * inner steps and a constant;  F_k = grad L_k / ||grad L_k|| on the second batch, 0 in a
 * lambda^, mu = argmin ||sum_k lambda_k F_k + mu q||^2 - phi ||q||^2 mu over the simplex and mu >= max(0, lambda . pi),
 * pi_k = phi - F_k . q / (||q||^2 + 1e-8);  lambda <- lambda + (lambda^ - lambda) / (epoch + 1)^(3/4)
 * d = sum_k lambda_k F_k + max(0, lambda . pi) q: in theta a step of the run's optimizer, in a one of Adam
 *
 * Gradients are in all parameters, the heads' included; there are no weights. The problem is solved exactly, without the 1e-8.
 * Inner steps stop at a weighted loss above 1e5. Both batches are as large as the run's; LibMTL halves them.
 *
 * Zero rows have F_k = 0. q = 0: d is the shortest vector in the hull of the F_k. K = 1: lambda = 1.
 *
 * @throws OptionError; ShapeError without two samples or `descended`; NumericalError for a loss or gradient that is not finite, naming
 *   its task
 *
 * @example
 * const jacobian = ndarray(Float64Array.of(3, 0, 0, 4), [2, 2]);
 * const descended = Float64Array.of(1, 0.25);
 * const input = { losses: Float64Array.of(2, 0.5), jacobian, samples: [jacobian, jacobian], descended, step: 0, epoch: 0, rng: createRng(0) };
 * forum().combine(input, forum().init(2)).direction; // 0.5, 0.5
 */
export function forum(options: ForumOptions = {}): MultiTaskMethod<ForumState> {
  const { phi, learningRate, innerRate, innerSteps } = forumOptions.read(options);
  return checkedMethod<ForumState>({
    name: "forum",
    needs: "jacobian",
    headGradient: "unweighted",
    samplesPerStep: 2,
    spansHeads: true,
    virtualRate: innerRate,
    virtualSteps: innerSteps,
    virtualWeights: ({ a }) => softmax(a),
    init: (tasks) => ({
      a: new Float64Array(tasks).fill(1 / tasks),
      adam: startAdam(tasks),
      lambda: new Float64Array(tasks),
    }),
    combine(input, { a, adam: before, lambda: past }) {
      const [inner, outer] = samplesOf("forum", input, 2);
      const { losses, descended } = input;
      const K = losses.length;
      if (descended?.length !== K) {
        throw new ShapeError(
          `forum needs descended, ${K} losses after the inner steps; got ${descended?.length ?? "none"}.`,
        );
      }
      const w = softmax(a);
      const fallen = losses.map((loss, k) => loss - descended[k]);
      const mean = dot(w, fallen);
      // q in a and in theta.
      const qa = w.map((x, k) => x * (fallen[k] - mean));
      const q = weightedRows(inner, w);
      const squared = dot(qa, qa) + dot(q, q);
      const norms = rowNorms(outer);
      const width = q.length;
      const F = {
        shape: outer.shape,
        data: outer.data.map((x, at) => x / (norms[Math.floor(at / width)] || 1)),
      };
      const along = norms.map((_, k) => dot(F.data.subarray(k * width, (k + 1) * width), q));
      const solved = solve(blockGramian(F), along, Math.sqrt(squared), phi);
      const rate = 1 / (input.epoch + 1) ** 0.75;
      const lambda = past.map((x, k) => x + rate * (solved[k] - x));
      const pi = along.map((x) => phi - x / (squared + 1e-8));
      const nu = Math.max(0, dot(lambda, pi));
      const { params, adam } = adamOnHost(
        a,
        qa.map((x) => nu * x),
        before,
        { learningRate },
      );
      const direction = weightedRows(F, lambda).map((x, p) => x + nu * q[p]);
      return { direction, state: { a: params, adam, lambda } };
    },
  });
}

/**
 * lambda of the quadratic program, from the Gramian of the F_k, F_k . q and ||q||.
 *
 * With f_k = F_k . q / ||q|| and s = f . lambda the best mu is max(0, phi - s / ||q||), so that what is left is ||F' lambda||^2, and for
 * s < c = phi ||q|| also c s - s^2. At the optimum lambda is that of the shortest vector in the hull of the F_k + t q / ||q||, with
 * t = 0 for s > c, s + t = c / 2 for s < c, and a t between these for s = c. s falls with t, and s + t grows.
 */
function solve(G: Square, along: Float64Array, length: number, phi: number): Float64Array {
  const K = along.length;
  const f = along.map((x) => (length > 0 ? x / length : 0));
  const c = phi * length;
  const at = (t: number): Point => {
    const data = G.data.map((x, i) => x + t * (f[Math.floor(i / K)] + f[i % K]) + t * t);
    const { weights } = minNorm({ shape: [K, K], data });
    return { t, weights, s: dot(f, weights) };
  };
  const start = at(0);
  if (start.s >= c) return start.weights;
  const most = f.reduce((x, y) => Math.max(x, Math.abs(y)), 0);
  const half = root(at, [at(c / 2 - most), at(c / 2 + most)], ({ s, t }) => s + t - c / 2);
  return half.s <= c ? half.weights : root(at, [half, start], ({ s }) => c - s).weights;
}

/** lambda for a t. */
interface Point {
  readonly t: number;
  readonly weights: Float64Array;
  /** f . lambda. */
  readonly s: number;
}

/**
 * Where a function that grows with t is 0 between two points. lambda is linear in t as long as its support stays, so that the root is
 * exact once both ends share it.
 */
function root(
  at: (t: number) => Point,
  [low, high]: readonly [Point, Point],
  excess: (point: Point) => number,
): Point {
  let [a, b] = [low, high];
  const shareOf = () => Math.max(0, Math.min(1, excess(a) / (excess(a) - excess(b)) || 0));
  for (let round = 0; round < 60; round++) {
    if (a.weights.every((x, k) => x > 0 === b.weights[k] > 0)) break;
    // Secant and midpoint in turns, off the ends: the bracket shrinks from both sides.
    const share = round % 2 === 0 ? Math.max(0.02, Math.min(0.98, shareOf())) : 0.5;
    const middle = at(a.t + share * (b.t - a.t));
    if (middle.t <= a.t || middle.t >= b.t) break;
    if (excess(middle) < 0) a = middle;
    else b = middle;
  }
  const share = shareOf();
  const between = (x: number, y: number) => x + share * (y - x);
  return {
    t: between(a.t, b.t),
    weights: a.weights.map((x, k) => between(x, b.weights[k])),
    s: between(a.s, b.s),
  };
}
