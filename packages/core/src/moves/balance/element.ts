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
  const { tolerance } = settings;
  // How far each group may be from its own best point: only moves of the other kind take it away.
  const away = groups.map(() => Number.POSITIVE_INFINITY);
  const reach = reachOf(groups);
  let point = tree;
  for (let pass = 0; pass < settings.most && away.some((far) => far > tolerance); pass++) {
    for (const kind of kinds) {
      const isAway = groups.map((group, k) => group.kind === kind && away[k] > tolerance);
      if (!isAway.includes(true)) continue;
      const { T, step } = elementOf(namedArrays(point), kind, groups, isAway, settings);
      if (!(step <= tolerance)) return unsettled(settings, step);
      groups.forEach((group, k) => {
        if (group.kind === kind && (kind === "scaling" || isAway[k])) away[k] = 0;
        const size = sizeOfMove(group, T[k]);
        for (const other of reach[k]) away[other] += size;
      });
      if (T.every(({ data }) => data.every((t) => t === 0))) continue;
      const next = await move(point, T);
      if (isRefusal(next)) return next;
      elements.push(T);
      point = next;
    }
  }
  const largest = away.reduce((a, far) => Math.max(a, far), 0);
  return largest <= tolerance ? { point, elements } : unsettled(settings, largest);
}

/** The groups of other kinds that share a parameter with each. */
function reachOf(groups: readonly BalancedGroup[]): readonly (readonly number[])[] {
  const paths = groups.map(({ axes }) => new Set<string>(axes.map(({ path }) => path)));
  return groups.map(({ kind }, k) =>
    groups.flatMap((other, j) =>
      other.kind !== kind && [...paths[k]].some((path) => paths[j].has(path)) ? [j] : [],
    ),
  );
}

/** A bound on the logarithm by which an element changes a vector's length. */
function sizeOfMove(group: BalancedGroup, { shape, data }: NdArray<Float64Array>): number {
  if (isScaling(group)) {
    const power = group.axes.reduce((most, leg) => Math.max(most, Math.abs(leg.power)), 0);
    return power * data.reduce((most, t) => Math.max(most, Math.abs(t)), 0);
  }
  const n = shape[shape.length - 1];
  let most = 0;
  for (let row = 0; row < data.length; row += n) {
    let sum = 0;
    for (let j = row; j < row + n; j++) sum += Math.abs(data[j]);
    most = Math.max(most, sum);
  }
  return most;
}

const unsettled = ({ most, tolerance }: Sweeps, step: number): Refusal => ({
  refused: `the weights are not balanced after ${most} sweeps over the groups: the next one would move a logarithm by up to ${step.toPrecision(2)}, more than the tolerance ${tolerance}. Give more sweeps or a larger tolerance; if that does not help, there is no balanced point`,
});

/** T that balances the groups of one kind, all scalings or the spaces that are away, and leaves the others as they are. */
function elementOf(
  arrays: Readonly<Record<string, NdArray>>,
  kind: BalancedGroup["kind"],
  groups: readonly BalancedGroup[],
  isAway: readonly boolean[],
  settings: BalanceSettings,
): Swept {
  const isTaken = groups.map((group, k) => (kind === "scaling" ? isScaling(group) : isAway[k]));
  const taken = groups.filter((_, k) => isTaken[k]);
  const swept =
    kind === "scaling"
      ? sweptScales(arrays, taken.filter(isScaling), settings)
      : balancedSpaces(arrays, taken.filter(isLinear), settings);
  let count = 0;
  return { ...swept, T: groups.map((group, k) => (isTaken[k] ? swept.T[count++] : zeroOf(group))) };
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
