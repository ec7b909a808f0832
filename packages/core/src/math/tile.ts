// Where most of the time of dense matrices goes, products of tiles of 4 x 4 numbers and of matrices with vectors: in JavaScript,
// or by a kernel that gives the same bits.

/**
 * Adds to four rows of the sum, from `at` on, the products of 4 x 4 numbers of A, from x on, with four rows of B, from y on, and
 * of those behind them, `count` times: each number that is loaded is used four times. A and B lie in the sum's buffer if that
 * is one of {@link scratch}.
 */
export function addTiles(
  out: Float64Array,
  at: number,
  a: Float64Array,
  x: number,
  b: Float64Array,
  y: number,
  n: number,
  columns: number,
  row: number,
  column: number,
  count: number,
): void {
  let first = 0;
  if (kernel && count > 0 && kernel.buffer === out.buffer) {
    first = columns & ~1;
    const [o, p, q] = [out.byteOffset + 8 * at, a.byteOffset + 8 * x, b.byteOffset + 8 * y];
    if (first > 0) kernel.addTiles(o, p, q, 8 * n, 8 * first, 8 * row, 8 * column, count);
    if (first === columns) return;
  }
  for (let k = 0; k < count; k++) {
    addTile(out, at, a, x + 4 * k * column, b, y + 4 * k * n, n, first, columns, row, column);
  }
}

function addTile(
  out: Float64Array,
  at: number,
  a: Float64Array,
  x: number,
  b: Float64Array,
  y: number,
  n: number,
  first: number,
  columns: number,
  row: number,
  column: number,
): void {
  const [x1, x2, x3] = [x + row, x + 2 * row, x + 3 * row];
  const [c1, c2, c3] = [column, 2 * column, 3 * column];
  const [a00, a01, a02, a03] = [a[x], a[x + c1], a[x + c2], a[x + c3]];
  const [a10, a11, a12, a13] = [a[x1], a[x1 + c1], a[x1 + c2], a[x1 + c3]];
  const [a20, a21, a22, a23] = [a[x2], a[x2 + c1], a[x2 + c2], a[x2 + c3]];
  const [a30, a31, a32, a33] = [a[x3], a[x3 + c1], a[x3 + c2], a[x3 + c3]];
  const [at1, at2, at3] = [at + n, at + 2 * n, at + 3 * n];
  const [y1, y2, y3] = [y + n, y + 2 * n, y + 3 * n];
  for (let j = first; j < columns; j++) {
    const b0 = b[y + j];
    const b1 = b[y1 + j];
    const b2 = b[y2 + j];
    const b3 = b[y3 + j];
    out[at + j] += a00 * b0 + a01 * b1 + a02 * b2 + a03 * b3;
    out[at1 + j] += a10 * b0 + a11 * b1 + a12 * b2 + a13 * b3;
    out[at2 + j] += a20 * b0 + a21 * b1 + a22 * b2 + a23 * b3;
    out[at3 + j] += a30 * b0 + a31 * b1 + a32 * b2 + a33 * b3;
  }
}

/** Rows, and columns, of matrices that are multiplied with vectors are a multiple of this. */
export const rowsAtOnce = 8;

/** A v for A [rows, columns], in memory of {@link scratch}: each row's products, one after another. */
export function timesVector(a: Float64Array, v: Float64Array): Float64Array {
  const columns = v.length;
  const [out, factors] = scratch(a.length / columns, v);
  if (addInKernel("sumRows", out, factors, a)) return out;
  for (let r = 0, x = 0; r < out.length; r += 4, x += 4 * columns) {
    const [x1, x2, x3] = [x + columns, x + 2 * columns, x + 3 * columns];
    // Four sums do not wait for one another.
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    for (let k = 0; k < columns; k++) {
      const factor = v[k];
      s0 += a[x + k] * factor;
      s1 += a[x1 + k] * factor;
      s2 += a[x2 + k] * factor;
      s3 += a[x3 + k] * factor;
    }
    [out[r], out[r + 1], out[r + 2], out[r + 3]] = [s0, s1, s2, s3];
  }
  return out;
}

