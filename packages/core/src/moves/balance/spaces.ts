// The point of an orbit of GL(n) where the sum of squares is least.
import type { NdArray } from "../../array.js";
import { eigenSymmetric, inverse } from "../../math/linalg.js";
import type { LinearSpace } from "../../symmetry/discovery/descriptors.js";
import {
  gramsAlong,
  type Matrices,
  mapMatrices,
  matrixOf,
  multipliedAlong,
  stackOf,
} from "../../symmetry/matrices-along.js";
import { type Matrix, plusDiagonal, product, spectral, transposed } from "../../symmetry/matrix.js";
import { doublesOf, type Sweeps, type Swept } from "./scales.js";

/** Spaces whose weights use fewer directions than this share of the largest stay as they are. */
const leastShare = 1e-12;

/**
 * T = g - I of each space where the sum of squares of its weights is least. With M+ the sum of v v' over all that
 * g multiplies, M- that over all that g^-T multiplies, tr(G M+) + tr(G^-1 M-) is least for G = g'g with G M+ G = M-, the
 * geometric mean of M+^-1 and M-; g is its root. For B A with B = U S^1/2, A = S^1/2 V', where g turns A and g^-T B,
 * that is the balanced factorization, up to a rotation. Spaces that share weights are swept. A space that is not used
 * in all directions stays.
 */
export function balancedSpaces(
  arrays: Readonly<Record<string, NdArray>>,
  spaces: readonly LinearSpace[],
  { tolerance, most }: Sweeps,
): Swept {
  const moved = doublesOf(arrays, spaces);
  const total = spaces.map(({ size, copies }) => stackOf(copies, size, () => identity(size)));
  const paths = spaces.map(({ axes }) => new Set(axes.map(({ path }) => path)));
  // How far each space may be from its own best point: a step of one goes there, unless it is on two axes of a weight.
  const away = spaces.map(() => Number.POSITIVE_INFINITY);
  for (let sweep = 0; sweep < most && away.some((far) => far > tolerance); sweep++) {
    spaces.forEach((space, k) => {
      if (away[k] <= tolerance) return;
      const g = stepOf(space, moved);
      const largest = plusDiagonal(g, -1).data.reduce((a, v) => Math.max(a, Math.abs(v)), 0);
      const dual = mapMatrices(g, (matrix) => transposed(inverse(matrix)));
      for (const axis of space.axes) {
        const array = moved.get(axis.path) as NdArray;
        moved.set(axis.path, multipliedAlong(array, axis, axis.variance === 1 ? g : dual));
      }
      total[k] = stackOf(space.copies, space.size, (copy) =>
        product(matrixOf(g, copy), matrixOf(total[k], copy)),
      );
      paths.forEach((others, j) => {
        if (j !== k && [...paths[k]].some((path) => others.has(path))) away[j] += largest;
      });
      away[k] = isShared(space) ? largest : 0;
    });
  }
  const largest = away.reduce((a, far) => Math.max(a, far), 0);
  return { T: total.map((g) => plusDiagonal(g, -1)), step: largest, arrays: moved };
}

/** g of a space for each of its copies, with all other spaces as they are. */
function stepOf(space: LinearSpace, arrays: ReadonlyMap<string, NdArray>): Matrices {
  const { size, copies, axes } = space;
  const sum = (variance: 1 | -1): Matrices =>
    axes
      .filter((axis) => axis.variance === variance)
      .map((axis) => gramsAlong(arrays.get(axis.path) as NdArray, axis, copies))
      .reduce((a, b) => ({ shape: a.shape, data: a.data.map((v, i) => v + b.data[i]) }), {
        shape: [copies, size, size],
        data: new Float64Array(copies * size * size),
      });
  const [plus, minus] = [sum(1), sum(-1)];
  // An element that is on two axes moves with both: half a step then does not go past the point.
  const isHalf = isShared(space);
  return stackOf(copies, size, (copy) => {
    const g = balancing(matrixOf(plus, copy), matrixOf(minus, copy));
    return (isHalf ? g && power(g, 0.5) : g) ?? identity(size);
  });
}

const identity = (n: number): Matrix => plusDiagonal({ shape: [n, n], data: new Float64Array(n * n) }, 1);

const isShared = ({ axes }: LinearSpace): boolean => new Set(axes.map(({ path }) => path)).size < axes.length;

/** G^1/2 of the geometric mean G, or undefined where a matrix is singular. */
function balancing(plus: Matrix, minus: Matrix): Matrix | undefined {
  const ofPlus = spectrumOf(plus);
  if (!ofPlus) return undefined;
  const [root, inverseRoot] = [powerOf(ofPlus, 0.5), powerOf(ofPlus, -0.5)];
  const middle = power(product(product(root, minus), root), 0.5);
  return middle && power(product(product(inverseRoot, middle), inverseRoot), 0.5);
}

interface Spectrum {
  readonly vectors: Matrix;
  readonly values: Matrix["data"];
}

/** Eigenvalues and vectors of a symmetric positive definite matrix; undefined for a singular one. */
function spectrumOf(matrix: Matrix): Spectrum | undefined {
  const {
    values: { data: values },
    vectors,
  } = eigenSymmetric(symmetric(matrix));
  const largest = values[values.length - 1];
  return !(largest > 0) || values[0] < leastShare * largest ? undefined : { vectors, values };
}

const powerOf = ({ vectors, values }: Spectrum, exponent: number): Matrix =>
  spectral(
    vectors,
    Array.from(values, (v) => v ** exponent),
  );

function power(matrix: Matrix, exponent: number): Matrix | undefined {
  const spectrum = spectrumOf(matrix);
  return spectrum && powerOf(spectrum, exponent);
}

const symmetric = ({ shape, data }: Matrix): Matrix => {
  const [n] = shape;
  return { shape, data: data.map((v, k) => (v + data[(k % n) * n + Math.floor(k / n)]) / 2) };
};
