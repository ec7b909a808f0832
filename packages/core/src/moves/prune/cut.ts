// Which elements of parameters go with units, as cuts along the parameters' own axes.
import { allocate, dtypeOf, type NdArray, type Shape, sizeOf } from "../../array.js";
import { type ParameterAxis, partShape } from "../../symmetry/discovery/descriptors.js";

/** Which indices along each axis of an array go: 1 for those that do. An axis that is not named stays whole. */
export type Cuts = ReadonlyMap<number, Uint8Array>;

/** Why an axis cannot be cut. */
export interface Uncuttable {
  readonly reason: string;
}

export const isUncuttable = (value: object): value is Uncuttable => "reason" in value;

/** The axis of an array itself along which a parameter axis has its units, and how the units are arranged there. */
export interface OwnAxis {
  readonly axis: number;
  /** Index at which the units begin; number of indices; unit of index k: floor(k / inner) mod size. */
  readonly start: number;
  readonly count: number;
  readonly inner: number;
  readonly size: number;
}

/** Where a parameter axis is among the axes of the array, or why its units are no indices of one of them. */
export function ownAxisOf(shape: Shape, { part, view, axis }: ParameterAxis): OwnAxis | Uncuttable {
  const own = partShape(shape, part);
  const size = view[axis];
  const inner = sizeOf(view.slice(axis + 1));
  for (let d = 0, behind = sizeOf(own); d < own.length; d++) {
    behind /= own[d];
    const isInside = inner >= behind && inner * size <= behind * own[d];
    if (!isInside || inner % behind !== 0 || (behind * own[d]) % (inner * size) !== 0) continue;
    if (part !== undefined && part.axis !== d) {
      return { reason: "its units are in one part of a parameter that stays whole elsewhere" };
    }
    if (part?.times !== undefined) return { reason: "its units are only a part of each head" };
    return { axis: d, start: part?.start ?? 0, count: own[d], inner: inner / behind, size };
  }
  return { reason: "its units are spread over several axes of a parameter" };
}

/** Marks the indices of units along an axis of the array. */
export function markUnits(
  { start, count, inner, size }: OwnAxis,
  units: ReadonlySet<number>,
  into: Uint8Array,
): void {
  for (let k = 0; k < count; k++) if (units.has(Math.floor(k / inner) % size)) into[start + k] = 1;
}

/** An array without the indices that are cut. */
export function withoutCuts(array: NdArray, cuts: Cuts): NdArray {
  let [shape, data] = [array.shape, array.data];
  for (const [axis, gone] of cuts) {
    const kept = [...gone.keys()].filter((k) => gone[k] === 0);
    const behind = sizeOf(shape.slice(axis + 1));
    const before = sizeOf(shape.slice(0, axis));
    const smaller = allocate(dtypeOf(array), before * kept.length * behind) as Float64Array;
    for (let b = 0, at = 0; b < before; b++) {
      for (const k of kept) {
        const from = (b * shape[axis] + k) * behind;
        smaller.set((data as Float64Array).subarray(from, from + behind), at);
        at += behind;
      }
    }
    shape = shape.map((n, d) => (d === axis ? kept.length : n));
    data = smaller;
  }
  return { shape, data };
}

/** An array with zeros in the place of what is cut. */
export function zeroedCuts({ shape, data }: NdArray, cuts: Cuts): NdArray {
  const zeroed = data.slice() as Float64Array;
  for (const [axis, gone] of cuts) {
    const behind = sizeOf(shape.slice(axis + 1));
    for (let e = 0; e < zeroed.length; e++)
      if (gone[Math.floor(e / behind) % shape[axis]] === 1) zeroed[e] = 0;
  }
  return { shape, data: zeroed };
}
