import { describeValue, OptionError } from "../../errors.js";
import { type OptionsOf, optionTable, share } from "../../options.js";
import type { PermutationSpace } from "../../symmetry/discovery/descriptors.js";
import { namedArrays } from "../../tree.js";
import { cutParams, cutsOf, judged, leastUnits, type UnitCut, unitNorms } from "./units.js";

export interface PrunedUnitsOptions extends OptionsOf<typeof prunedUnitsOptions> {}

const prunedUnitsOptions = optionTable("prunedUnits", {
  /** Share of the units of each space that go, 0 to 1: the nearest whole number of them; one unit stays at least. */
  fraction: share.required(),
});

/** Parameters with fewer units. */
export interface PrunedUnits<P> {
  /** Smaller arrays where units went; the others are the same. */
  readonly params: P;
  /** Which units went, for each space from which some did. */
  readonly removed: readonly UnitCut[];
  /** The spaces whose units cannot go, and why. */
  readonly left: readonly { readonly space: PermutationSpace; readonly reason: string }[];
}

/**
 * Removes whole hidden units, channels or heads, with all weights into and out of them. The units that can be permuted
 * with one another are a space, which may run through many layers (a residual stream); in each the units i with the
 * least
 *
 * sum over all weights w of unit i of |w|^2
 *
 * go. That is not invariant under scalings of units: prune `await balanced(params, found)`. Removing a unit is the same as
 * setting its weights to zero, but where the function counts its units, such as in a mean over them or a layer norm.
 *
 * @param params a tree of arrays
 * @param permutations `symmetriesOf(loss, params, batch).found.permutations`, all or some
 * @throws OptionError for spaces of other parameters; NumericalError when weights are not finite
 *
 * @example
 * const even = await balanced(params, found);
 * const { params: smaller, removed } = prunedUnits(even, found.permutations, { fraction: 0.5 });
 * removed[0].units.length; // 8
 */
export function prunedUnits<P>(
  params: P,
  permutations: readonly PermutationSpace[],
  options: PrunedUnitsOptions,
): PrunedUnits<P> {
  const { fraction } = prunedUnitsOptions.read(options);
  if (!Array.isArray(permutations)) {
    throw new OptionError(
      `prunedUnits takes spaces of units, symmetriesOf(loss, params, batch).found.permutations; got ${describeValue(permutations)}.`,
    );
  }
  const arrays = namedArrays(params);
  const { cuttable, left } = judged(arrays, permutations);
  const removed = cuttable
    .map((space) => ({ space, units: leastUnits(unitNorms(arrays, space), fraction) }))
    .filter(({ units }) => units.length > 0);
  return { params: cutParams(params, arrays, cutsOf(arrays, removed)), removed, left };
}
