// The point of an orbit of GL(n) where the sum of squares is least.
import type { NdArray } from "../../array.js";
import { addGram, cholesky, invertLower } from "../../math/dense.js";
import { addTilesInWebAssembly } from "../../math/tile-kernel.js";
import type { LinearSpace } from "../../symmetry/discovery/descriptors.js";
import {
  addGramsAlong,
  type Matrices,
  matrixOf,
  multiplyAlong,
  stackOf,
} from "../../symmetry/matrices-along.js";
import { type Matrix, plusDiagonal, product, transposed } from "../../symmetry/matrix.js";
import type { Sweeps, Swept } from "./sweeps.js";

/**
 * T = g - I of each space where the sum of squares of its weights is least. With M+ the sum of v v' over all that
 * g multiplies, M- that over all that g^-T multiplies, tr(G M+) + tr(G^-1 M-) is least for G = g'g with G M+ G = M-, the
 * geometric mean of M+^-1 and M-; g is its upper triangular factor. For B A with B = U S^1/2, A = S^1/2 V', where g turns A
 * and g^-T B, that is the balanced factorization, up to a rotation. Spaces that share weights are swept. A space that is not
 * used in all directions stays.
 *
 * A space that was solved before is solved again only where an element of |M+ - M-|_ij / (M+_ii + M+_jj + M-_ii + M-_jj), the
 * element of a logarithm of g to first order, is above the tolerance.
 *
 * @param arrays in float64, moved in place
 * @param bounds how far each space is from its own best point at most; infinite for those that were never solved
 */
export function balancedSpaces(
  arrays: ReadonlyMap<string, NdArray>,
  spaces: readonly LinearSpace[],
  { tolerance, most }: Sweeps,
  bounds: readonly number[] = spaces.map(() => Number.POSITIVE_INFINITY),
): Swept {
  addTilesInWebAssembly();
  const total = spaces.map(({ size, copies }) => stackOf(copies, size, () => identity(size)));
  const paths = spaces.map(({ axes }) => new Set(axes.map(({ path }) => path)));
  const away = [...bounds];
  for (let sweep = 0; sweep < most && away.some((far) => far > tolerance); sweep++) {
    spaces.forEach((space, k) => {
      if (away[k] <= tolerance) return;
      const grams = gramsOf(space, arrays);
      if (away[k] < Number.POSITIVE_INFINITY) {
        away[k] = distance(grams);
        if (away[k] <= tolerance) return;
      }
      const { g, dual, step } = stepOf(space, grams);
      // A step goes to the best point, unless the space is on two axes of a weight.
      away[k] = isShared(space) ? step : 0;
      if (step === 0) return;
      for (const axis of space.axes) {
        const array = arrays.get(axis.path) as NdArray<Float64Array>;
        multiplyAlong(array, axis, axis.variance === 1 ? g : dual);
      }
      total[k] = stackOf(space.copies, space.size, (copy) =>
        product(matrixOf(g, copy), matrixOf(total[k], copy)),
      );
      paths.forEach((others, j) => {
        if (j !== k && [...paths[k]].some((path) => others.has(path))) away[j] += step;
      });
    });
  }
  return { T: total.map((g) => plusDiagonal(g, -1)), away };
}

/** M+ and M- of each copy of a space. */
interface Grams {
  readonly plus: Matrices;
  readonly minus: Matrices;
}

function gramsOf({ size, copies, axes }: LinearSpace, arrays: ReadonlyMap<string, NdArray>): Grams {
  const zero = (): Matrices => ({
    shape: [copies, size, size],
    data: new Float64Array(copies * size * size),
  });
  const [plus, minus] = [zero(), zero()];
  for (const axis of axes) {
    addGramsAlong(axis.variance === 1 ? plus : minus, arrays.get(axis.path) as NdArray, axis);
  }
  return { plus, minus };
}

/** The largest element of the logarithm of g to first order, for M+ and M- near each other and near diagonal matrices. */
function distance({ plus, minus }: Grams): number {
  const [copies, n] = plus.shape;
  let largest = 0;
  for (let copy = 0; copy < copies; copy++) {
    const [p, q] = [matrixOf(plus, copy).data, matrixOf(minus, copy).data];
    const diagonal = Float64Array.from({ length: n }, (_, i) => p[i * n + i] + q[i * n + i]);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) {
        const far = Math.abs(p[i * n + j] - q[i * n + j]) / (diagonal[i] + diagonal[j]);
        if (far > largest) largest = far;
      }
    }
  }
  return largest;
}

interface Step {
  readonly g: Matrices;
  /** g^-T. */
  readonly dual: Matrices;
  /** The largest element of (G - I) / 2, which is g - I for the symmetric root to first order. */
  readonly step: number;
}

