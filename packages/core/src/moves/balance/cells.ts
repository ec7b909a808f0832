// What scalings see of a parameter: elements that all of them scale alike are one cell.
import { type NdArray, sizeOf, stridesOf } from "../../array.js";
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
  /** Sizes of the table of all legs' units, if the cells are one. */
  readonly table?: readonly number[] | undefined;
  /**
   * For each leg the unit of each cell; the number of units stands for elements that the leg leaves out. Not of tables of two
   * legs.
   */
  readonly units: readonly Int32Array[];
}

/**
 * The cells of a parameter between the legs that act on it.
 *
 * @param memory of cells of the same legs, which are no longer needed: fresh memory takes longer than the sums
 */
export function cellsOf(
  array: NdArray,
  legs: readonly Leg[],
  by: ScaleMeasure,
  memory?: Float64Array,
): Cells {
  for (const leg of legs) requireView(array, leg);
  const data = array.data as Float64Array;
  const unit = unitOf(data);
  const digits = legs.map((leg) => unitCount(leg) + 1);
  const stripes = nestedStripes(legs);
  if (stripes) {
    const values = memory?.fill(0) ?? new Float64Array(sizeOf(digits));
    addStripes(values, data, stripes, stridesOf(digits), unit, by);
    return { values, unit, table: digits, units: digits.length === 2 ? [] : unitsOfTable(digits) };
  }
  const units = legs.map((leg) => unitsAlong(array.shape, leg));
  // Where legs are parts of axes, a table of all their units may be larger than the parameter.
  if (sizeOf(digits) > 2 * data.length) {
    const cells = runsOf(units);
    const count = cells[cells.length - 1] + 1;
    const values = memory?.fill(0) ?? new Float64Array(count);
    addElements(values, data, cells, unit, by);
    const unitsOfCells = units.map((own) => {
      const ofCells = new Int32Array(count);
      for (let e = 0; e < cells.length; e++) ofCells[cells[e]] = own[e];
      return ofCells;
    });
    return { values, unit, units: unitsOfCells };
  }
  const [cells, ...others] = units;
  others.forEach((own, l) => {
    const digit = digits[l + 1];
    for (let e = 0; e < cells.length; e++) cells[e] = cells[e] * digit + own[e];
  });
  const values = memory?.fill(0) ?? new Float64Array(sizeOf(digits));
  addElements(values, data, cells, unit, by);
  return { values, unit, table: digits, units: digits.length === 2 ? [] : unitsOfTable(digits) };
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
  if (by === "norm") {
    if (leg === 0) sumRows(out, values, factors);
    else addRows(out, values, factors);
    return;
  }
  const columns = leg === 0 ? factors.length : out.length;
  for (let r = 0; r < values.length / columns; r++) {
    const row = values.subarray(r * columns, (r + 1) * columns);
    if (leg === 0) out[r] = weightedLargest(row, factors);
    else raiseToRow(out, row, factors[r]);
  }
}

/** Weighted sums of rows: of four at once, which do not wait for one another. Past the end the last row is summed again. */
function sumRows(out: Float64Array, values: Float64Array, factors: Float64Array): void {
  const [last, columns] = [out.length - 1, factors.length];
  for (let r = 0; r <= last; r += 4) {
    const [r1, r2, r3] = [Math.min(r + 1, last), Math.min(r + 2, last), Math.min(r + 3, last)];
    const [a, b, c, d] = [r * columns, r1 * columns, r2 * columns, r3 * columns];
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    for (let k = 0; k < columns; k++) {
      const factor = factors[k];
      s0 += values[a + k] * factor;
      s1 += values[b + k] * factor;
      s2 += values[c + k] * factor;
      s3 += values[d + k] * factor;
    }
    [out[r], out[r1], out[r2], out[r3]] = [s0, s1, s2, s3];
  }
}

/** Adds rows times factors to a row: four at once, which reads and writes it a quarter as often. */
function addRows(out: Float64Array, values: Float64Array, factors: Float64Array): void {
  const [rows, columns] = [factors.length, out.length];
  for (let r = 0; r < rows; ) {
    const a = r * columns;
    if (r + 4 > rows) {
      const factor = factors[r++];
      for (let k = 0; k < columns; k++) out[k] += values[a + k] * factor;
      continue;
    }
    const [b, c, d] = [a + columns, a + 2 * columns, a + 3 * columns];
    const [f0, f1, f2, f3] = [factors[r++], factors[r++], factors[r++], factors[r++]];
    for (let k = 0; k < columns; k++) {
      out[k] = out[k] + values[a + k] * f0 + values[b + k] * f1 + values[c + k] * f2 + values[d + k] * f3;
    }
  }
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
