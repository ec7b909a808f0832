// Inner loops on dense row-major float64 matrices that run many times a second; a general library is ten
// times slower.

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

/** out += A B with A [m, k] and B [k, n]. */
export function addProduct(
  out: Float64Array,
  a: Float64Array,
  b: Float64Array,
  [m, k, n]: readonly [m: number, k: number, n: number],
): void {
  for (let i = 0; i < m; i++) {
    const row = out.subarray(i * n, (i + 1) * n);
    let p = 0;
    for (; p + 4 <= k; p += 4) {
      const at = i * k + p;
      addFourRows(row, b, p * n, n, [a[at], a[at + 1], a[at + 2], a[at + 3]]);
    }
    for (; p < k; p++) addRow(out, i * n, b, p * n, n, a[i * k + p]);
  }
}

/** Rows that stay in a processor's cache while all products with them are added. */
const chunk = 32;

/** out += X'X with X [rows, n]. */
export function addGram(out: Float64Array, x: Float64Array, rows: number, n: number): void {
  const half = new Float64Array(n * n);
  for (let first = 0; first < rows; first += chunk) {
    const end = Math.min(rows, first + chunk);
    for (let i = 0; i < n; i++) {
      // Of a row of the symmetric matrix, the part from the diagonal on.
      const row = half.subarray(i * n + i, (i + 1) * n);
      let p = first;
      for (; p + 4 <= end; p += 4) {
        const at = p * n + i;
        addFourRows(row, x, at, n, [x[at], x[at + n], x[at + 2 * n], x[at + 3 * n]]);
      }
      for (; p < end; p++) addRow(half, i * n + i, x, p * n + i, n - i, x[p * n + i]);
    }
  }
  for (let i = 0; i < n; i++) {
    out[i * n + i] += half[i * n + i];
    for (let j = i + 1; j < n; j++) {
      out[i * n + j] += half[i * n + j];
      out[j * n + i] += half[i * n + j];
    }
  }
}

/** row += the sum of four rows of B with factors, the first of them from `start` on, one `n` behind the other. */
function addFourRows(
  row: Float64Array,
  b: Float64Array,
  start: number,
  n: number,
  [f0, f1, f2, f3]: readonly [number, number, number, number],
): void {
  const [b1, b2, b3] = [start + n, start + 2 * n, start + 3 * n];
  for (let j = 0; j < row.length; j++) {
    row[j] += f0 * b[start + j] + f1 * b[b1 + j] + f2 * b[b2 + j] + f3 * b[b3 + j];
  }
}
