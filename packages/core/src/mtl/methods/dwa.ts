// S. Liu, E. Johns, A. Davison, "End-to-end multi-task learning with attention", CVPR 2019, equation 7.
import { integerFrom, type OptionsOf, optionTable, positive } from "../../options.js";
import { ratio } from "../kernels/ratio.js";
import { softmax } from "../kernels/simplex.js";
import { checkedMethod, type MultiTaskMethod } from "../method.js";

export interface DwaOptions extends OptionsOf<typeof dwaOptions> {}

export const dwaOptions = optionTable("dwa", {
  /** T; default 2. */
  temperature: positive.default(2),
  /** Compares means over this many steps instead of epochs; the common implementations use 25. */
  window: integerFrom(1).otherwise("epochs instead of steps"),
});

export interface DwaState {
  /** The latest losses, oldest first: of epochs, or of steps. */
  readonly history: readonly Float64Array[];
}

/**
 * Dynamic weight average: more weight for tasks whose loss falls slowly.
 *
 * r_k = Lbar_k(e - 1) / Lbar_k(e - 2), w = K softmax(r / T)
 *
 * Lbar: mean losses of an epoch. With `window` n they are means of the last n steps, including the current
 * one, and of the n steps before, and w has sum 1 instead of K, as in the implementations of that form.
 * Weights are equal until both means exist. A mean of 0 in the denominator counts as r = 1. K = 1: weight 1.
 * Gradients do not matter.
 *
 * @throws OptionError; NumericalError for a loss that is not finite, naming its task
 *
 * @example
 * const method = dwa();
 * let state = method.init(2);
 * for (const means of [[2, 1], [1, 1]]) state = method.endEpoch?.(Float64Array.from(means), state) ?? state;
 * const input = { losses: Float64Array.of(1, 1), step: 0, epoch: 2, rng: createRng(0) };
 * method.combine(input, state).weights; // 0.876, 1.124
 */
export function dwa(options: DwaOptions = {}): MultiTaskMethod<DwaState> {
  const { temperature, window } = dwaOptions.read(options);
  const size = window ?? 1;
  const remember = (losses: Float64Array, { history }: DwaState): DwaState => ({
    history: [...history, losses.slice()].slice(-2 * size),
  });
  const weightsFrom = ({ history }: DwaState, tasks: number): Float64Array => {
    const total = window === undefined ? tasks : 1;
    if (history.length < 2 * size) return new Float64Array(tasks).fill(total / tasks);
    const before = meanOf(history.slice(0, size));
    const after = meanOf(history.slice(size));
    return softmax(after.map((loss, k) => ratio(loss, before[k]) / temperature)).map((w) => total * w);
  };
  return checkedMethod<DwaState>({
    name: "dwa",
    needs: "losses",
    headGradient: "weighted",
    init: () => ({ history: [] }),
    combine({ losses }, before) {
      const state = window === undefined ? before : remember(losses, before);
      return { weights: weightsFrom(state, losses.length), state };
    },
    ...(window === undefined && { endEpoch: remember }),
  });
}

const meanOf = (rows: readonly Float64Array[]): Float64Array =>
  rows[0].map((_, k) => rows.reduce((sum, row) => sum + row[k] / rows.length, 0));
