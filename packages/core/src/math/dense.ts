// Inner loops on dense row-major float64 matrices that run many times a second; a general library is ten
// times slower.
import { addTiles, scratch } from "./tile.js";

/** Adds to n numbers of `out` from y on those of `from`, from x on, times a factor. */
function addRow(
  out: Float64Array,
  y: number,
  from: Float64Array,
  x: number,
  n: number,
  factor: number,
): void {
  for (let j = 0; j < n; j++) out[y + j] += factor * from[x + j];
}

/** The inverse of A [n, n] by Gauss-Jordan elimination with row pivots; undefined if a pivot is 0 or NaN. */
export function invert(a: Float64Array, n: number): Float64Array | undefined {
  const x = a.slice();
  return invertAt(x, 0, n) ? x : undefined;
}

/** Inverts a stack of matrices [n, n] in place, like {@link invert}; all elements of a singular one become NaN. */
export function invertStack(stack: Float64Array, n: number): void {
  const size = n * n;
  for (let at = 0; at < stack.length; at += size) {
    if (!invertAt(stack, at, n)) stack.fill(Number.NaN, at, at + size);
  }
}

/** The places of the pivots' rows, of the last matrix that was inverted. */
let order = new Int32Array(16);

/** Inverts the matrix that begins at `at` in place; false if a pivot is 0 or NaN. */
function invertAt(x: Float64Array, at: number, n: number): boolean {
  if (order.length < n) order = new Int32Array(2 * n);
  for (let c = 0; c < n; c++) {
    let pivot = c;
    for (let i = c + 1; i < n; i++) {
      if (Math.abs(x[at + i * n + c]) > Math.abs(x[at + pivot * n + c])) pivot = i;
    }
    order[c] = pivot;
    const row = at + c * n;
    if (pivot !== c) swap(x, row, at + pivot * n, n, 1);
    const value = x[row + c];
    if (!(Math.abs(value) > 0)) return false;
    x[row + c] = 1;
    for (let j = 0; j < n; j++) x[row + j] /= value;
    for (let i = 0; i < n; i++) {
      if (i === c) continue;
      const factor = x[at + i * n + c];
      if (factor === 0) continue;
      x[at + i * n + c] = 0;
      addRow(x, at + i * n, x, row, n, -factor);
    }
  }
  // Row exchanges become column exchanges of the inverse.
  for (let c = n - 1; c >= 0; c--) if (order[c] !== c) swap(x, at + c, at + order[c], n, n);
  return true;
}

/** Exchanges n elements, `stride` apart, from the places a and b on. */
function swap(x: Float64Array, a: number, b: number, n: number, stride: number): void {
  for (let k = 0; k < n; k++) {
    const kept = x[a + k * stride];
    x[a + k * stride] = x[b + k * stride];
    x[b + k * stride] = kept;
  }
}

export const dotOf = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
};

/** sqrt of the sum of squares over all blocks. */
export function normOf(blocks: readonly ArrayLike<number>[]): number {
  let square = 0;
  for (const block of blocks) for (let k = 0; k < block.length; k++) square += block[k] * block[k];
  return Math.sqrt(square);
}

/** a <- a + s b. */
export const accumulate = (a: Float64Array, s: number, b: Float64Array): void => {
  for (let i = 0; i < a.length; i++) a[i] += s * b[i];
};

/** a + s b. */
export const addScaled = (a: Float64Array, s: number, b: Float64Array): Float64Array => {
  const sum = new Float64Array(a.length);
  for (let i = 0; i < a.length; i++) sum[i] = a[i] + s * b[i];
  return sum;
};

/**
 * L with A = L L' of a symmetric positive definite A [n, n], by rows; undefined where a pivot is not above `least` times the
 * largest diagonal element.
 *
 * @param options.lower where L is written: zeros, or another L
 */
