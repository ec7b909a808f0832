// What scalings see of a parameter: elements that all of them scale alike are one cell.
import { type NdArray, sizeOf } from "../../array.js";
import type { ScalingGenerator } from "../../symmetry/discovery/descriptors.js";
import { changeAlong, extents } from "../../symmetry/parameter-axes.js";

/** One parameter along which a generator acts. */
export type Leg = ScalingGenerator["axes"][number];

/** Sum of squares (`norm`) or largest magnitude (`range`). */
export type ScaleMeasure = "norm" | "range";

export interface Cells {
  /** Sum of squares or largest magnitude of each cell's elements, which are first divided by `unit`. */
  readonly values: Float64Array;
  /** A power of two near the largest magnitude, by which squares neither over- nor underflow. */
  readonly unit: number;
  /** For each leg the unit of each cell; the number of units stands for elements that the leg leaves out. */
  readonly units: readonly Int32Array[];
  /** Sizes of the table of all legs' units, if the cells are one. */
  readonly table?: readonly number[] | undefined;
}

/** The cells of a parameter between the legs that act on it. */
export function cellsOf(array: NdArray, legs: readonly Leg[], by: ScaleMeasure): Cells {
  const count = array.data.length;
  const digits = legs.map((leg) => leg.view[leg.axis] + 1);
  const unitsOfElements = legs.map((leg) => unitsAlong(array.shape, leg));
  // Where legs are parts of axes, a table of all their units may be larger than the parameter.
  const isDense = sizeOf(digits) <= 2 * count;
  const cells = isDense ? sizeOf(digits) : count;
  const values = new Float64Array(cells);
  const units = legs.map(() => new Int32Array(cells));
  const data = array.data as Float64Array;
  const unit = unitOf(data);
  for (let e = 0; e < count; e++) {
    let cell = e;
    if (isDense) {
      cell = 0;
      for (let l = 0; l < legs.length; l++) cell = cell * digits[l] + unitsOfElements[l][e];
    }
    for (let l = 0; l < legs.length; l++) units[l][cell] = unitsOfElements[l][e];
    const x = data[e] / unit;
    values[cell] = by === "norm" ? values[cell] + x ** 2 : Math.max(values[cell], Math.abs(x));
  }
  return { values, unit, units, ...(isDense ? { table: digits } : {}) };
}

function unitOf(data: Float64Array): number {
  const largest = largestOf(data);
  return largest === 0 ? 1 : 2 ** Math.max(Math.floor(Math.log2(largest)), -1022);
}

/** The largest magnitude; 0 without numbers. */
export function largestOf(data: Float64Array): number {
  let largest = 0;
  for (let i = 0; i < data.length; i++) largest = Math.max(largest, Math.abs(data[i]));
  return largest;
}

/** The unit of each element of a parameter, or the number of units where the leg leaves it out. */
function unitsAlong(shape: readonly number[], leg: Leg): Int32Array {
  const [before, along, behind] = extents(leg);
  const none = { shape, data: new Float64Array(sizeOf(shape)).fill(along) };
  const { data } = changeAlong(none, leg, (units) => {
    for (let b = 0, at = 0; b < before; b++) {
      for (let i = 0; i < along; i++) for (let k = 0; k < behind; k++, at++) units[at] = i;
    }
    return units;
  });
  return Int32Array.from(data as Float64Array);
}

/**
 * Sum or maximum of the cells of each unit of a leg, scaled by the factors of all other legs.
 *
 * @param factors of each leg's units, and 1 for elements that it leaves out
 */
export function slicesOf(
  { values, units, table }: Cells,
  leg: number,
  factors: readonly Float64Array[],
  by: ScaleMeasure,
): Float64Array {
  const out = new Float64Array(factors[leg].length);
  if (table?.length === 2) {
    addTable(out, values, leg, factors[1 - leg], by);
    return out;
  }
  const own = units[leg];
  const others = units.flatMap((list, l) => (l === leg ? [] : [{ list, factor: factors[l] }]));
  for (let c = 0; c < values.length; c++) {
    let value = values[c];
    for (let l = 0; l < others.length; l++) value *= others[l].factor[others[l].list[c]];
    const i = own[c];
    if (by === "norm") out[i] += value;
    else if (value > out[i]) out[i] = value;
  }
  return out;
}

/** The same for two legs along the rows and the columns of a table, without a look at every cell's units. */
function addTable(
  out: Float64Array,
  values: Float64Array,
  leg: number,
  factors: Float64Array,
  by: ScaleMeasure,
): void {
  const [rows, columns] = leg === 0 ? [out.length, factors.length] : [factors.length, out.length];
  for (let r = 0; r < rows; r++) {
    const row = values.subarray(r * columns, (r + 1) * columns);
    if (leg === 0) out[r] = by === "norm" ? weightedSum(row, factors) : weightedLargest(row, factors);
    else if (by === "norm") addRow(out, row, factors[r]);
    else raiseToRow(out, row, factors[r]);
  }
}

function weightedSum(row: Float64Array, factors: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < row.length; k++) sum += row[k] * factors[k];
  return sum;
}

function weightedLargest(row: Float64Array, factors: Float64Array): number {
  let largest = 0;
  for (let k = 0; k < row.length; k++) largest = Math.max(largest, row[k] * factors[k]);
  return largest;
}

function addRow(out: Float64Array, row: Float64Array, factor: number): void {
  for (let k = 0; k < row.length; k++) out[k] += row[k] * factor;
}

function raiseToRow(out: Float64Array, row: Float64Array, factor: number): void {
  for (let k = 0; k < row.length; k++) out[k] = Math.max(out[k], row[k] * factor);
}
