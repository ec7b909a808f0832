// A. Navon et al., "Multi-task learning as a bargaining game", ICML 2022, claim 3.1 and algorithm 1.
import { integerFrom, nonNegative, type OptionsOf, oneOf, optionTable } from "../../options.js";
import { bargain, noteOf } from "../kernels/bargaining.js";
import { gramianOf, largest, type Square, spread, squaredNorm } from "../kernels/gramian.js";
import { checkedMethod, type MultiTaskMethod } from "../method.js";

export interface NashMtlOptions extends OptionsOf<typeof nashMtlOptions> {}

export const nashMtlOptions = optionTable("nashMtl", {
  /** Number of steps from one solution to the next; the weights are kept in between. Default 1. */
  updateEvery: integerFrom(1).default(1),
  /** Largest norm of the shared gradient; 0: no limit. Default 1. */
  clipNorm: nonNegative.default(1),
  /**
   * What the limit applies to: the shared gradient (default), or the weights, so that the heads' gradients
   * shrink, too.
   */
  clip: oneOf(["gradient", "weights"]).default("gradient"),
  /**
   * Weights if there is no solution: the last ones (default), or those of the combination of the gradients
   * that is 0.
   */
  whenUnsolvable: oneOf(["previous", "stationary"]).default("previous"),
});

/** State of {@link nashMtl}. */
export interface NashMtlState {
  /** Weights of the last solution, unclipped; 1 before the first. */
  readonly alpha: Float64Array;
  readonly steps: number;
}

/**
 * Nash-MTL: the Nash bargaining solution, the direction that maximizes the product of the losses' decreases.
 *
 * G alpha = 1 / alpha, alpha > 0; d = sum_k alpha_k g_k
 *
 * The solution is unique and found to rounding, by `powerRoot`; ||d||^2 = K before clipping. d does not change
 * when a loss is multiplied by a constant.
 *
 * Zero rows are left out, with a note: alpha_k is the largest of the others (1 if there are none), for the task's head.
 * No solution (a Pareto stationary point: opposite gradients, say): see `whenUnsolvable`, with a note. Dependent
 * gradients that are not stationary need no special case. K = 1: alpha = 1 / ||g||.
 *
 * @throws OptionError; NumericalError for a loss or gradient that is not finite, naming its task
 *
 * @example
 * const gramian = ndarray(Float64Array.of(18, -22, -22, 38), [2, 2]);
 * const input = { losses: Float64Array.of(2, 0.5), gramian, step: 0, epoch: 0, rng: createRng(0) };
 * const method = nashMtl();
 * method.combine(input, method.init(2)).weights; // 0.5915, 0.4071
 */
export function nashMtl(options: NashMtlOptions = {}): MultiTaskMethod<NashMtlState> {
  const { updateEvery, clipNorm, clip, whenUnsolvable } = nashMtlOptions.read(options);
  return checkedMethod<NashMtlState>({
    name: "nash-mtl",
    needs: "gramian",
    headGradient: "weighted",
    clipNorm: clip === "gradient" ? clipNorm : 0,
    init: (tasks) => ({ alpha: new Float64Array(tasks).fill(1), steps: 0 }),
    combine(input, { alpha: previous, steps }) {
      const G = gramianOf(input);
      const { alpha, ...note } =
        steps % updateEvery === 0 ? solution(G, previous, whenUnsolvable) : { alpha: previous };
      return {
        weights: clipNorm > 0 && clip === "weights" ? shrink(G, alpha, clipNorm) : alpha.slice(),
        state: { alpha, steps: steps + 1 },
        ...note,
      };
    },
  });
}

function solution(
  G: Square,
  previous: Float64Array,
  whenUnsolvable: "previous" | "stationary",
): { alpha: Float64Array; note?: string | undefined } {
  const K = G.shape[0];
  const result = bargain(G, 1);
  const instead = whenUnsolvable === "previous" ? "the previous weights" : "weights of that combination";
  const note = noteOf(result, K, instead);
  if (!result.solved && whenUnsolvable === "previous") return { alpha: previous.slice(), ...note };
  const own = Float64Array.from(result.kept, (k) => result.weights[k]);
  return { alpha: spread(own, result.kept, K, largest(own) || 1), ...note };
}

function shrink(G: Square, alpha: Float64Array, clipNorm: number): Float64Array {
  const norm = Math.sqrt(squaredNorm(G, alpha));
  return norm > clipNorm ? alpha.map((x) => (x * clipNorm) / norm) : alpha.slice();
}
