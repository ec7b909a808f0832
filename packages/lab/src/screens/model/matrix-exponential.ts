// exp(A) by scaling and squaring of a Taylor series: Golub and Van Loan, "Matrix Computations", section 9.3.

/** Terms of the series: the remainder of a matrix of norm 1/2 is below 1e-17. */
const terms = 14;

/** The exponential of an n x n matrix, row by row. */
export function matrixExponential(A: Float64Array, n: number): Float64Array {
  let norm = 0;
  for (let i = 0; i < n; i++) {
    let row = 0;
    for (let k = 0; k < n; k++) row += Math.abs(A[i * n + k]);
    norm = Math.max(norm, row);
  }
  const squarings = Math.max(0, Math.ceil(Math.log2(norm)) + 1);
  const B = A.map((a) => a / 2 ** squarings);
  let sum = identity(n);
  // Horner's scheme: 1 + B (1 + B / 2 (1 + B / 3 (...))).
  for (let k = terms; k >= 1; k--) {
    sum = product(B, sum, n).map((v) => v / k);
    for (let i = 0; i < n; i++) sum[i * n + i] += 1;
  }
  for (let k = 0; k < squarings; k++) sum = product(sum, sum, n);
  return sum;
}

function identity(n: number): Float64Array {
  const one = new Float64Array(n * n);
  for (let i = 0; i < n; i++) one[i * n + i] = 1;
  return one;
}

function product(a: Float64Array, b: Float64Array, n: number): Float64Array {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) {
      const x = a[i * n + k];
      for (let j = 0; j < n; j++) out[i * n + j] += x * b[k * n + j];
    }
  }
  return out;
}
