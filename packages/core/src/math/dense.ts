// Inner loops on dense row-major float64 matrices that run many times a second; a general library is ten
// times slower.

/** y += factor x on rows of n numbers. */
function addRow(values: Float64Array, y: number, x: number, n: number, factor: number): void {
  for (let j = 0; j < n; j++) values[y + j] += factor * values[x + j];
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
      addRow(x, at + i * n, row, n, -factor);
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
