// Rotations of R^n by their Lie algebra, the skew matrices, with the exponential and logarithm in closed form.
import { type NdArray, ndarray } from "../../array.js";
import { scan } from "../../graph/control/scan.js";
import { whileLoop } from "../../graph/control/while.js";
import { add, cast, div, maximum, minimum, mul, neg, sub } from "../../graph/ops/arithmetic.js";
import { broadcastTo } from "../../graph/ops/broadcast.js";
import { greater, lessEqual, where } from "../../graph/ops/compare.js";
import { abs, cos, sin, sqrt, square } from "../../graph/ops/elementary.js";
import { identity } from "../../graph/ops/elimination.js";
import { gather } from "../../graph/ops/gather.js";
import { constant, fill } from "../../graph/ops/leaf.js";
import { matmul } from "../../graph/ops/matmul.js";
import { sum } from "../../graph/ops/reduce.js";
import { reshape } from "../../graph/ops/reshape.js";
import { concat, slice } from "../../graph/ops/slice.js";
import type { Tensor } from "../../graph/tensor.js";
import { eigenSymmetric } from "../../math/linalg.js";
import { type Matrix, product, spectral, transposed } from "../matrix.js";

/** Dimension of SO(n): the number of planes of two axes. */
export const rotationPlanes = (n: number): number => (n * (n - 1)) / 2;

/**
 * The skew matrix of T, which lists the pairs of axes i < j row by row: S_ji = t_ij, S_ij = -t_ij, so that a positive
 * t_ij turns axis i toward axis j.
 */
export function skew(T: ArrayLike<number>, n: number): Matrix {
  const data = new Float64Array(n * n);
  let k = 0;
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      data[j * n + i] = T[k];
      data[i * n + j] = -T[k];
      k++;
    }
  }
  return { shape: [n, n], data };
}

/**
 * The rotation exp(S) of a skew matrix S = {@link skew}(T).
 *
 * exp(S) = cos(Theta) + S sin(Theta) / Theta, Theta^2 = S'S = -S^2: even functions of Theta are smooth in the symmetric
 * S'S, so that equal or vanishing angles need no special case. Orthogonal to 1e-13.
 *
 * @example
 * rotation([Math.PI / 2], 2).data; // 0, -1, 1, 0 up to 1e-16
 */
export function rotation(T: ArrayLike<number>, n: number): Matrix {
  if (n === 2) {
    const [c, s] = [Math.cos(T[0]), Math.sin(T[0])];
    return { shape: [2, 2], data: Float64Array.of(c, -s, s, c) };
  }
  // exp(S) = exp(S / 2^k)^(2^k): the rounding of S'S grows with its size.
  let norm = 0;
  for (let k = 0; k < T.length; k++) norm = Math.hypot(norm, T[k]);
  const squarings = norm > 4 ? Math.ceil(Math.log2(norm / 4)) : 0;
  const S = skew(
    Float64Array.from(T, (t) => t / 2 ** squarings),
    n,
  );
  const { values, vectors } = eigenSymmetric(product(transposed(S), S));
  const angles = Array.from(values.data, (v) => Math.sqrt(Math.max(v, 0)));
  const cosines = spectral(vectors, angles.map(Math.cos));
  const ratios = angles.map((a) => (a === 0 ? 1 : Math.sin(a) / a));
  const sines = product(S, spectral(vectors, ratios));
  let R: Matrix = { shape: [n, n], data: cosines.data.map((c, i) => c + sines.data[i]) };
  for (let k = 0; k < squarings; k++) R = product(R, R);
  return orthogonal(R);
}

/** The nearest orthogonal matrix up to the square of the distance: a Newton step R (3 - R'R) / 2. */
function orthogonal(R: Matrix): Matrix {
  const n = R.shape[0];
  const { data } = product(transposed(R), R);
  const half = data.map((v, i) => ((i % (n + 1) === 0 ? 3 : 0) - v) / 2);
  return product(R, { shape: R.shape, data: half });
}

/**
 * T of a rotation, with all angles in [0, pi] (n = 2: (-pi, pi]): the principal logarithm.
 *
 * (R + R')/2 = cos(Theta) and K = (R - R')/2 = S sin(Theta)/Theta, so that S = sum over eigenvectors v of the cosine
 * of theta / sin(theta) K v v', theta = atan2(||K v||, cosine). Half-turns have no unique plane, so any one
 * is taken; near them digits are lost as sin(theta) falls.
 */
export function logRotation(R: Matrix): Float64Array {
  const n = R.shape[0];
  if (n === 2) return Float64Array.of(Math.atan2(R.data[2] - R.data[1], R.data[0] + R.data[3]));
  const turned = transposed(R);
  const half = (sign: number): Matrix => ({
    shape: R.shape,
    data: R.data.map((v, i) => (v + sign * turned.data[i]) / 2),
  });
  const [C, K] = [half(1), half(-1)];
  const { values, vectors } = eigenSymmetric(C);
  const S = new Float64Array(n * n);
  const addPlane = (u: (i: number) => number, v: (i: number) => number, factor: number) => {
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) S[i * n + j] += factor * u(i) * v(j);
  };
  const turnedVectors = product(K, vectors);
  const column = (a: Matrix, k: number) => (i: number) => a.data[i * n + k];
  const halfTurns: number[] = [];
  for (let k = 0; k < n; k++) {
    let norm = 0;
    for (let i = 0; i < n; i++) norm = Math.hypot(norm, turnedVectors.data[i * n + k]);
    if (norm < 1e-8) {
      if (values.data[k] < 0) halfTurns.push(k);
      else addPlane(column(turnedVectors, k), column(vectors, k), 1);
    } else {
      addPlane(column(turnedVectors, k), column(vectors, k), Math.atan2(norm, values.data[k]) / norm);
    }
  }
  for (let k = 0; k + 1 < halfTurns.length; k += 2) {
    const [u, v] = [column(vectors, halfTurns[k]), column(vectors, halfTurns[k + 1])];
    addPlane(u, v, Math.PI);
    addPlane(v, u, -Math.PI);
  }
  const T = new Float64Array(rotationPlanes(n));
  let at = 0;
  for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) T[at++] = (S[j * n + i] - S[i * n + j]) / 2;
  return T;
}

