// P. Blanchard, E. M. El Mhamdi, R. Guerraoui, J. Stainer, "Machine learning with adversaries: Byzantine tolerant gradient
// descent", NeurIPS 2017, section 4.
import { OptionError } from "../../errors.js";
import { integerFrom, type OptionsOf, oneOf, optionTable } from "../../options.js";
import { gramianOf, type Square } from "../kernels/gramian.js";
import { type MultiTaskMethod, statelessMethod } from "../method.js";

export interface KrumOptions extends OptionsOf<typeof krumOptions> {}

export const krumOptions = optionTable("krum", {
  /** f: how many gradients may be arbitrary; default 1. There must be at least f + 3 tasks. */
  byzantine: integerFrom(0).default(1),
  /** How many gradients are averaged (Multi-Krum); default 1. */
  selected: integerFrom(1).default(1),
  /** Whether a score sums distances or, as in the paper (default), their squares. */
  distance: oneOf(["squared", "euclidean"]).default("squared"),
});

/**
 * Krum and Multi-Krum: the gradients that are nearest to most others, so that a few arbitrary ones do not matter.
 *
 * score_k = the sum of the K - f - 2 smallest ||g_k - g_j||^2, j != k
 * w_k = 1 / s for the s gradients with the least scores, 0 for the others; of equal scores the first tasks
 *
 * d is the mean of the selected gradients. Zero rows and dependent gradients need no special case. Losses do not matter.
 *
 * @throws OptionError, also for fewer than f + 3 or s tasks; NumericalError for a loss or gradient that is not finite, naming
 *   its task
 *
 * @example
 * const gramian = ndarray(Float64Array.of(1, 1, 1, 9, 1, 1, 1, 9, 1, 1, 1, 9, 9, 9, 9, 81), [4, 4]);
 * const input = { losses: Float64Array.of(1, 1, 1, 1), gramian, step: 0, epoch: 0, rng: createRng(0) };
 * krum({ selected: 3 }).combine(input, null).weights; // 1/3, 1/3, 1/3, 0
 */
export function krum(options: KrumOptions = {}): MultiTaskMethod<null> {
  const { byzantine, selected, distance } = krumOptions.read(options);
  const requireTasks = (tasks: number): void => {
    const least = Math.max(byzantine + 3, selected);
    if (tasks >= least) return;
    throw new OptionError(
      `krum with byzantine ${byzantine} and selected ${selected} needs ${least} tasks or more; got ${tasks}.`,
    );
  };
  return statelessMethod({
    name: "krum",
    needs: "gramian",
    headGradient: "unweighted",
    requireTasks,
    combine(input) {
      const G = gramianOf(input);
      const K = G.shape[0];
      requireTasks(K);
      const scores = scoresOf(G, K - byzantine - 2, distance === "squared" ? 1 : 0.5);
      const order = [...scores.keys()].sort((a, b) => scores[a] - scores[b] || a - b);
      const weights = new Float64Array(K);
      for (const k of order.slice(0, selected)) weights[k] = 1 / selected;
      return { weights };
    },
  });
}

/** Sums of the smallest squared distances to others, each to a power. */
function scoresOf({ shape: [K], data }: Square, count: number, power: number): Float64Array {
  const squared = (i: number, j: number) =>
    Math.max(0, data[i * K + i] - data[i * K + j] + (data[j * K + j] - data[i * K + j]));
  return Float64Array.from({ length: K }, (_, i) => {
    const own = Float64Array.from({ length: K }, (__, j) => (i === j ? Infinity : squared(i, j) ** power));
    return own
      .sort()
      .subarray(0, count)
      .reduce((sum, x) => sum + x, 0);
  });
}