export function cholesky(
  a: Float64Array,
  n: number,
  {
    least = 0,
    lower = new Float64Array(n * n),
  }: { readonly least?: number; readonly lower?: Float64Array } = {},
): Float64Array | undefined {
  const [upper, negated] = scratch(a, n * n);
  let largest = 0;
  for (let i = 0; i < n; i++) largest = Math.max(largest, a[i * n + i]);
  for (let first = 0; first < n; first += block) {
    const end = Math.min(n, first + block);
    for (let i = first; i < end; i++) {
      const at = i * n + i;
      const pivot = upper[at];
      if (!(pivot > least * largest)) return undefined;
      const factor = 1 / Math.sqrt(pivot);
      for (let k = at; k < (i + 1) * n; k++) {
        upper[k] *= factor;
        negated[k] = -upper[k];
      }
      for (let r = i + 1; r < end; r++) addRow(upper, r * n + r, upper, i * n + r, n - r, negated[i * n + r]);
    }
    const rows = { from: negated, row: 1, column: n };
    addPart(upper, rows, upper, { first, end, top: end, m: n, n, left: "diagonal", right: n });
  }
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) lower[i * n + j] = upper[j * n + i];
  return lower;
}

/** The inverse of a lower triangular matrix [n, n] without zeros on its diagonal, by forward substitution, in its place. */
export function invertLower(lower: Float64Array, n: number): void {
  const [x, from] = scratch(n * n, lower);
  for (let k = 0; k < from.length; k++) from[k] = -from[k];
  const rows = { from, row: n, column: 1 };
  for (let first = 0; first < n; first += block) {
    const end = Math.min(n, first + block);
    for (let top = 0; top < first; top += chunk) {
      const right = Math.min(first, top + chunk);
      addPart(x, rows, x, { first: top, end: right, top: first, m: end, n, left: 0, right });
    }
    for (let i = first; i < end; i++) {
      for (let j = first; j < i; j++) addRow(x, i * n, x, j * n, j + 1, -lower[i * n + j]);
      x[i * n + i] = 1;
      for (let j = 0; j <= i; j++) x[i * n + j] /= lower[i * n + i];
    }
  }
  lower.set(x);
}

/** Rows of a triangular matrix that are solved one by one; all others are products. */
const block = 8;

/** Rows that stay in a processor's cache while all products with them are added. */
const chunk = 32;

/** out += A B with A [m, k] and B [k, n]. */
export function addProduct(
  out: Float64Array,
  a: Float64Array,
  b: Float64Array,
  [m, k, n]: readonly [m: number, k: number, n: number],
): void {
  // Without tiles to add, copies would take longer than the sum.
  if (m < 4 || k < 4 || n < 2) {
    addChunks(out, a, b, [m, k, n]);
    return;
  }
  for (let top = 0; top < m; top += most) {
    const count = Math.min(most, m - top);
    const part = out.subarray(top * n, (top + count) * n);
    const [sum, from, rows] = scratch(part, a.subarray(top * k, (top + count) * k), b);
    addChunks(sum, from, rows, [count, k, n]);
    part.set(sum);
  }
}

/** X <- X A with X [rows, n] and A [n, n]. */
export function multiplyRows(x: Float64Array, a: Float64Array, n: number): void {
  const rows = x.length / n;
  for (let top = 0; top < rows; top += most) {
    const part = x.subarray(top * n, (top + most) * n);
    const [sum, from, own] = scratch(part.length, part, a);
    addChunks(sum, from, own, [part.length / n, n, n]);
    part.set(sum);
  }
}

/** X <- A X with A [n, n] and X [n, columns]. */
export function multiplyColumns(x: Float64Array, a: Float64Array, n: number): void {
  const columns = x.length / n;
  for (let left = 0; left < columns; left += most) {
    const count = Math.min(most, columns - left);
    const [sum, from, part] = scratch(n * count, a, n * count);
    for (let i = 0; i < n; i++) {
      part.set(x.subarray(i * columns + left, i * columns + left + count), i * count);
    }
    addChunks(sum, from, part, [n, n, count]);
    for (let i = 0; i < n; i++) {
      x.set(sum.subarray(i * count, (i + 1) * count), i * columns + left);
    }
  }
}

