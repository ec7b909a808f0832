import type { NdArray } from "../array.js";
import type { Dataset } from "../data/dataset.js";
import { NumericalError } from "../errors.js";
import { arraysOf, type TrainState } from "./state.js";

/**
 * Checks that loss and parameters are finite after some steps.
 *
 * @param run losses and rates of the steps, the state after them, the first step, and the data that they took
 * @throws NumericalError naming the first step at which they are not, with advice
 */
export function requireFinite<P, S>({
  losses,
  rates,
  next,
  first,
  data,
  nameOf,
}: {
  readonly losses: readonly number[];
  readonly rates: readonly number[];
  readonly next: TrainState<P, S>;
  readonly first: number;
  readonly data: Dataset;
  /** Names an example of the data. */
  readonly nameOf: (row: number) => string;
}): void {
  const state = `The state is still that of step ${first}.`;
  const advice = "Lower the learning rate, or clip the gradient with clipNorm.";
  const bad = losses.findIndex((l) => !Number.isFinite(l));
  if (bad >= 0) {
    const input = firstNonFinite(data.inputs);
    const width = data.inputs.data.length / data.inputs.shape[0];
    const cause =
      input && `The inputs hold ${input.value}, first in ${nameOf(Math.floor(input.at / width))}.`;
    throw new NumericalError(
      `The training loss became ${losses[bad]} at step ${first + bad}, with learning rate ${rates[bad]}. ${state} ${cause ?? advice}`,
    );
  }
  for (const [path, array] of Object.entries(
    arraysOf({ step: next.step, params: next.params, state: {}, optimizer: {} }),
  )) {
    const found = firstNonFinite(array);
    if (found) {
      throw new NumericalError(
        `"${path}" became ${found.value} before step ${next.step}, with learning rate ${rates.at(-1)}. ${state} ${advice}`,
      );
    }
  }
}

/** The position and value of the first NaN or infinity in an array; undefined if there is none. */
function firstNonFinite({ data }: NdArray): { readonly at: number; readonly value: number } | undefined {
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return undefined;
  const at = data.findIndex((x) => !Number.isFinite(x));
  return at < 0 ? undefined : { at, value: data[at] };
}
