// Small dense float64 linear algebra on the host; the only file that imports ml-matrix.
import {
  EigenvalueDecomposition,
  LuDecomposition,
  Matrix,
  QrDecomposition,
  SingularValueDecomposition,
} from "ml-matrix";
import { dtypeOf, type NdArray, requireArray, sizeOf } from "../array.js";
import { DTypeError, NumericalError, OptionError, ShapeError } from "../errors.js";
import { requireKnown } from "../options.js";
import { invert } from "./dense.js";

type F64 = NdArray<Float64Array>;
type Svd = { readonly u: F64; readonly s: F64; readonly v: F64 };

function requireFloat64(a: NdArray, what: string): void {
  requireArray(what, a);
  const dtype = dtypeOf(a);
  if (dtype !== "float64") {
    throw new DTypeError(`${what} takes float64; got ${dtype}. Convert with astype(a, "float64").`);
  }
  if (a.data.length !== sizeOf(a.shape)) {
    throw new ShapeError(
      `${what}: shape [${a.shape.join(", ")}] needs ${sizeOf(a.shape)} elements; got ${a.data.length}.`,
    );
  }
  const at = (a.data as Float64Array).findIndex((x) => !Number.isFinite(x));
  if (at >= 0) {
    throw new NumericalError(
      `${what} takes finite numbers; element ${at} of the flat data is ${a.data[at]}.`,
    );
  }
}

function toMatrix(a: NdArray, what: string): Matrix {
  requireArray(what, a);
  const [rows, columns] = a.shape;
  if (a.shape.length !== 2 || rows === 0 || columns === 0) {
    throw new ShapeError(`${what} takes a matrix of at least 1 x 1; got shape [${a.shape.join(", ")}].`);
  }
  requireFloat64(a, what);
  return Matrix.from1DArray(rows, columns, a.data as Float64Array);
}

function toSquareMatrix(a: NdArray, what: string): Matrix {
  const matrix = toMatrix(a, what);
  if (matrix.rows !== matrix.columns) {
    throw new ShapeError(`${what} takes a square matrix; got shape [${a.shape.join(", ")}].`);
  }
  return matrix;
}

function fromMatrix(matrix: Matrix): F64 {
  return { shape: [matrix.rows, matrix.columns], data: Float64Array.from(matrix.to1DArray()) };
}

function largestMagnitude(matrix: Matrix): number {
  return Math.max(matrix.max(), -matrix.min());
}

/** A power of two near 1 / max|a|: scaling by it is exact and keeps squares in the decompositions in range. */
function scaleOf(matrix: Matrix): number {
  const largest = largestMagnitude(matrix);
  return largest === 0 ? 1 : 2 ** Math.max(-1000, Math.min(1000, -Math.floor(Math.log2(largest))));
}

/** A matrix times a number, in its place: by rows, as pages leave out what ml-matrix does with all elements at once. */
function multiplied(matrix: Matrix, factor: number): Matrix {
  for (let row = 0; row < matrix.rows; row++) matrix.mulRow(row, factor);
  return matrix;
}

/** Largest absolute column sum. */
function norm1(a: Float64Array, n: number): number {
  const sums = new Float64Array(n);
  for (let i = 0; i < a.length; i += n) for (let j = 0; j < n; j++) sums[j] += Math.abs(a[i + j]);
  return sums.reduce((x, y) => Math.max(x, y), 0);
}

/**
 * Checks a precomputed inverse of a: rcond must be >= machine epsilon (the check of LAPACK's gesvx).
 *
 * @throws NumericalError if rcond is smaller or NaN, or if there is no inverse
 */
export function requireRegular(a: F64, inverse: Float64Array | undefined, what: string): Float64Array {
  const n = a.shape[0];
  const rcond = inverse === undefined ? 0 : 1 / (norm1(a.data, n) * norm1(inverse, n));
  if (inverse !== undefined && rcond >= Number.EPSILON) return inverse;
  throw new NumericalError(
    `${what}: the ${n} x ${n} matrix is singular to working precision ` +
      `(reciprocal condition number ${rcond.toExponential(2)}). Use pinv for a least-norm solution, or add a multiple of the identity.`,
  );
}

