import { describeValue } from "../../describe.js";
import { OptionError } from "../../errors.js";
import { namedArrays } from "../../named-arrays.js";
import { oneOf } from "../../option-kinds.js";
import { type OptionRows, optionTable } from "../../options.js";
import type { Discovery } from "../../symmetry/discovery/descriptors.js";
import { generalLinear } from "../../symmetry/general-linear.js";
import { scaling } from "../../symmetry/scaling.js";
import { isRefusal, type Symmetry } from "../../symmetry/symmetry.js";
import { type BalancedBy, balancedScales } from "./scales.js";
import { balancedSpaces } from "./spaces.js";

export interface BalancedOptions {
  /**
   * `norm` (default): the least sum of squares on the orbit; `range`: equal largest magnitudes of each unit's
   * weights, for quantization of whole tensors.
   */
  readonly by?: BalancedBy | undefined;
}

const balancedOptions = optionTable("balanced", {
  by: oneOf(["norm", "range"]).default("norm"),
} satisfies OptionRows<BalancedOptions>);

/**
 * The same function with balanced weights: on the orbit of all exact scalings, and for `norm` of GL, the point where
 * the sum of squares is least, or where what maps into a unit and what maps out of it have equal ranges. In closed form,
 * without a limit on how far it goes, and nothing is compiled. It pays before what is not invariant under scalings: training
 * from a start that is badly scaled, quantization of whole tensors, pruning by magnitude.
 *
 * @param found what `symmetriesOf` finds for the loss of these parameters
 * @param options `by`
 * @returns new parameters; those that no symmetry reaches are the same arrays
 * @throws OptionError for anything but what `symmetriesOf` finds for these parameters; NumericalError when weights are not finite
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
  const { by } = balancedOptions.read(options);
  if (!Array.isArray(found?.scalings) || !Array.isArray(found.linear)) {
    throw new OptionError(
      `balanced takes what symmetriesOf finds, symmetriesOf(loss, params, batch).found; got ${describeValue(found)}.`,
    );
  }
  const generators = found.scalings.filter(({ exact }) => exact);
  const T = balancedScales(namedArrays(params), generators, by);
  const scaled = await acted(scaling<P>(generators), params, T);
  if (by === "range" || found.linear.length === 0) return scaled;
  return acted(generalLinear<P>(found.linear), scaled, balancedSpaces(namedArrays(scaled), found.linear));
}

async function acted<P>(symmetry: Symmetry<P>, params: P, T: Parameters<Symmetry<P>["act"]>[1]): Promise<P> {
  const moved = await symmetry.act(params, T, {});
  if (isRefusal(moved)) throw new OptionError(`balanced: ${moved.refused}.`);
  return moved;
}
