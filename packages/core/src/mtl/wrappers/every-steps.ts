// M. Zhou et al., "PSMGD: periodic stochastic multi-gradient descent for fast multi-objective optimization", AAAI 2025, keeps
// MGDA's weights; here those of any method.
import { integerFrom, type OptionsOf, optionTable } from "../../options.js";
import type { MultiTaskMethod } from "../method.js";
import { type Wrapped, weightsOf, wrapped } from "./wrapped.js";

export interface EveryStepsOptions extends OptionsOf<typeof everyStepsOptions> {}

export const everyStepsOptions = optionTable("everySteps", {
  /** n: after so many steps weights are computed anew; 1 changes nothing. */
  steps: integerFrom(1).required(),
});

export interface EveryStepsState<S> extends Wrapped<S> {
  /** Weights in use, and those of heads; null before the first step. */
  readonly kept: { readonly weights: Float64Array; readonly headWeights: Float64Array | null } | null;
  /** Steps until new ones. */
  readonly left: number;
}

/**
 * Any method with its weights kept for n steps.
 *
 * w_t = w of step n floor(t / n); d = J_t' w_t
 *
 * The rest is as in the method inside, which sees every n-th step alone.
 *
 * @param method one that gives weights
 * @throws OptionError, at the first step for a method without weights, such as gradDrop
 *
 * @example
 * everySteps(nashMtl(), { steps: 10 }).name; // everySteps(nashMtl)
 */
export function everySteps<S>(
  method: MultiTaskMethod<S>,
  options: EveryStepsOptions,
): MultiTaskMethod<EveryStepsState<S>> {
  const { steps } = everyStepsOptions.read(options);
  const every = wrapped<S, EveryStepsState<S>>(method, {
    name: `everySteps(${method.name})`,
    init: (tasks) => ({ inner: method.init(tasks), kept: null, left: 0 }),
    combine(input, state) {
      const { kept, left } = state;
      if (kept && left > 0) {
        const { weights, headWeights } = kept;
        return { weights, ...(headWeights && { headWeights }), state: { ...state, left: left - 1 } };
      }
      const combination = method.combine(input, state.inner);
      const weights = weightsOf("everySteps", method, combination);
      const headWeights = combination.headWeights ?? null;
      return {
        ...combination,
        state: { inner: combination.state, kept: { weights, headWeights }, left: steps - 1 },
      };
    },
  });
  const { afterStep } = every;
  if (!afterStep) return every;
  return {
    ...every,
    afterStep: (losses, input, state) => (state.left === steps - 1 ? afterStep(losses, input, state) : state),
  };
}
