// What scalings see of a parameter: elements that all of them scale alike are one cell.
import { type NdArray, sizeOf, stridesOf } from "../../array.js";
import { rowsAtOnce, timesVector, vectorTimes } from "../../math/tile.js";
import type { ScalingGenerator } from "../../symmetry/discovery/descriptors.js";
import { changeAlong, requireView, unitCount, unitsOf } from "../../symmetry/parameter-axes.js";

/** One parameter along which a generator acts. */
export type Leg = ScalingGenerator["axes"][number];

/** Sum of squares (`norm`) or largest magnitude (`range`). */
export type ScaleMeasure = "norm" | "range";

export interface Cells {
  /** Sum of squares or largest magnitude of each cell's elements, which are first divided by `unit`. */
  readonly values: Float64Array;
  /** A power of two near the largest magnitude, by which squares neither over- nor underflow. */
  readonly unit: number;
  /** For each leg its units and, up to a multiple of `rowsAtOnce`, others whose cells in a table are 0. */
  readonly counts: readonly number[];
  /** Whether the cells are a table of all legs' units. */
  readonly isTable: boolean;
  /**
   * For each leg the unit of each cell; the number of units stands for elements that the leg leaves out. Not of tables of one
   * or two legs.
   */
  readonly units: readonly Int32Array[];
}

/**
 * The cells of a parameter between the legs that act on it.
 *
 * @param zeros makes what holds them: fresh memory takes longer than the sums
 */
export function cellsOf(
  array: NdArray,
  legs: readonly Leg[],
  by: ScaleMeasure,
  zeros = (count: number): Float64Array => new Float64Array(count),
): Cells {
  for (const leg of legs) requireView(array, leg);
  const data = array.data as Float64Array;
  const unit = unitOf(data);
  const stripes = nestedStripes(legs);
  const used = legs.map((leg) => unitCount(leg) + (stripes ? 0 : 1));
  const counts = used.map((count) => rowsAtOnce * Math.max(1, Math.ceil(count / rowsAtOnce)));
  const units = stripes ? [] : legs.map((leg) => unitsAlong(array.shape, leg));
  // Where legs are parts of axes, a table of all their units may be larger than the parameter.
  if (!stripes && sizeOf(used) > 2 * data.length) {
    const cells = runsOf(units);
    const count = cells[cells.length - 1] + 1;
    const values = zeros(count);
    addElements(values, data, cells, unit, by);
    const unitsOfCells = units.map((own) => {
      const ofCells = new Int32Array(count);
      for (let e = 0; e < cells.length; e++) ofCells[cells[e]] = own[e];
      return ofCells;
    });
    return { values, unit, counts, isTable: false, units: unitsOfCells };
  }
  const values = zeros(sizeOf(counts));
  if (stripes) addStripes(values, data, stripes, stridesOf(counts), unit, by);
  else {
    const [cells, ...others] = units;
    others.forEach((own, l) => {
      const count = counts[l + 1];
      for (let e = 0; e < cells.length; e++) cells[e] = cells[e] * count + own[e];
    });
    addElements(values, data, cells, unit, by);
  }
  return { values, unit, counts, isTable: true, units: counts.length < 3 ? [] : unitsOfTable(counts) };
}

/** The number of the run of each element, of elements in a row that have the same units. */
function runsOf(units: readonly Int32Array[]): Int32Array {
  const runs = new Int32Array(units[0].length);
  for (const own of units) {
    for (let e = 1; e < runs.length; e++) if (own[e] !== own[e - 1]) runs[e] = 1;
  }
  for (let e = 1; e < runs.length; e++) runs[e] += runs[e - 1];
  return runs;
}

/** Units that lie in a parameter as stripes of equal length, one after another, in turns. */
export interface Stripes {
  readonly length: number;
  readonly count: number;
}

/** The stripes of a leg that covers its parameter wholly and without copies. */
export function stripesOf({ view, axis, part, copyAxes = [] }: Leg): Stripes | undefined {
  if (part !== undefined || copyAxes.length > 0) return undefined;
  return { length: sizeOf(view.slice(axis + 1)), count: view[axis] };
}

/** Stripes of one leg, or of two of which one's stripes hold whole turns of the other's. */
function nestedStripes(legs: readonly Leg[]): readonly Stripes[] | undefined {
  const stripes = legs.flatMap((leg) => stripesOf(leg) ?? []);
  if (stripes.length < legs.length || legs.length > 2) return undefined;
  const [inner, outer] = byLength(stripes);
  return outer === undefined || outer.length % (inner.length * inner.count) === 0 ? stripes : undefined;
}

const byLength = <S extends Stripes>(stripes: readonly S[]): S[] =>
  [...stripes].sort((a, b) => a.length - b.length);

