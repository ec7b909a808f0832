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
  const order = Array.from({ length: n }, (_, i) => i);
  for (let c = 0; c < n; c++) {
    let pivot = c;
    for (let i = c + 1; i < n; i++) if (Math.abs(x[i * n + c]) > Math.abs(x[pivot * n + c])) pivot = i;
    if (pivot !== c) {
      const row = x.slice(c * n, (c + 1) * n);
      x.copyWithin(c * n, pivot * n, (pivot + 1) * n);
      x.set(row, pivot * n);
      [order[c], order[pivot]] = [order[pivot], order[c]];
    }
    const value = x[c * n + c];
    if (!(Math.abs(value) > 0)) return undefined;
    x[c * n + c] = 1;
    for (let j = 0; j < n; j++) x[c * n + j] /= value;
    for (let i = 0; i < n; i++) {
      if (i === c) continue;
      const factor = x[i * n + c];
      if (factor === 0) continue;
      x[i * n + c] = 0;
      addRow(x, i * n, x, c * n, n, -factor);
    }
  }
  // Row exchanges become column exchanges of the inverse.
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) out[i * n + order[j]] = x[i * n + j];
  return out;
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
