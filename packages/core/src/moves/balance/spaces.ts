// The point of an orbit of GL(n) where the sum of squares is least.
import type { NdArray } from "../../array.js";
import { eigenSymmetric } from "../../math/linalg.js";
import type { LinearSpace } from "../../symmetry/discovery/descriptors.js";
import { gramsAlong, type Matrices, matrixOf, stackOf } from "../../symmetry/matrices-along.js";
import { type Matrix, plusDiagonal, product, spectral } from "../../symmetry/matrix.js";

/** Spaces whose weights use fewer directions than this share of the largest stay as they are. */
const leastShare = 1e-12;

/**
 * T = g - I of each space where the sum of squares of its weights is least. With M+ the sum of v v' over all that
 * g multiplies, M- that over all that g^-T multiplies, tr(G M+) + tr(G^-1 M-) is least for G = g'g with G M+ G = M-, the
 * geometric mean of M+^-1 and M-; g is its root. For B A with B = U S^1/2, A = S^1/2 V', where g turns A and g^-T B,
 * that is the balanced factorization, up to a rotation. A space that is not used in all directions stays.
 */
export function balancedSpaces(
  arrays: Readonly<Record<string, NdArray>>,
  spaces: readonly LinearSpace[],
): NdArray<Float64Array>[] {
  return spaces.map(({ size, copies, axes }) => {
    const sum = (variance: 1 | -1): Matrices =>
      axes
        .filter((axis) => axis.variance === variance)
        .map((axis) => gramsAlong(arrays[axis.path], axis, copies))
        .reduce((a, b) => ({ shape: a.shape, data: a.data.map((v, i) => v + b.data[i]) }), {
          shape: [copies, size, size],
          data: new Float64Array(copies * size * size),
        });
    const [plus, minus] = [sum(1), sum(-1)];
    return stackOf(copies, size, (copy) => {
      const g = balancing(matrixOf(plus, copy), matrixOf(minus, copy));
      return g ? plusDiagonal(g, -1) : { shape: [size, size], data: new Float64Array(size * size) };
    });
  });
}

/** G^1/2 of the geometric mean G, or undefined where a matrix is singular. */
function balancing(plus: Matrix, minus: Matrix): Matrix | undefined {
  if (!isRegular(minus)) return undefined;
  const root = power(plus, 0.5);
  const inverseRoot = power(plus, -0.5);
  if (!root || !inverseRoot) return undefined;
  const middle = power(product(product(root, minus), root), 0.5);
  return middle && power(product(product(inverseRoot, middle), inverseRoot), 0.5);
}

const isRegular = (matrix: Matrix): boolean => power(matrix, 1) !== undefined;

/** A power of a symmetric positive definite matrix. */
function power(matrix: Matrix, exponent: number): Matrix | undefined {
  const { values, vectors } = eigenSymmetric(symmetric(matrix));
  const largest = values.data[values.data.length - 1];
  if (!(largest > 0) || values.data[0] < leastShare * largest) return undefined;
  return spectral(
    vectors,
    Array.from(values.data, (v) => v ** exponent),
  );
}

const symmetric = ({ shape, data }: Matrix): Matrix => {
  const [n] = shape;
  return { shape, data: data.map((v, k) => (v + data[(k % n) * n + Math.floor(k / n)]) / 2) };
};
