import { concatenated, dtypeOf, type NdArray } from "../../array.js";
import { describeValue, NumericalError, OptionError } from "../../errors.js";
import { qr, svd } from "../../math/linalg.js";
import { integerFrom, number, type OptionsOf, optionTable } from "../../options.js";
import type { LinearSpace } from "../../symmetry/discovery/descriptors.js";
import { multipliedAlong, stackOf, vectorsAlong } from "../../symmetry/matrices-along.js";
import { type Matrix, product, transposed } from "../../symmetry/matrix.js";
import { namedArrays } from "../../tree.js";
import { cutParams, cutsOf, judged } from "../prune/units.js";

export interface LowRankOptions extends OptionsOf<typeof lowRankOptions> {}

export const lowRankOptions = optionTable("lowRank", {
  /** Largest size of each space; default: as `energy` says. */
  rank: integerFrom(1).otherwise("as `energy` says"),
  /** Share of the sum of squared singular values that must stay; default 1, which drops what is not used alone. */
  energy: number({ above: 0, max: 1 }).default(1),
});

/** How a space was reduced. */
export interface ReducedSpace {
  readonly space: LinearSpace;
  /** Its new size. */
  readonly rank: number;
  /** |M - M_r| / |M| in the Frobenius norm of the product M over the space: of all copies together. */
  readonly error: number;
}

/** Parameters with smaller inner spaces. */
export interface LowRank<P> {
  /** Smaller arrays where spaces were reduced; the others are the same. */
  readonly params: P;
  /** One for each space that could be reduced, whether it was or not. */
  readonly spaces: readonly ReducedSpace[];
  readonly left: readonly { readonly space: LinearSpace; readonly reason: string }[];
}

/**
 * Reduces the spaces that only linear maps touch, such as that between B and A of a product B A, or of an attention head: all
 * that a function sees of one is the product M = P'Q of what maps into it and out of it, and the best M_r of rank r,
 *
 * M = U S V',    P' <- U_r S_r^1/2,    Q <- S_r^1/2 V_r'
 *
 * has the least |M - M_r| (Eckart and Young, 1936). The singular values come from two QR decompositions, without forming M.
 * All copies of a space, such as heads, get the rank of the one that needs the most. Singular values below n eps times the
 * largest are unused: without `rank` and `energy` the function stays the same to rounding.
 *
 * @param params a tree of arrays
 * @param linear `symmetriesOf(loss, params, batch).found.linear`, all or some
 * @throws OptionError for spaces of other parameters; NumericalError when weights are not finite
 *
 * @example
 * const { params: smaller, spaces } = lowRank(params, found.linear, { energy: 0.99 });
 * spaces.map(({ space, rank }) => `${rank} of ${space.size}`);
 */
export function lowRank<P>(
  params: P,
  linear: readonly LinearSpace[],
  options: LowRankOptions = {},
): LowRank<P> {
  const { rank, energy } = lowRankOptions.read(options);
  if (!Array.isArray(linear)) {
    throw new OptionError(
      `lowRank takes linear spaces, symmetriesOf(loss, params, batch).found.linear; got ${describeValue(linear)}.`,
    );
  }
  const arrays = namedArrays(params);
  const { cuttable, left } = judged(arrays, linear);
  const spaces = cuttable.map((space) => reduced(arrays, space, rank, energy));
  const cuts = cutsOf(arrays, spaces.map(unusedUnits));
  return { params: cutParams(params, arrays, cuts), spaces, left };
}

export const unusedUnits = ({ space, rank }: ReducedSpace) => ({
  space,
  units: Array.from({ length: space.size - rank }, (_, i) => rank + i),
});

