// "DiBS-MTL: transformation-invariant multitask learning with direction oracles", 2025: the form with one step.
import { positive } from "../../option-kinds.js";
import { type OptionRows, optionTable } from "../../options.js";
import { checkedMethod } from "../checked-method.js";
import { gramianOf, rowNorms } from "../kernels/gramian.js";
import type { MultiTaskMethod } from "../method.js";

export interface DibsMtlOptions {
  /** Length of each gradient in the sum; default 1. The authors' is 0.01 times the learning rate. */
  readonly length?: number | undefined;
}

export const dibsMtlOptions = optionTable("dibsMtl", {
  length: positive.default(1),
} satisfies OptionRows<DibsMtlOptions>);

/**
 * DiBS-MTL with one step: the sum of the gradients' directions, which does not change when a loss is transformed by an
 * increasing function.
 *
 * w_k = length / ||g_k||
 *
 * Zero rows have weight 0. K = 1: the direction of the gradient. Losses do not matter.
 *
 * @throws OptionError; NumericalError for a loss or gradient that is not finite, naming its task
 *
 * @example
 * const gramian = ndarray(Float64Array.of(4, 0, 0, 25), [2, 2]);
 * const input = { losses: Float64Array.of(2, 0.5), gramian, step: 0, epoch: 0, rng: createRng(0) };
 * dibsMtl().combine(input, null).weights; // 0.5, 0.2
 */
export function dibsMtl(options: DibsMtlOptions = {}): MultiTaskMethod<null> {
  const { length } = dibsMtlOptions.read(options);
  return checkedMethod({
    name: "dibsMtl",
    needs: "gramian",
    headGradient: "unweighted",
    init: () => null,
    combine: (input, state) => ({
      weights: rowNorms(gramianOf(input)).map((n) => (n === 0 ? 0 : length / n)),
      state,
    }),
  });
}