/** g of a space for each of its copies, with all other spaces as they are. */
function stepOf(space: LinearSpace, { plus, minus }: Grams): Step {
  const { size, copies } = space;
  let step = 0;
  const roots = Array.from({ length: copies }, (_, copy) => {
    const mean = geometricMean(matrixOf(plus, copy), matrixOf(minus, copy));
    // An element that is on two axes moves with both: half a step then does not go past the point.
    const G = mean && isShared(space) ? geometricMean(identity(size), mean) : mean;
    const root = G && rootOf(G);
    if (root) step = plusDiagonal(G, -1).data.reduce((a, v) => Math.max(a, Math.abs(v) / 2), step);
    return root ?? { g: identity(size), dual: identity(size) };
  });
  return {
    g: stackOf(copies, size, (copy) => roots[copy].g),
    dual: stackOf(copies, size, (copy) => roots[copy].dual),
    step,
  };
}

const identity = (n: number): Matrix => plusDiagonal({ shape: [n, n], data: new Float64Array(n * n) }, 1);

const isShared = ({ axes }: LinearSpace): boolean => new Set(axes.map(({ path }) => path)).size < axes.length;

/** The upper triangular g with g'g = G, and g^-T. */
function rootOf({ shape, data }: Matrix): { readonly g: Matrix; readonly dual: Matrix } | undefined {
  const [n] = shape;
  const lower = cholesky(data, n);
  if (!lower) return undefined;
  const g = transposed({ shape, data: lower });
  invertLower(lower, n);
  return { g, dual: { shape, data: lower } };
}

// The geometric mean of positive definite matrices, at which a sum over an orbit of GL(n) is least.

/** Where less than this share of a direction is its own, a matrix counts as singular. */
const leastShare = 1e-12;

/**
 * The G with G M+ G = M-, the geometric mean of M+^-1 and M-; undefined where a matrix is singular. By the iteration of Denman
 * and Beavers, Applied Mathematics and Computation 2 (1976), in its form for two matrices: of (P + Q^-1) / 2 and
 * (Q + P^-1) / 2, from M- and M+ on, the first goes to G and the second to G^-1. Factors by which det(P Q) = 1 keep it short.
 */
export function geometricMean(plus: Matrix, minus: Matrix): Matrix | undefined {
  const { shape } = plus;
  const [n] = shape;
  let [p, q] = [minus.data, plus.data];
  // Fresh memory in each iteration would take as long as its sums.
  const [lowerP, lowerQ, inverseP, inverseQ, nextP, nextQ] = Array.from(
    { length: 6 },
    () => new Float64Array(n * n),
  );
  for (let k = 0; k < iterations; k++) {
    const rootP = cholesky(p, n, { least: leastShare, lower: lowerP });
    const rootQ = cholesky(q, n, { least: leastShare, lower: lowerQ });
    if (!rootP || !rootQ) return undefined;
    const factor = Math.exp(-(logDetOf(rootP, n) + logDetOf(rootQ, n)) / (2 * n));
    invertInto(inverseQ, rootQ, n);
    const change = meanInto(nextP, p, inverseQ, factor, n);
    // The last step needs no inverse of P.
    if (k > 0 && change <= settled) return { shape, data: nextP };
    invertInto(inverseP, rootP, n);
    if (k === 0 && shareOf(p, inverseP, n) * shareOf(q, inverseQ, n) < leastShare) return undefined;
    meanInto(nextQ, q, inverseP, factor, n);
    [p, q] = [nextP, nextQ];
  }
  return undefined;
}

/** Iterations at most; each of the first ones halves the logarithm of the ratio of eigenvalues, of which 1e24 is the largest. */
const iterations = 50;

/** The relative change behind which G is known to its square, far below the tolerance. */
const settled = 1e-5;

/** out <- (f A + B / f) / 2; returns its largest difference from f A in units in which its diagonal is 1. */
function meanInto(out: Float64Array, a: Float64Array, b: Float64Array, f: number, n: number): number {
  const lengths = Float64Array.from({ length: n }, (_, i) =>
    Math.sqrt((f * a[i * n + i] + b[i * n + i] / f) / 2),
  );
  let change = 0;
  for (let i = 0, k = 0; i < n; i++) {
    for (let j = 0; j < n; j++, k++) {
      const before = f * a[k];
      out[k] = (before + b[k] / f) / 2;
      change = Math.max(change, Math.abs(out[k] - before) / (lengths[i] * lengths[j]));
    }
  }
  return change;
}

/** out <- (L L')^-1 for a lower triangular L, whose inverse takes its place. */
function invertInto(out: Float64Array, lower: Float64Array, n: number): void {
  invertLower(lower, n);
  addGram(out.fill(0), lower, n, n);
}

/** The logarithm of the determinant of L L'. */
function logDetOf(lower: Float64Array, n: number): number {
  let sum = 0;
  for (let k = 0; k < n * n; k += n + 1) sum += 2 * Math.log(lower[k]);
  return sum;
}

/** The least share of a diagonal element that the other rows do not explain, 1 / max_i A_ii (A^-1)_ii, whatever the rows' scales. */
function shareOf(a: Float64Array, inverse: Float64Array, n: number): number {
  let share = 1;
  for (let k = 0; k < n * n; k += n + 1) share = Math.min(share, 1 / (a[k] * inverse[k]));
  return share;
}