/** scale * a and its inverse. */
function inverted(a: NdArray, what: string): { matrix: Matrix; inverse: Float64Array; scale: number } {
  const matrix = toSquareMatrix(a, what);
  const scale = scaleOf(matrix);
  const n = matrix.rows;
  const data = Float64Array.from(a.data as Float64Array, (x) => x * scale);
  const inverse = requireRegular({ shape: [n, n], data }, invert(data, n), what);
  return { matrix: multiplied(matrix, scale), inverse, scale };
}

/**
 * The solution x of a x = b, by LU decomposition with partial pivoting.
 *
 * @param a float64 [n, n]
 * @param b float64 [n] or [n, k]; the result has its shape
 * @throws ShapeError, DTypeError; NumericalError for NaN or infinite elements and for a matrix whose reciprocal
 *   condition number in the 1-norm is below 2.2e-16
 *
 * @example
 * solve(array([[2, 0], [0, 4]], "float64"), array([1, 1], "float64")); // [0.5, 0.25]
 */
export function solve(a: NdArray, b: NdArray): F64 {
  const { matrix, scale } = inverted(a, "solve");
  const n = a.shape[0];
  requireArray("solve (b)", b);
  if ((b.shape.length !== 1 && b.shape.length !== 2) || b.shape[0] !== n || b.data.length === 0) {
    throw new ShapeError(
      `solve: b must have shape [${n}] or [${n}, k] for k >= 1; got [${b.shape.join(", ")}].`,
    );
  }
  requireFloat64(b, "solve (b)");
  const x = new LuDecomposition(matrix).solve(
    Matrix.from1DArray(n, b.data.length / n, b.data as Float64Array),
  );
  return { shape: [...b.shape], data: fromMatrix(multiplied(x, scale)).data };
}

/**
 * The inverse of a square float64 matrix, by Gauss-Jordan elimination with row pivots. Throws like
 * {@link solve}.
 *
 * @example
 * inverse(array([[2, 0], [0, 4]], "float64")); // [[0.5, 0], [0, 0.25]]
 */
export function inverse(a: NdArray): F64 {
  const { inverse: scaled, scale } = inverted(a, "inverse");
  return { shape: [...a.shape], data: scaled.map((x) => x * scale) };
}

/**
 * Eigenvalues and orthonormal eigenvectors of a symmetric matrix: a = V diag(values) V^T.
 *
 * @param a float64 [n, n], symmetric to 1e-10 of its largest element; the mean of a and a^T is decomposed
 * @returns `values` [n] in ascending order; `vectors` [n, n], column j belongs to values[j]
 * @throws ShapeError, DTypeError; NumericalError for NaN, infinite or unsymmetric input
 *
 * @example
 * eigenSymmetric(array([[10, 8], [8, 10]], "float64")).values; // 2, 18
 */
export function eigenSymmetric(a: NdArray): { readonly values: F64; readonly vectors: F64 } {
  const matrix = toSquareMatrix(a, "eigenSymmetric");
  const tolerance = 1e-10 * largestMagnitude(matrix);
  for (let i = 0; i < matrix.rows; i++) {
    for (let j = 0; j < i; j++) {
      const [lower, upper] = [matrix.get(i, j), matrix.get(j, i)];
      if (Math.abs(lower - upper) > tolerance) {
        throw new NumericalError(
          `eigenSymmetric takes a symmetric matrix; element (${i}, ${j}) is ${lower}, (${j}, ${i}) is ${upper}.`,
        );
      }
      const mean = lower / 2 + upper / 2;
      matrix.set(i, j, mean);
      matrix.set(j, i, mean);
    }
  }
  const scale = scaleOf(matrix);
  const evd = new EigenvalueDecomposition(multiplied(matrix, scale), { assumeSymmetric: true });
  const values = Float64Array.from(evd.realEigenvalues, (x) => x / scale);
  return { values: { shape: [values.length], data: values }, vectors: fromMatrix(evd.eigenvectorMatrix) };
}

