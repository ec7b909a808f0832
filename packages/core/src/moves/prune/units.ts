// Whole units: the spaces whose units can be permuted are the groups of weights that go together.
import type { NdArray } from "../../array.js";
import { NumericalError, OptionError } from "../../errors.js";
import type { ParameterAxis, PermutationSpace } from "../../symmetry/discovery/descriptors.js";
import type { UnitSpace } from "../../symmetry/discrete/discrete-axes.js";
import {
  elementsAlong,
  mapArrays,
  requirePath,
  requireView,
  unitsOf,
} from "../../symmetry/parameter-axes.js";
import { type Cuts, isUncuttable, markUnits, ownAxisOf, type Uncuttable, withoutCuts } from "./cut.js";

/** What goes of a space. */
export interface UnitCut<S extends UnitSpace = PermutationSpace> {
  readonly space: S;
  /** Numbers of the units, ascending. */
  readonly units: readonly number[];
}

/** Sum of |w|^2 over all weights of each unit that `counts` selects. */
export function unitNorms(
  arrays: Readonly<Record<string, NdArray>>,
  { size, axes }: PermutationSpace,
  counts: (path: string) => boolean = () => true,
): Float64Array {
  const norms = new Float64Array(size);
  for (const leg of axes.filter(({ path }) => counts(path))) {
    const data = elementsAlong(arrayAt(arrays, leg), leg);
    const units = unitsOf(leg);
    for (let at = 0; at < data.length; at++) norms[units[at]] += data[at] ** 2;
  }
  if (!norms.every(Number.isFinite)) {
    const names = [...new Set(axes.map(({ path }) => path))].join(", ");
    throw new NumericalError(`The weights of ${names} are not all finite, or their squares are too large.`);
  }
  return norms;
}

function arrayAt(arrays: Readonly<Record<string, NdArray>>, leg: ParameterAxis): NdArray {
  requirePath(leg.path, Object.keys(arrays));
  requireView(arrays[leg.path], leg);
  return arrays[leg.path];
}

/**
 * The units with the least norms; of equal ones the first. Those that stay are the multiple of `step` that is nearest to
 * (1 - fraction) n, the larger of two, and never none; all stay where the nearest integer is n.
 */
export function leastUnits(norms: Float64Array, fraction: number, step = 1): number[] {
  const n = norms.length;
  const share = n - fraction * n;
  const kept = Math.round(share) === n ? n : step * Math.max(1, Math.round(share / step));
  const count = Math.max(0, n - kept);
  const order = [...norms.keys()].sort((a, b) => norms[a] - norms[b] || a - b);
  return order.slice(0, count).sort((a, b) => a - b);
}

/** Why the units of a space cannot go, if they cannot. */
export function whyUncuttable(
  arrays: Readonly<Record<string, NdArray>>,
  { axes }: UnitSpace,
): string | undefined {
  const found = axes.map((leg) => ({ leg, own: ownAxisOf(arrayAt(arrays, leg).shape, leg) }));
  const wrong = found.find((entry): entry is { leg: ParameterAxis; own: Uncuttable } =>
    isUncuttable(entry.own),
  );
  return wrong === undefined ? undefined : `${wrong.own.reason} ("${wrong.leg.path}")`;
}

/** Spaces whose units can go, and the others with the reason. */
export function judged<S extends UnitSpace>(arrays: Readonly<Record<string, NdArray>>, spaces: readonly S[]) {
  const all = spaces.map((space) => ({ space, reason: whyUncuttable(arrays, space) }));
  return {
    cuttable: all.flatMap(({ space, reason }) => (reason === undefined ? [space] : [])),
    left: all.flatMap(({ space, reason }) => (reason === undefined ? [] : [{ space, reason }])),
  };
}

/** Parameters of these arrays without what is cut of each. */
export const cutParams = <P>(
  params: P,
  arrays: Readonly<Record<string, NdArray>>,
  cuts: ReadonlyMap<string, Cuts>,
): P =>
  mapArrays(params, (_, path) => {
    const own = cuts.get(path);
    return own === undefined ? arrays[path] : withoutCuts(arrays[path], own);
  });

/** Of how many units the channels are a multiple of `multiple`, along each axis of an array that has them. */
export function stepOf(
  arrays: Readonly<Record<string, NdArray>>,
  { axes }: UnitSpace,
  multiple: number,
): number {
  const own = axes.map((leg) => ownAxisOf(arrayAt(arrays, leg).shape, leg));
  const channels = own.flatMap((at) => (isUncuttable(at) ? [] : [at.count / at.size]));
  return multiple / channels.reduce(greatestDivisor, multiple);
}

const greatestDivisor = (a: number, b: number): number => (b === 0 ? a : greatestDivisor(b, a % b));

/** What is cut of each array: the indices of all units along the arrays' own axes. */
export function cutsOf(
  arrays: Readonly<Record<string, NdArray>>,
  cuts: readonly UnitCut<UnitSpace>[],
): ReadonlyMap<string, Cuts> {
  const all = new Map<string, Map<number, Uint8Array>>();
  for (const { space, units } of cuts) {
    const gone = new Set(units);
    for (const leg of gone.size === 0 ? [] : space.axes) {
      const { shape } = arrayAt(arrays, leg);
      const own = ownAxisOf(shape, leg);
      if (isUncuttable(own)) throw new OptionError(`Units of "${leg.path}" cannot go: ${own.reason}.`);
      const of = all.get(leg.path) ?? new Map<number, Uint8Array>();
      const marks = of.get(own.axis) ?? new Uint8Array(shape[own.axis]);
      markUnits(own, gone, marks);
      all.set(leg.path, of.set(own.axis, marks));
    }
  }
  return all;
}
