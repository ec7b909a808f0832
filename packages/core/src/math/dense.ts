// Inner loops on dense row-major float64 matrices that run many times a second; a general library is ten
// times slower.

/** y += factor x on rows of n numbers. */
function addRow(values: Float64Array, y: number, x: number, n: number, factor: number): void {
  for (let j = 0; j < n; j++) values[y + j] += factor * values[x + j];
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
      addRow(x, i * n, c * n, n, -factor);
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