/** The skew matrices [copies, n, n] of a tensor [copies, planes]. Traced. */
export function skewMatrices(T: Tensor, n: number): Tensor {
  const [copies, planes] = T.shape;
  const places = new BigInt64Array(copies * n * n).fill(BigInt(2 * T.size));
  for (let c = 0; c < copies; c++) {
    let k = c * planes;
    for (let i = 0; i < n; i++) {
      for (let j = i + 1; j < n; j++) {
        places[(c * n + j) * n + i] = BigInt(k);
        places[(c * n + i) * n + j] = BigInt(T.size + k);
        k++;
      }
    }
  }
  const flat = reshape(T, [T.size]);
  const entries = concat([flat, neg(flat), fill([1], 0, T.dtype)]);
  return gather(entries, constant({ shape: [copies, n, n], data: places }));
}

/** S v for the skew matrix of T and a vector v. Traced. */
export function skewTimes(T: Tensor, v: Tensor): Tensor {
  const n = v.size;
  const S = reshape(skewMatrices(reshape(T, [1, T.size]), n), [n, n]);
  return reshape(matmul(S, reshape(v, [n, 1])), v.shape);
}

/** Terms of the exponential series of a matrix of norm 1 that are not below rounding: 1 / 20! = 4e-19. */
const terms = 20;
/** The largest ||T|| that traced rotations take: beyond it they are not finite. */
const mostTurn = 1000;
/** Why a traced rotation is not finite. */
export const tooFar = `rotations are computed up to a norm of T of ${mostTurn}`;

/** exp(S) v for the skew matrix S of T, of shape [planes], and a vector v. Traced. */
export function turned(T: Tensor, v: Tensor): Tensor {
  const n = v.size;
  if (n === 2) {
    const [c, s] = [cos(T), sin(T)];
    const [x, y] = [slice(v, { ends: [1] }), slice(v, { starts: [1] })];
    return concat([sub(mul(c, x), mul(s, y)), add(mul(s, x), mul(c, y))]);
  }
  return reshape(exponentialTimes(reshape(T, [1, T.size]), reshape(v, [1, n, 1])), v.shape);
}

/** The rotations [copies, n, n] of a tensor [copies, planes], exactly I where it is 0. Traced. */
export const rotationMatrices = (T: Tensor, n: number): Tensor =>
  exponentialTimes(T, broadcastTo(identity(n, T.dtype as "float64"), [T.shape[0], n, n]));

/**
 * exp(S) V for the skew matrices S of T [copies, planes], and V [copies, n, k], by the series sum of S^k V / k!, in parts of
 * norm 1 at most, as the largest angle is no larger than ||T||: A. Al-Mohy, N. Higham, "Computing the action of the matrix
 * exponential", SIAM J. Sci. Comput. 2011, section 3.
 */
function exponentialTimes(T: Tensor, V: Tensor): Tensor {
  const norm = sqrt(sum(square(T)));
  const unit = skewMatrices(div(T, maximum(norm, Number.MIN_VALUE)), V.shape[1]);
  const inverses = constant(
    ndarray(
      Float64Array.from({ length: terms }, (_, k) => 1 / (k + 1)),
      [terms],
    ),
  );
  const { at } = whileLoop(
    ({ left }) => greater(left, 0),
    ({ at: from, left }) => {
      const part = minimum(left, 1);
      const [{ total }] = scan(
        (c: { readonly term: Tensor; readonly total: Tensor }, [inverse]: readonly Tensor[]) => {
          const term = mul(mul(part, cast(inverse, part.dtype)), matmul(unit, c.term));
          return [{ term, total: add(c.total, term) }, []];
        },
        { term: from, total: from },
        [inverses],
      );
      return { at: total, left: sub(left, 1) };
    },
    { at: V, left: norm },
    { most: mostTurn },
  );
  return where(lessEqual(norm, mostTurn), at, Number.NaN);
}

/**
 * A moved array, or the array before where T is 0: the identity moves by nothing, not even by rounding. In a plane, which is
 * scanned at hundreds of angles, it may. Traced.
 */
export const unlessStill = (T: Tensor, to: Tensor, w: Tensor): Tensor =>
  T.size === 1 ? to : where(greater(sum(abs(T)), 0), to, w);

/** The inverse and the product of rotations, in the algebra: T of R^-1, and of R(second) R(first). */
export const rotationGroup = (n: number) => ({
  inverse: ([T]: readonly NdArray[]): readonly NdArray[] => [
    { shape: T.shape, data: Float64Array.from(T.data as Float64Array, (t) => -t) },
  ],
  compose: ([second]: readonly NdArray[], [first]: readonly NdArray[]): readonly NdArray[] => {
    const [a, b] = [second.data as Float64Array, first.data as Float64Array];
    // In a plane, angles add up without a logarithm, which would lose whole turns.
    const data =
      n === 2 ? Float64Array.of(a[0] + b[0]) : logRotation(product(rotation(a, n), rotation(b, n)));
    return [{ shape: first.shape, data }];
  },
});
