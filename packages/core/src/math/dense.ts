// Inner loops on dense float64 matrices, row after row in one array: what networks of some hundred units need many times a
// second, and a general library does ten times slower.

/** A B' for A [m, k] and B [n, k], in tiles of 2 x 4 that stay in registers. */
export function rowProducts(a: Float64Array, b: Float64Array, m: number, n: number, k: number): Float64Array {
  const out = new Float64Array(m * n);
  const [evenRows, fullColumns] = [m - (m % 2), n - (n % 4)];
  for (let j = 0; j < fullColumns; j += 4) {
    const [b0, b1, b2, b3] = [j * k, (j + 1) * k, (j + 2) * k, (j + 3) * k];
    for (let i = 0; i < evenRows; i += 2) {
      const [a0, a1] = [i * k, (i + 1) * k];
      let [s00, s01, s02, s03] = [0, 0, 0, 0];
      let [s10, s11, s12, s13] = [0, 0, 0, 0];
      for (let p = 0; p < k; p++) {
        const x = a[a0 + p];
        const y = a[a1 + p];
        const [c0, c1, c2, c3] = [b[b0 + p], b[b1 + p], b[b2 + p], b[b3 + p]];
        s00 += x * c0;
        s01 += x * c1;
        s02 += x * c2;
        s03 += x * c3;
        s10 += y * c0;
        s11 += y * c1;
        s12 += y * c2;
        s13 += y * c3;
      }
      out.set([s00, s01, s02, s03], i * n + j);
      out.set([s10, s11, s12, s13], (i + 1) * n + j);
    }
  }
  const dot = (i: number, j: number) => {
    let sum = 0;
    for (let p = 0; p < k; p++) sum += a[i * k + p] * b[j * k + p];
    out[i * n + j] = sum;
  };
  for (let i = evenRows; i < m; i++) for (let j = 0; j < fullColumns; j++) dot(i, j);
  for (let i = 0; i < m; i++) for (let j = fullColumns; j < n; j++) dot(i, j);
  return out;
}

/** A' of A [m, n]. */
export function transposed(a: Float64Array, m: number, n: number): Float64Array {
  const out = new Float64Array(m * n);
  for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) out[j * m + i] = a[i * n + j];
  return out;
}

/** y += factor x on rows of n numbers. */
function addRow(values: Float64Array, y: number, x: number, n: number, factor: number): void {
  for (let j = 0; j < n; j++) values[y + j] += factor * values[x + j];
}

/** The inverse of A [n, n] by Gauss-Jordan elimination with row pivots; undefined where a pivot is 0 or no number. */
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
  // Rows that were exchanged are columns of the inverse.
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) out[i * n + order[j]] = x[i * n + j];
  return out;
}

/** The inverse of a symmetric A [n, n], of which the lower half counts, by Cholesky; undefined where it is not positive. */
export function invertPositive(a: Float64Array, n: number): Float64Array | undefined {
  const l = a.slice();
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      let sum = l[i * n + j];
      for (let p = 0; p < j; p++) sum -= l[i * n + p] * l[j * n + p];
      if (i > j) l[i * n + j] = sum / l[j * n + j];
      else if (sum > 0) l[j * n + j] = Math.sqrt(sum);
      else return undefined;
    }
  }
  // Row j of L^-T is column j of L^-1.
  const columns = new Float64Array(n * n);
  for (let j = 0; j < n; j++) {
    const at = j * n;
    columns[at + j] = 1 / l[j * n + j];
    for (let i = j + 1; i < n; i++) {
      let sum = 0;
      for (let p = j; p < i; p++) sum += l[i * n + p] * columns[at + p];
      columns[at + i] = -sum / l[i * n + i];
    }
  }
  // A^-1 = L^-T L^-1.
  return rowProducts(columns, columns, n, n, n);
}
