import { astype, dtypeOf } from "../../array.js";
import { describeValue, NumericalError, OptionError } from "../../errors.js";
import { flag, integerFrom, type OptionsOf, oneOf, optionTable, positive } from "../../options.js";
import type { Discovery } from "../../symmetry/discovery/descriptors.js";
import { mapArrays } from "../../symmetry/parameter-axes.js";
import { isRefusal } from "../../symmetry/symmetry.js";
import { namedArrays } from "../../tree.js";
import type { ScaleMeasure } from "./cells.js";
import { balancedPoint } from "./element.js";

export interface BalancedOptions extends OptionsOf<typeof balancedOptions> {}

export const balancedOptions = optionTable("balanced", {
  /**
   * `norm` (default): the least sum of squares on the orbit; `range`: equal largest magnitudes of each unit's
   * weights, for quantization of whole tensors. Units whose weights are below 1/256 of their bias stay.
   */
  by: oneOf<ScaleMeasure>(["norm", "range"]).default("norm"),
  /**
   * Factors rounded to powers of 2, by which floats are multiplied exactly: results stay the same, bit for bit, where
   * nothing over- or underflows and both programs run the same kernels. GL is left out then. Default false.
   */
  powersOfTwo: flag.default(false),
  /** Sweeps end when no logarithm of a factor would move by more; default 1e-3, of ranges 0.05. */
  tolerance: positive.otherwise("1e-3, of ranges 0.05"),
  /** Sweeps over all groups at most; default 1000. 2 to 20 are usual. */
  sweeps: integerFrom(1).default(1000),
});

/** The tolerance of sweeps by default: in long chains of layers, ranges settle slowly, and 5 % of one are 0.07 bits. */
export const toleranceOf = (by: string): number => (by === "range" ? 0.05 : 1e-3);

/**
 * The same function with balanced weights: on the orbit of all exact scalings, and for `norm` of GL, the point where
 * the sum of squares is least, or where what maps into a unit and what maps out of it have equal ranges. In closed form,
 * without a limit on how far it goes, and nothing is compiled. It pays before what is not invariant under scalings: training
 * from a start that is badly scaled, quantization of whole tensors, pruning by magnitude.
 *
 * @param found what `symmetriesOf` finds for the loss of these parameters
 * @returns new parameters; those that no symmetry reaches are the same arrays
 * @throws OptionError for anything but what `symmetriesOf` finds for these parameters; NumericalError when weights are not
 *   finite, and when sweeps do not come to an end
 *
 * @example
 * const { found } = symmetriesOf(loss, params, batch);
 * const even = await balanced(params, found);
 */
export async function balanced<P>(
  params: P,
  found: Pick<Discovery, "scalings" | "linear">,
  options: BalancedOptions = {},
): Promise<P> {
  const { by, powersOfTwo, tolerance = toleranceOf(by), sweeps: most } = balancedOptions.read(options);
  if (!Array.isArray(found?.scalings) || !Array.isArray(found.linear)) {
    throw new OptionError(
      `balanced takes what symmetriesOf finds, symmetriesOf(loss, params, batch).found; got ${describeValue(found)}.`,
    );
  }
  const scalings = found.scalings.filter(({ exact }) => exact);
  const linear = by === "range" || powersOfTwo ? [] : found.linear;
  const groups = [...scalings, ...linear];
  const end = balancedPoint(namedArrays(params), groups, { by, powersOfTwo, tolerance, most });
  if (isRefusal(end)) throw new NumericalError(`balanced: ${end.refused}.`);
  if (end.elements.length === 0) return params;
  return mapArrays(params, (array, path) => {
    const moved = end.arrays.get(path);
    return moved ? astype(moved, dtypeOf(array)) : array;
  });
}
