// J. Shen et al., "GO4Align: group optimization for multi-task alignment", NeurIPS 2024, section 3.

import { integerFrom, nonNegative, type OptionsOf, optionTable } from "../../options.js";
import { ratio } from "../kernels/ratio.js";
import { softmax } from "../kernels/simplex.js";
import { checkedMethod, type MultiTaskMethod } from "../method.js";

export interface Go4AlignOptions extends OptionsOf<typeof go4AlignOptions> {}

export const go4AlignOptions = optionTable("go4Align", {
  /** Number of groups; default 2. With as many as tasks, each task has its own weight. */
  groups: integerFrom(1).default(2),
  /** eta: rate of the risks' running shares; default 1e-4. */
  rate: nonNegative.default(1e-4),
});

export interface Go4AlignState {
  /** q = softmax(logShares), [K]. */
  readonly logShares: Float64Array;
}

/**
 * GO4Align: tasks with similar risks form groups, and a group has one weight.
 *
 * q_k <- q_k exp(-eta L_k) / sum_j q_j exp(-eta L_j), from q = 1 / K; v_k = q_k sum_j L_j / L_k
 * w_k = the center of v_k's cluster, by k-means of the K numbers v
 *
 * The clusters are the best ones (not those of random starts). A loss of 0 counts as v_k = q_k. Zero gradients need no special case. K = 1: w = 1.
 *
 * @throws OptionError; NumericalError for a loss that is negative or not finite, naming its task
 *
 * @example
 * const method = go4Align({ rate: 0 });
 * const input = { losses: Float64Array.of(1, 1, 2), step: 0, epoch: 0, rng: createRng(0) };
 * method.combine(input, method.init(3)).weights; // 1.333, 1.333, 0.667
 */
export function go4Align(options: Go4AlignOptions = {}): MultiTaskMethod<Go4AlignState> {
  const { groups, rate } = go4AlignOptions.read(options);
  return checkedMethod<Go4AlignState>({
    name: "go4Align",
    needs: "losses",
    headGradient: "weighted",
    losses: "non-negative",
    init: (tasks) => ({ logShares: new Float64Array(tasks) }),
    combine({ losses }, state) {
      const logShares = state.logShares.map((x, k) => x - rate * losses[k]);
      const largest = logShares.reduce((a, b) => Math.max(a, b), -Infinity);
      const total = losses.reduce((a, b) => a + b, 0);
      const v = softmax(logShares).map((q, k) => q * ratio(total, losses[k]));
      return {
        weights: clusterCenters(v, groups),
        state: { logShares: logShares.map((x) => x - largest) },
      };
    },
  });
}

/**
 * k-means of numbers: each number's cluster center, for the clusters with the least sum of squared distances.
 *
 * Exact, by the best last cluster of each number of sorted numbers: clusters of numbers are intervals.
 *
 * @param count clusters at most; as many numbers or more: each is its own center
 *
 * @example
 * clusterCenters(Float64Array.of(1, 10, 2), 2); // 1.5, 10, 1.5
 */
export function clusterCenters(values: Float64Array, count: number): Float64Array {
  const n = values.length;
  if (count >= n) return values.slice();
  const order = [...values.keys()].sort((a, b) => values[a] - values[b]);
  // In units of the largest, so that squares do not overflow.
  const unit = values.reduce((a, x) => Math.max(a, Math.abs(x)), 0) || 1;
  const sorted = order.map((k) => values[k] / unit);
  let costs = sorted.map((_, end) => costOf(sorted, 0, end));
  const begins = [sorted.map(() => 0)];
  for (let c = 1; c < count; c++) {
    const begin = sorted.map(() => 0);
    costs = sorted.map((_, end) => {
      let best = Infinity;
      for (let from = 0; from <= end; from++) {
        const cost = (from === 0 ? 0 : costs[from - 1]) + costOf(sorted, from, end);
        if (cost >= best) continue;
        best = cost;
        begin[end] = from;
      }
      return best;
    });
    begins.push(begin);
  }
  const centers = new Float64Array(n);
  for (let [c, end] = [count - 1, n - 1]; end >= 0; c--) {
    const from = begins[Math.max(c, 0)][end];
    const center = unit * meanOf(sorted, from, end);
    for (let i = from; i <= end; i++) centers[order[i]] = center;
    end = from - 1;
  }
  return centers;
}

const meanOf = (sorted: readonly number[], from: number, end: number): number =>
  sorted.slice(from, end + 1).reduce((sum, x) => sum + x / (end + 1 - from), 0);

/** The sum of squared distances of the numbers from..end to their mean. */
function costOf(sorted: readonly number[], from: number, end: number): number {
  const mean = meanOf(sorted, from, end);
  return sorted.slice(from, end + 1).reduce((sum, x) => sum + (x - mean) ** 2, 0);
}
