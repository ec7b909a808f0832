// The element of a group at which weights are balanced, group after group.
import { type NdArray, sizeOf } from "../../array.js";
import type { GroupGenerator, LinearSpace, ScalingGenerator } from "../../symmetry/discovery/descriptors.js";
import type { Refusal, Symmetry } from "../../symmetry/symmetry.js";
import type { ScaleMeasure } from "./cells.js";
import { balancedScales, scaleArrays } from "./scales.js";
import { balancedSpaces } from "./spaces.js";
import { doublesOf, largestAway, type Sweeps, type Swept } from "./sweeps.js";

export type BalancedGroup = ScalingGenerator | LinearSpace;

export interface BalanceSettings extends Sweeps {
  readonly by: ScaleMeasure;
  readonly powersOfTwo: boolean;
}

/** The balanced point, and the elements of the group that lead there, one after another. */
export interface BalancedPoint {
  /** The arrays that groups act on, in float64, by path. */
  readonly arrays: ReadonlyMap<string, NdArray>;
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

/**
 * Moves arrays to the balanced point of their orbit. Where scalings meet linear maps of the same weights, one kind is
 * balanced after the other until neither moves: a group rests while all that was moved around it since its own best point
 * takes it away by no more than the tolerance.
 *
 * @returns a refusal where sweeps do not end
 */
export function balancedPoint(
  given: Readonly<Record<string, NdArray>>,
  groups: readonly BalancedGroup[],
  settings: BalanceSettings,
): BalancedPoint | Refusal {
  const kinds = [...new Set(groups.map(({ kind }) => kind))];
  const elements: (readonly NdArray<Float64Array>[])[] = [];
  const { tolerance, most } = settings;
  const arrays = doublesOf(given, groups);
  const memory = new Map<string, Float64Array>();
  // How far each group may be from its own best point.
  const away = groups.map(() => Number.POSITIVE_INFINITY);
  for (let pass = 0; pass < most && largestAway(away) > tolerance; pass++) {
    for (const kind of kinds) {
      const own = groups.flatMap((group, k) => (group.kind === kind ? [k] : []));
      if (own.every((k) => away[k] <= tolerance)) continue;
      const swept = sweptKind(
        arrays,
        own.map((k) => groups[k]),
        own.map((k) => away[k]),
        settings,
        memory,
      );
      own.forEach((k, i) => {
        away[k] = swept.away[i];
      });
      const left = largestAway(swept.away);
      if (!(left <= tolerance)) return unsettled(settings, left);
      const moved = movesOf(
        own.map((k) => groups[k]),
        swept.T,
      );
      if (moved.size === 0) continue;
      groups.forEach((group, k) => {
        if (group.kind !== kind) away[k] += Math.max(...group.axes.map(({ path }) => moved.get(path) ?? 0));
      });
      elements.push(groups.map((group, k) => swept.T[own.indexOf(k)] ?? zeroOf(group)));
    }
  }
  const left = largestAway(away);
  return left <= tolerance ? { arrays, elements } : unsettled(settings, left);
}

/** By how much the logarithms of lengths of vectors change at most in each parameter that groups move. */
function movesOf(
  groups: readonly BalancedGroup[],
  T: readonly NdArray<Float64Array>[],
): ReadonlyMap<string, number> {
  const moves = new Map<string, number>();
  groups.forEach((group, k) => {
    const size = sizeOfMove(group, T[k]);
    if (size === 0) return;
    for (const { path } of group.axes) moves.set(path, (moves.get(path) ?? 0) + size);
  });
  return moves;
}

/** A bound on the logarithm by which an element changes a vector's length. */
function sizeOfMove(group: BalancedGroup, { shape, data }: NdArray<Float64Array>): number {
  if (isScaling(group)) {
    const power = group.axes.reduce((most, leg) => Math.max(most, Math.abs(leg.power)), 0);
    return power * data.reduce((most, t) => Math.max(most, Math.abs(t)), 0);
  }
  const n = shape[shape.length - 1];
  const [rows, columns] = [new Float64Array(data.length / n), new Float64Array(data.length / n)];
  for (let e = 0; e < data.length; e++) {
    const size = Math.abs(data[e]);
    rows[Math.floor(e / n)] += size;
    columns[Math.floor(e / (n * n)) * n + (e % n)] += size;
  }
  return [...rows, ...columns].reduce((a, sum) => Math.max(a, sum), 0);
}

const unsettled = ({ most, tolerance }: Sweeps, step: number): Refusal => ({
  refused: `the weights are not balanced after ${most} sweeps over the groups: the next one would move a logarithm by up to ${step.toPrecision(2)}, more than the tolerance ${tolerance}. Give more sweeps or a larger tolerance; if that does not help, there is no balanced point`,
});

/** Balances arrays by groups of one kind, in place. */
function sweptKind(
  arrays: ReadonlyMap<string, NdArray>,
  groups: readonly BalancedGroup[],
  away: readonly number[],
  settings: BalanceSettings,
  memory: Map<string, Float64Array>,
): Swept {
  if (groups.every(isLinear)) return balancedSpaces(arrays, groups, settings, away);
  const scalings = groups.filter(isScaling);
  const swept = balancedScales(arrays, scalings, settings.by, settings, away, memory);
  const T = settings.powersOfTwo ? inPowersOfTwo(swept.T, scalings) : swept.T;
  scaleArrays(arrays, scalings, T);
  return { ...swept, T };
}

const isScaling = (group: BalancedGroup): group is ScalingGenerator => group.kind === "scaling";
const isLinear = (group: BalancedGroup): group is LinearSpace => group.kind === "linear";

function zeroOf(group: BalancedGroup): NdArray<Float64Array> {
  const shape = isScaling(group) ? [group.size] : [group.copies, group.size, group.size];
  return { shape, data: new Float64Array(sizeOf(shape)) };
}

/** Multiples of a generator's powers by which its T may be divided: 1 for whole powers, 2 for halves. */
const wholes = [1, 2, 3, 4, 5, 6, 7, 8];

/**
 * T rounded so that every factor exp(p T_i) is a power of 2: to multiples of q log 2, with the least q that makes all q p
 * whole numbers. A generator whose powers have no such q stays: T = 0.
 */
export function inPowersOfTwo(
  T: readonly NdArray[],
  generators: readonly ScalingGenerator[],
): NdArray<Float64Array>[] {
  return T.map(({ shape, data }, k) => {
    const q = wholes.find((whole) =>
      generators[k].axes.every(({ power }) => Number.isInteger(whole * power)),
    );
    const unit = (q ?? 0) * Math.LN2;
    return {
      shape,
      data: Float64Array.from(data as Float64Array, (t) => (unit && unit * Math.round(t / unit)) || 0),
    };
  });
}
