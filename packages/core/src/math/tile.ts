// Products of tiles of 4 x 4 numbers, where most of the time of dense matrices goes: in JavaScript, or by a kernel that gives
// the same bits.

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

export interface TileKernel {
  /** Where tiles can be added. */
  readonly buffer: ArrayBuffer;
  /** The same for an even number of columns; places, distances and columns in bytes. */
  addTiles(
    out: number,
    a: number,
    b: number,
    n: number,
    columns: number,
    row: number,
    column: number,
    count: number,
  ): void;
}

let kernel: TileKernel | undefined;

/** From now on a kernel adds tiles, in this thread. */
export function setTileKernel(given: TileKernel): void {
  kernel = given;
}

/** Arrays that {@link addTiles} takes fast, until the next call: as many zeros as a number says, or an array's copy. */
export function scratch(...wanted: readonly (number | Float64Array)[]): Float64Array[] {
  const counts = wanted.map((size) => (typeof size === "number" ? size : size.length));
  const bytes = 8 * counts.reduce((a, b) => a + b, 0);
  const buffer = kernel && bytes <= kernel.buffer.byteLength ? kernel.buffer : new ArrayBuffer(bytes);
  let at = 0;
  return wanted.map((source, k) => {
    const numbers = new Float64Array(buffer, 8 * at, counts[k]);
    at += counts[k];
    if (typeof source === "number") numbers.fill(0);
    else numbers.set(source);
    return numbers;
  });
}