/**
 * The thin singular value decomposition: a = U diag(s) V^T with k = min(m, n).
 *
 * @param a float64 [m, n]
 * @returns `u` [m, k] and `v` [n, k] with orthonormal columns; `s` [k], descending and non-negative
 * @throws ShapeError, DTypeError; NumericalError for NaN or infinite elements
 *
 * @example
 * svd(array([[3, 0], [0, -4]], "float64")).s; // 4, 3
 */
export function svd(a: NdArray): Svd {
  return decompose(a, "svd");
}

function decompose(a: NdArray, what: string): Svd {
  const matrix = toMatrix(a, what);
  const scale = scaleOf(matrix);
  multiplied(matrix, scale);
  // The algorithm needs m >= n.
  const wide = matrix.rows < matrix.columns;
  const decomposition = new SingularValueDecomposition(wide ? matrix.transpose() : matrix);
  const left = fromMatrix(decomposition.leftSingularVectors);
  const right = fromMatrix(decomposition.rightSingularVectors);
  const values = Float64Array.from(decomposition.diagonal, (x) => x / scale);
  return { u: wide ? right : left, s: { shape: [values.length], data: values }, v: wide ? left : right };
}

/**
 * The Moore-Penrose pseudoinverse V diag(1/s) U^T over the singular values s > rcond * s_max.
 *
 * @param a float64 [m, n]
 * @param options `rcond`: relative cut-off; default max(m, n) * 2.2e-16
 * @returns `pinv` [n, m]; `rank`, the number of singular values above the cut-off; `s`, all singular values
 * @throws ShapeError, DTypeError, OptionError; NumericalError for NaN or infinite elements
 *
 * @example
 * pinv(array([[1, 1], [1, 1]], "float64")); // rank 1, pinv [[0.25, 0.25], [0.25, 0.25]]
 */
export function pinv(
  a: NdArray,
  options: { readonly rcond?: number | undefined } = {},
): { readonly pinv: F64; readonly rank: number; readonly s: F64 } {
  requireKnown("pinv", options, ["rcond"], "pinv(a, { rcond: 1e-6 })");
  const { rcond } = options;
  const { u, s, v } = decompose(a, "pinv");
  const [m, n] = a.shape;
  const cutOff = rcond ?? Math.max(m, n) * Number.EPSILON;
  if (!(cutOff >= 0 && cutOff < 1)) throw new OptionError(`pinv: rcond must be in [0, 1); got ${rcond}.`);
  const k = s.data.length;
  const out = new Float64Array(n * m);
  let rank = 0;
  for (let r = 0; r < k && s.data[r] > cutOff * s.data[0]; r++) {
    rank++;
    for (let i = 0; i < n; i++) {
      const weight = v.data[i * k + r] / s.data[r];
      for (let j = 0; j < m; j++) out[i * m + j] += weight * u.data[j * k + r];
    }
  }
  return { pinv: { shape: [n, m], data: out }, rank, s };
}

/**
 * The thin QR decomposition a = Q R by Householder reflections, with the diagonal of R made non-negative, so that it
 * is unique for a matrix of full column rank.
 *
 * @param a float64 [m, n] with m >= n
 * @returns `q` [m, n] with orthonormal columns; `r` [n, n], upper triangular
 * @throws ShapeError, DTypeError; NumericalError for NaN or infinite elements
 *
 * @example
 * qr(array([[0, -2], [3, 0]], "float64")); // q [[0, -1], [1, 0]], r [[3, 0], [0, 2]]
 */
export function qr(a: NdArray): { readonly q: F64; readonly r: F64 } {
  const matrix = toMatrix(a, "qr");
  const [m, n] = a.shape;
  if (m < n)
    throw new ShapeError(`qr takes a matrix with at least as many rows as columns; got [${m}, ${n}].`);
  const scale = scaleOf(matrix);
  const decomposition = new QrDecomposition(multiplied(matrix, scale));
  const q = fromMatrix(decomposition.orthogonalMatrix);
  const r = fromMatrix(decomposition.upperTriangularMatrix);
  for (let k = 0; k < n; k++) {
    const sign = r.data[k * n + k] < 0 ? -1 : 1;
    for (let i = 0; i < m; i++) q.data[i * n + k] *= sign;
    for (let j = k; j < n; j++) r.data[k * n + j] *= sign / scale;
  }
  return { q, r };
}
