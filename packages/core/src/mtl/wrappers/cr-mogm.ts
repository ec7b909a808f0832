// S. Zhou et al., "On the convergence of stochastic multi-objective gradient manipulation and beyond", NeurIPS 2022, algorithm 1.
import { finite, listOf, type OptionsOf, optionTable, smoothing } from "../../options.js";
import { eachTask } from "../kernels/per-task.js";
import type { MultiTaskMethod } from "../method.js";
import { type Wrapped, weightsOf, wrapped } from "./wrapped.js";

export interface CrMogmOptions extends OptionsOf<typeof crMogmOptions> {}

export const crMogmOptions = optionTable("crMogm", {
  /** alpha: weight of the past; 0 changes nothing. Default 0.9. */
  alpha: smoothing.default(0.9),
  /** lambda_0, one number for each task; default w_1, so that the first step is that of the method inside. */
  initialWeights: listOf(finite, { least: 1 }).otherwise("those of the first step"),
});

export interface CrMogmState<S> extends Wrapped<S> {
  /** lambda of the last step, at first `initialWeights`; null before the first step without these. */
  readonly smoothed: Float64Array | null;
}

/**
 * CR-MOGM: any method with its weights averaged over the steps, which corrects the bias that weights have when they are
 * computed from the batch that they are applied to.
 *
 * lambda_t = alpha lambda_{t-1} + (1 - alpha) w_t, lambda_0 = `initialWeights` or w_1; d = J' lambda_t
 *
 * The rest is as in the method inside: what it needs, its clipping, its state.
 *
 * @param method one that gives weights
 * @throws OptionError, at the first step for a method without weights, such as gradDrop, and from `init` unless there is an initial
 *   weight for each task
 *
 * @example
 * const smooth = crMogm(mgda(), { alpha: 0.5 });
 * smooth.name; // crMogm(mgda)
 */
export function crMogm<S>(
  method: MultiTaskMethod<S>,
  options: CrMogmOptions = {},
): MultiTaskMethod<CrMogmState<S>> {
  const { alpha, initialWeights } = crMogmOptions.read(options);
  return wrapped<S, CrMogmState<S>>(method, {
    name: `crMogm(${method.name})`,
    init: (tasks) => ({
      inner: method.init(tasks),
      smoothed: initialWeights ? eachTask("crMogm: initialWeights", initialWeights, tasks) : null,
    }),
    combine(input, { inner, smoothed }) {
      const combination = method.combine(input, inner);
      const w = weightsOf("crMogm", method, combination);
      const weights = smoothed ? w.map((x, k) => alpha * smoothed[k] + (1 - alpha) * x) : w;
      return { ...combination, weights, state: { inner: combination.state, smoothed: weights } };
    },
  });
}