/** Puts the best approximation of a space into its first units, with zeros in the others. */
export function reduced(
  arrays: Record<string, NdArray>,
  space: LinearSpace,
  rank: number | undefined,
  energy: number,
): ReducedSpace {
  const { size, copies, axes } = space;
  const sides = ([1, -1] as const).map((variance) =>
    stacked(
      arrays,
      axes.filter((axis) => axis.variance === variance),
      size,
      copies,
    ),
  );
  // What nothing maps into, or out of, has no product.
  if (sides.some(([{ shape }]) => shape[0] === 0)) return { space, rank: size, error: 0 };
  const products = sides[0].map((p, copy) => innerProduct(p, sides[1][copy]));
  const epsilon = axes.some(({ path }) => dtypeOf(arrays[path]) === "float32") ? 2 ** -23 : 2 ** -52;
  const needed = products.map(({ values }) => rankFor(values, energy, size * epsilon));
  const own = Math.min(rank ?? size, Math.max(...needed));
  if (own < size) {
    const maps = products.map((inner) => inner.maps(own));
    for (const axis of axes) {
      const which = axis.variance === 1 ? 0 : 1;
      arrays[axis.path] = multipliedAlong(
        arrays[axis.path],
        axis,
        stackOf(copies, size, (copy) => maps[copy][which]),
      );
    }
  }
  const sum = (from: number) =>
    products.reduce((a, { values }) => a + values.subarray(from).reduce((b, v) => b + v * v, 0), 0);
  return { space, rank: own, error: own < size ? Math.sqrt(sum(own) / (sum(0) || 1)) : 0 };
}

/** The vectors of all axes as rows, for each copy. */
function stacked(
  arrays: Readonly<Record<string, NdArray>>,
  axes: LinearSpace["axes"],
  size: number,
  copies: number,
): Matrix[] {
  const parts = axes.map((axis) => vectorsAlong(arrays[axis.path], axis, copies));
  return Array.from({ length: copies }, (_, copy) => {
    const own = parts.map((part) => part[copy]);
    const data = concatenated(own.map((part) => part.data));
    if (!data.every(Number.isFinite)) {
      throw new NumericalError(
        `The weights of ${axes.map(({ path }) => path).join(", ")} are not all finite.`,
      );
    }
    return { shape: [data.length / size, size], data };
  });
}

/** The least rank with so much of the sum of squares, of the values that are used; at least 1. */
function rankFor(values: Float64Array, energy: number, tolerance: number): number {
  const used = values.filter((v) => v > tolerance * values[0]);
  const total = used.reduce((a, v) => a + v * v, 0);
  let [rank, sum] = [0, 0];
  while (rank < used.length && (energy === 1 || sum < energy * total)) sum += used[rank++] ** 2;
  return Math.max(1, rank);
}

// The best approximation of a product of given rank (C. Eckart and G. Young, Psychometrika 1936), as maps of its inner space.

/** A product P'Q over an inner space of n, with the vectors of P and of Q as rows. */
interface InnerProduct {
  /** Singular values of P'Q, descending; n or fewer. */
  readonly values: Float64Array;
  /** Maps A and B [n, n], whose rows from r on are zero: (A P)'(B Q) is the best approximation of P'Q of rank r. */
  maps(rank: number): readonly [a: Matrix, b: Matrix];
}

/**
 * With P' = Q1 R1 and Q' = Q2 R2, and R1 R2' = U S V':
 * A = S_r^-1/2 V_r' R2 and B = S_r^-1/2 U_r' R1, so that (A P)' = Q1 U_r S_r^1/2 and B Q = S_r^1/2 V_r' Q2'.
 */
function innerProduct(p: Matrix, q: Matrix): InnerProduct {
  const [r1, r2] = [p, q].map(triangle);
  const n = p.shape[1];
  const { u, s, v } = svd(product(r1, transposed(r2)));
  const values = s.data;
  const mapOf = (vectors: Matrix, r: Matrix, rank: number): Matrix => {
    const turned = product(transposed(vectors), r);
    const data = new Float64Array(n * n);
    for (let i = 0; i < Math.min(rank, values.length); i++) {
      if (values[i] === 0) continue;
      for (let j = 0; j < n; j++) data[i * n + j] = turned.data[i * n + j] / Math.sqrt(values[i]);
    }
    return { shape: [n, n], data };
  };
  return { values, maps: (rank) => [mapOf(v, r2, rank), mapOf(u, r1, rank)] };
}

/** R of a QR decomposition; the matrix itself if it has fewer rows than columns. */
const triangle = (a: Matrix): Matrix => (a.shape[0] >= a.shape[1] ? qr(a).r : a);