/** Adds elements to their cells, without a look at each element's units. */
function addStripes(
  values: Float64Array,
  data: Float64Array,
  stripes: readonly Stripes[],
  strides: readonly number[],
  unit: number,
  by: ScaleMeasure,
): void {
  const addTurn = by === "norm" ? addSquares : raiseToSizes;
  const [inner, second] = byLength(stripes.map((own, l) => ({ ...own, stride: strides[l] })));
  const outer = second ?? { length: data.length, count: 1, stride: 0 };
  const turn = inner.length * inner.count;
  for (let e = 0; e < data.length; ) {
    for (let o = 0; o < outer.count; o++) {
      for (const end = e + outer.length; e < end; e += turn) {
        addTurn(values, o * outer.stride, inner.stride, data.subarray(e, e + turn), inner.length, 1 / unit);
      }
    }
  }
}

/** Adds the squares of stripes' elements times a factor to their cells, from `cell` on, `stride` apart. */
function addSquares(
  values: Float64Array,
  cell: number,
  stride: number,
  data: Float64Array,
  length: number,
  factor: number,
): void {
  if (length === 1) {
    for (let e = 0, c = cell; e < data.length; e++, c += stride) {
      const x = data[e] * factor;
      values[c] += x * x;
    }
    return;
  }
  for (let e = 0, c = cell; e < data.length; c += stride) {
    let sum = values[c];
    for (const end = e + length; e < end; e++) {
      const x = data[e] * factor;
      sum += x * x;
    }
    values[c] = sum;
  }
}

/** The same for the largest magnitudes. */
function raiseToSizes(
  values: Float64Array,
  cell: number,
  stride: number,
  data: Float64Array,
  length: number,
  factor: number,
): void {
  for (let e = 0, c = cell; e < data.length; c += stride) {
    let largest = values[c];
    for (const end = e + length; e < end; e++) largest = Math.max(largest, Math.abs(data[e] * factor));
    values[c] = largest;
  }
}

function addElements(
  values: Float64Array,
  data: Float64Array,
  cells: Int32Array,
  unit: number,
  by: ScaleMeasure,
): void {
  const isNorm = by === "norm";
  // Exact: the unit is a power of two.
  const factor = 1 / unit;
  for (let e = 0; e < data.length; e++) {
    const x = data[e] * factor;
    const cell = cells[e];
    if (isNorm) values[cell] += x * x;
    else values[cell] = Math.max(values[cell], Math.abs(x));
  }
}

function unitOf(data: Float64Array): number {
  const largest = largestOf(data);
  return largest === 0 ? 1 : 2 ** Math.max(Math.floor(Math.log2(largest)), -1022);
}

/** The largest magnitude; 0 without numbers. */
export function largestOf(data: Float64Array): number {
  let largest = 0;
  for (let i = 0; i < data.length; i++) {
    const size = Math.abs(data[i]);
    if (size > largest) largest = size;
  }
  return largest;
}

/** The unit of each element of a parameter, or the number of units where the leg leaves it out. */
export function unitsAlong(shape: readonly number[], leg: Leg): Int32Array {
  const units = unitsOf(leg);
  if (leg.part === undefined) return units;
  const none = { shape, data: new Float64Array(sizeOf(shape)).fill(unitCount(leg)) };
  const { data } = changeAlong(none, leg, () => Float64Array.from(units));
  return new Int32Array(data as Float64Array);
}

/** The unit of each leg in each cell of a table. */
function unitsOfTable(digits: readonly number[]): Int32Array[] {
  const strides = stridesOf(digits);
  return digits.map((digit, l) =>
    Int32Array.from({ length: sizeOf(digits) }, (_, cell) => Math.floor(cell / strides[l]) % digit),
  );
}

/**
 * Sum or maximum of the cells of each unit of a leg, scaled by the factors of all other legs; for use before the next call.
 *
 * @param factors of each leg's units, and 1 for elements that it leaves out
 */
export function slicesOf(
  { values, units, isTable }: Cells,
  leg: number,
  factors: readonly Float64Array[],
  by: ScaleMeasure,
): Float64Array {
  if (isTable && factors.length === 1) return values.slice();
  if (isTable && factors.length === 2) {
    const others = factors[1 - leg];
    if (by === "range") return largestInTable(values, leg, others);
    return leg === 0 ? timesVector(values, others) : vectorTimes(others, values);
  }
  const out = new Float64Array(factors[leg].length);
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

/** The largest of each row of a table, times the columns' factors, or of each column, times the rows'. */
function largestInTable(values: Float64Array, leg: number, factors: Float64Array): Float64Array {
  const out = new Float64Array(values.length / factors.length);
  const columns = leg === 0 ? factors.length : out.length;
  for (let r = 0; r < values.length / columns; r++) {
    const row = values.subarray(r * columns, (r + 1) * columns);
    if (leg === 0) out[r] = weightedLargest(row, factors);
    else raiseToRow(out, row, factors[r]);
  }
  return out;
}

function weightedLargest(row: Float64Array, factors: Float64Array): number {
  let largest = 0;
  for (let k = 0; k < row.length; k++) {
    const value = row[k] * factors[k];
    if (value > largest) largest = value;
  }
  return largest;
}

function raiseToRow(out: Float64Array, row: Float64Array, factor: number): void {
  for (let k = 0; k < row.length; k++) {
    const value = row[k] * factor;
    if (value > out[k]) out[k] = value;
  }
}