/** out += A B, by rows of B that stay in a processor's cache. */
function addChunks(
  out: Float64Array,
  a: Float64Array,
  b: Float64Array,
  [m, k, n]: readonly [m: number, k: number, n: number],
): void {
  for (let first = 0; first < k; first += chunk) {
    const end = Math.min(k, first + chunk);
    const rows = rowSpan(a, first, end, [m, k]);
    addPart(out, { from: a, row: k, column: 1 }, b, { first, end, n, ...rows, ...span(b, first, end, n) });
  }
}

/** Rows, or columns, of a product for which there is memory at once. */
const most = 256;

/** The columns outside of which some rows of B are zero. */
function span(b: Float64Array, first: number, end: number, n: number) {
  let [left, right] = [n, 0];
  for (let p = first; p < end; p++) {
    const row = p * n;
    let j = 0;
    while (j < left && b[row + j] === 0) j++;
    left = j;
    j = n;
    while (j > right && b[row + j - 1] === 0) j--;
    right = j;
  }
  return { left, right: Math.max(left, right) };
}

/** The rows of A [rows, k] outside of which some columns are zero: of a triangular matrix half of the work, or more, is left out. */
function rowSpan(a: Float64Array, first: number, end: number, [rows, k]: readonly [number, number]) {
  const isZero = (row: number) => {
    for (let p = row * k + first; p < row * k + end; p++) if (a[p] !== 0) return false;
    return true;
  };
  let [top, m] = [0, rows];
  while (top < m && isZero(top)) top++;
  while (m > top && isZero(m - 1)) m--;
  return { top, m };
}

/** out += X'X with X [rows, n], or X X' with X [n, rows] where the vectors are columns. */
export function addGram(
  out: Float64Array,
  x: Float64Array,
  rows: number,
  n: number,
  { areColumns = false }: { readonly areColumns?: boolean } = {},
): void {
  const [half, own] = scratch(n * n, chunk * n);
  const columns = { from: own, row: 1, column: n };
  for (let first = 0; first < rows; first += chunk) {
    const end = Math.min(chunk, rows - first);
    if (areColumns) {
      for (let i = 0; i < n; i++) {
        for (let r = 0; r < end; r++) own[r * n + i] = x[i * rows + first + r];
      }
    } else own.set(x.subarray(first * n, (first + end) * n));
    const { left, right } = span(own, 0, end, n);
    addPart(half, columns, own, { first: 0, end, top: left, m: right, n, left: "diagonal", right });
  }
  for (let i = 0; i < n; i++) {
    out[i * n + i] += half[i * n + i];
    for (let j = i + 1; j < n; j++) {
      out[i * n + j] += half[i * n + j];
      out[j * n + i] += half[i * n + j];
    }
  }
}

/** A matrix with the distances from each row, and each column, to the next. */
interface Strided {
  readonly from: Float64Array;
  readonly row: number;
  readonly column: number;
}

interface Range {
  /** The rows of B that are added. */
  readonly first: number;
  readonly end: number;
  /** The first row of the sum that is added to, the row behind the last, and columns. */
  readonly top: number;
  readonly m: number;
  readonly n: number;
  /** The columns from `left`, or from the diagonal, to before `right` are added to. */
  readonly left: number | "diagonal";
  readonly right: number;
}

/** Adds to out [m, n] the products of some columns of A [m, k] with those rows of B [k, n]. */
function addPart(
  out: Float64Array,
  { from, row, column }: Strided,
  b: Float64Array,
  { first, end, top, m, n, left, right }: Range,
): void {
  const count = (end - first) >> 2;
  for (let i = top; i < m; ) {
    const rows = i + 4 <= m ? 4 : 1;
    const start = left === "diagonal" ? i : left;
    let p = first;
    if (rows === 4 && count > 0) {
      const x = i * row + p * column;
      addTiles(out, i * n + start, from, x, b, p * n + start, n, right - start, row, column, count);
      p += 4 * count;
    }
    for (; p < end; p++) {
      for (let r = i; r < i + rows; r++) {
        addRow(out, r * n + start, b, p * n + start, right - start, from[r * row + p * column]);
      }
    }
    i += rows;
  }
}
