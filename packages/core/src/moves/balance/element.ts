// The element of a group at which weights are balanced, group after group.
import type { NdArray } from "../../array.js";
import { namedArrays } from "../../named-arrays.js";
import type { GroupGenerator, LinearSpace, ScalingGenerator } from "../../symmetry/discovery/descriptors.js";
import { isRefusal, type Refusal, type Symmetry } from "../../symmetry/symmetry.js";
import type { ScaleMeasure } from "./cells.js";
import { inPowersOfTwo } from "./powers-of-two.js";
import { balancedScales, type Sweeps, type Swept } from "./scales.js";
import { balancedSpaces } from "./spaces.js";

export type BalancedGroup = ScalingGenerator | LinearSpace;

export interface BalanceSettings extends Sweeps {
  readonly by: ScaleMeasure;
  readonly powersOfTwo: boolean;
}

/** The balanced point, and the elements of the group that lead there, one after another. */
export interface BalancedPoint<P> {
  readonly point: P;
  readonly elements: readonly (readonly NdArray<Float64Array>[])[];
}

/** The scalings and spaces that a symmetry consists of, one for each block of T; undefined if it acts on others. */
export function balancedGroups<P>({
  generators,
  algebra,
}: Pick<Symmetry<P>, "generators" | "algebra">): readonly BalancedGroup[] | undefined {
  const isBalanced = (group: GroupGenerator): group is BalancedGroup =>
    group.kind === "scaling" || group.kind === "linear";
  return generators?.every(isBalanced) && generators.length === algebra.length ? generators : undefined;
}

/** How a tree that is balanced moves with the group: weights by its action, gradients by the push-forward. */
export type MoveTree<P> = (tree: P, T: readonly NdArray[]) => Promise<P | Refusal>;

/**
 * Moves a tree to the balanced point of its orbit. Where scalings meet linear maps of the same weights, one kind is
 * balanced after the other until neither moves.
 *
 * @returns a refusal where sweeps do not end, or the action is refused
 */
export async function balancedPoint<P>(
  tree: P,
  groups: readonly BalancedGroup[],
  move: MoveTree<P>,
  settings: BalanceSettings,
): Promise<BalancedPoint<P> | Refusal> {
  const kinds = [...new Set(groups.map(({ kind }) => kind))];
  const elements: (readonly NdArray<Float64Array>[])[] = [];
  let [point, largest] = [tree, 0];
  for (let pass = 0; pass < settings.most; pass++) {
    largest = 0;
    for (const kind of kinds) {
      const { T, step } = elementOf(namedArrays(point), kind, groups, settings);
      if (!(step <= settings.tolerance)) return unsettled(settings, step);
      const size = T.reduce((most, { data }) => data.reduce((a, t) => Math.max(a, Math.abs(t)), most), 0);
      largest = Math.max(largest, size);
      if (size === 0) continue;
      const next = await move(point, T);
      if (isRefusal(next)) return next;
      elements.push(T);
      point = next;
    }
    if (kinds.length < 2 || largest <= settings.tolerance) return { point, elements };
  }
  return unsettled(settings, largest);
}

const unsettled = ({ most, tolerance }: Sweeps, step: number): Refusal => ({
  refused: `the weights are not balanced after ${most} sweeps over the groups: the next one would move a logarithm by up to ${step.toPrecision(2)}, more than the tolerance ${tolerance}. Give more sweeps or a larger tolerance; if that does not help, there is no balanced point`,
});

/** T that balances the groups of one kind, and leaves the others as they are. */
function elementOf(
  arrays: Readonly<Record<string, NdArray>>,
  kind: BalancedGroup["kind"],
  groups: readonly BalancedGroup[],
  settings: BalanceSettings,
): Swept {
  const swept =
    kind === "scaling"
      ? sweptScales(arrays, groups.filter(isScaling), settings)
      : balancedSpaces(arrays, groups.filter(isLinear), settings);
  let count = 0;
  return { ...swept, T: groups.map((group) => (group.kind === kind ? swept.T[count++] : zeroOf(group))) };
}

const isScaling = (group: BalancedGroup): group is ScalingGenerator => group.kind === "scaling";
const isLinear = (group: BalancedGroup): group is LinearSpace => group.kind === "linear";

function sweptScales(
  arrays: Readonly<Record<string, NdArray>>,
  scalings: readonly ScalingGenerator[],
  settings: BalanceSettings,
): Swept {
  const swept = balancedScales(arrays, scalings, settings.by, settings);
  return settings.powersOfTwo ? { ...swept, T: inPowersOfTwo(swept.T, scalings) } : swept;
}

function zeroOf(group: BalancedGroup): NdArray<Float64Array> {
  const shape = isScaling(group) ? [group.size] : [group.copies, group.size, group.size];
  return { shape, data: new Float64Array(shape.reduce((a, b) => a * b, 1)) };
}
