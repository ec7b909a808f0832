import { OptionError } from "../../errors.js";
import { type Combination, checkedMethod, type MultiTaskMethod } from "../method.js";

/** What a wrapper keeps beside the state of the method inside. */
export interface Wrapped<S> {
  readonly inner: S;
}

/** A method around another one, which gets the calls after steps and epochs, and says what it needs. */
export function wrapped<S, W extends Wrapped<S>>(
  { virtualWeights, afterStep, endEpoch, ...method }: MultiTaskMethod<S>,
  own: Pick<MultiTaskMethod<W>, "name" | "init" | "combine">,
): MultiTaskMethod<W> {
  return checkedMethod<W>({
    ...method,
    ...own,
    ...(virtualWeights && { virtualWeights: (state: W) => virtualWeights(state.inner) }),
    ...(afterStep && {
      afterStep: (losses, input, state: W) => ({ ...state, inner: afterStep(losses, input, state.inner) }),
    }),
    ...(endEpoch && {
      endEpoch: (meanLosses, state: W) => ({ ...state, inner: endEpoch(meanLosses, state.inner) }),
    }),
  });
}

/**
 * The weights of a combination, for wrappers that change or keep them.
 *
 * @throws OptionError for methods that work on J's entries, and have none
 */
export function weightsOf(
  wrapper: string,
  { name }: Pick<MultiTaskMethod<never>, "name">,
  { weights }: Combination<unknown>,
): Float64Array {
  if (weights) return weights;
  throw new OptionError(
    `${wrapper} needs a method that gives weights of the tasks; ${name} gives a direction only.`,
  );
}