/** A'v for A [rows, columns], in memory of {@link scratch}: each column's products, one after another. */
export function vectorTimes(v: Float64Array, a: Float64Array): Float64Array {
  const columns = a.length / v.length;
  const [out, factors] = scratch(columns, v);
  if (addInKernel("addRows", out, factors, a)) return out;
  for (let r = 0, x = 0; r < v.length; r += 4, x += 4 * columns) {
    const [x1, x2, x3] = [x + columns, x + 2 * columns, x + 3 * columns];
    const [f0, f1, f2, f3] = [v[r], v[r + 1], v[r + 2], v[r + 3]];
    for (let k = 0; k < columns; k++) {
      out[k] = out[k] + a[x + k] * f0 + a[x1 + k] * f1 + a[x2 + k] * f2 + a[x3 + k] * f3;
    }
  }
  return out;
}

function addInKernel(
  name: "addRows" | "sumRows",
  out: Float64Array,
  v: Float64Array,
  a: Float64Array,
): boolean {
  if (!kernel || [out, v, a].some(({ buffer }) => buffer !== kernel?.buffer)) return false;
  const [rows, columns] = name === "sumRows" ? [out.length, v.length] : [v.length, out.length];
  const [o, p, q] = [out, v, a].map(({ byteOffset }) => byteOffset);
  if (a.length > 0) kernel[name](o, p, q, 8 * columns, 8 * columns, 0, 8, rows / rowsAtOnce);
  return true;
}

/** Adds to a sum the products of A with `count` times some rows of B; places, distances and columns in bytes. */
type Add = (
  out: number,
  a: number,
  b: number,
  n: number,
  columns: number,
  row: number,
  column: number,
  count: number,
) => void;

export interface TileKernel {
  /** Where sums are found. */
  readonly buffer: ArrayBuffer;
  /** As {@link addTiles}, for an even number of columns. */
  readonly addTiles: Add;
  /** Adds to a row those of B, eight at a time, times the numbers of A. */
  readonly addRows: Add;
  /** Adds to a column each row of B, eight at a time, times the numbers of A. */
  readonly sumRows: Add;
}

let kernel: TileKernel | undefined;

/** The end of what {@link scratch} takes of the kernel's memory: behind it is what is reserved. */
let end = 0;

/** From now on a kernel adds tiles, in this thread. */
export function setTileKernel(given: TileKernel): void {
  kernel = given;
  end = kernel.buffer.byteLength;
}

/** Arrays that {@link addTiles} takes fast, until the next call: as many zeros as a number says, or an array's copy. */
export function scratch(...wanted: readonly (number | Float64Array)[]): Float64Array[] {
  const counts = wanted.map((size) => (typeof size === "number" ? size : size.length));
  const bytes = 8 * counts.reduce((a, b) => a + b, 0);
  const buffer = kernel && bytes <= end ? kernel.buffer : new ArrayBuffer(bytes);
  let at = 0;
  return wanted.map((source, k) => {
    const numbers = new Float64Array(buffer, 8 * at, counts[k]);
    at += counts[k];
    if (typeof source === "number") numbers.fill(0);
    else numbers.set(source);
    return numbers;
  });
}

/** The result of a function that is given zeros of the kernel's memory, until it returns; undefined where there is no room. */
export function reserving<R>(run: (reserve: (count: number) => Float64Array | undefined) => R): R {
  const before = end;
  try {
    return run((count) => {
      // Most matrices fit in a quarter.
      if (!kernel || end - 8 * count < kernel.buffer.byteLength / 4) return undefined;
      end -= 8 * count;
      return new Float64Array(kernel.buffer, end, count).fill(0);
    });
  } finally {
    end = before;
  }
}
