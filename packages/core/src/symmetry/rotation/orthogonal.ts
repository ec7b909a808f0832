// O(n) on hidden spaces that only normalizations read, such as the residual stream of a transformer: S. Ashkboos et
// al., "SliceGPT", ICLR 2024, section 3.1. And rotations of each plane that rotary positions turn.
import type { NdArray } from "../../array.js";
import { add, cast, div, mul, pow, sub } from "../../graph/ops/arithmetic.js";
import { broadcastTo } from "../../graph/ops/broadcast.js";
import { equal, greater, logicalAnd, where } from "../../graph/ops/compare.js";
import { abs, square } from "../../graph/ops/elementary.js";
import { identity } from "../../graph/ops/elimination.js";
import { constant, fillLike } from "../../graph/ops/leaf.js";
import { matmul } from "../../graph/ops/matmul.js";
import { sum } from "../../graph/ops/reduce.js";
import { reshape } from "../../graph/ops/reshape.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import { type OptionsOf, optionTable, positive, text } from "../../options.js";
import { flatten } from "../../tree.js";
import { defineSymmetry } from "../define-symmetry.js";
import { type OrthogonalSpace, turnedUnits } from "../discovery/descriptors.js";
import { appliedAlong, type Matrices } from "../matrices-along.js";
import { type Matrix, product, transposed } from "../matrix.js";
import { axesOf, byPath, mapTensorsAlong, ratesAlong, viewAlong } from "../parameter-axes.js";
import { requireGenerators, type Symmetry } from "../symmetry.js";
import { rotationGroup, rotationMatrices, rotationPlanes, skewMatrices, tooFar } from "./rotation.js";

export interface OrthogonalOptions extends OptionsOf<typeof orthogonalOptions> {}

export const orthogonalOptions = optionTable("orthogonal", {
  /** Name in reports; default `orthogonal`. */
  name: text("a name").default("orthogonal"),
  /** Bound on the norm of T; default 1. */
  bound: positive.default(1),
});

/**
 * The symmetry of rotations of hidden spaces that the network reads by linear maps and by their length alone,
 * x / sqrt(mean(x^2) + epsilon), or of planes that rotary positions turn: everything that writes into the space and reads from it turns along,
 *
 * w <- R w along the space,  R = exp(S(T)) in SO(n)
 *
 * exact on all data. Gains between normalizations and readers stay: w <- D R D^-1 w with their diagonal matrix D. Where means are
 * subtracted, R keeps the sum over the units, R = 1 1' / n + B' exp(S(T)) B with a basis B of the vectors of sum 0, and m = n - 1
 * in the place of n. T holds one block [copies, m (m - 1) / 2] per space, the upper entries of skew matrices.
 *
 * @param spaces such as those that `symmetriesOf` finds
 * @throws OptionError for settings out of range, and without spaces
 *
 * @example
 * const symmetry = orthogonal(symmetriesOf(loss, params, batch).found.orthogonal);
 */
export function orthogonal<P>(
  spaces: readonly OrthogonalSpace[],
  options: OrthogonalOptions = {},
): Symmetry<P> {
  requireGenerators("orthogonal", spaces);
  const { name, bound } = orthogonalOptions.read(options);
  const axes = axesOf(spaces);
  /** How many gains of a space are 0: nothing turns behind these. Traced. */
  const zerosIn = (space: OrthogonalSpace, params: TensorsOf<P>): Tensor => {
    const leaves = tensorsOf(params);
    const paths = new Set(space.axes.flatMap(({ gains = [] }) => gains.map(({ path }) => path)));
    return [...paths]
      .map((path) => sum(where(equal(leaves[path], 0), fillLike(leaves[path], 1), 0)))
      .reduce((a, zeros) => add(a, cast(zeros, a.dtype)), constant(0, "float64"));
  };
  /** Matrices of the spaces as they are along an axis at the parameters. Traced. */
  const along = (
    matrices: Tensor,
    { gains = [] }: OrthogonalSpace["axes"][number],
    params: TensorsOf<P>,
    side: 1 | -1,
  ): Tensor => {
    if (gains.length === 0) return matrices;
    const leaves = tensorsOf(params);
    const d = gains
      .map(({ path, power }) => pow(cast(orOne(leaves[path]), matrices.dtype), side * power))
      .reduce(mul);
    return mul(matrices, div(reshape(d, [d.size, 1]), reshape(d, [1, d.size])));
  };
  /**
   * A tree turned by the rotations of T, or by the squares of their entries: squared gradients do not transform exactly; with
   * independent entries their expectations map by the squared matrix. Traced.
   */
  const moved = (
    tree: TensorsOf<P>,
    params: TensorsOf<P>,
    T: readonly Tensor[],
    { side, power }: { readonly side: 1 | -1; readonly power: 1 | 2 },
  ): TensorsOf<P> => {
    const changes = T.map((t, i) => {
      const [{ copies, size }, m] = [spaces[i], turnedUnits(spaces[i])];
      const R = rotationMatrices(cast(t, "float64"), m);
      // R - I first, so that nothing moves at T = 0.
      const change = tracedInSpace(spaces[i], sub(R, broadcastTo(identity(m, "float64"), [copies, m, m])));
      const isLost = logicalAnd(greater(zerosIn(spaces[i], params), 0), greater(sum(abs(t)), 0));
      return { size, copies, change: gains.size > 0 ? where(isLost, Number.NaN, change) : change };
    });
    return mapTensorsAlong(tree, axes, (w, own) => {
      if (own.length === 0) return w;
      const to = own.reduce(
        (a, parameterAxis) => {
          const { size, copies, change } = changes[parameterAxis.block];
          const own = along(change, parameterAxis, params, side);
          const I = broadcastTo(identity(size, "float64"), [copies, size, size]);
          const by = power === 1 ? own : sub(square(add(own, I)), I);
          return add(a, appliedAlong(a, parameterAxis, by));
        },
        cast(w, "float64"),
      );
      return cast(to, w.dtype);
    });
  };
  /** The axes that turn through each gain. */
  const gains = byPath(
    [...axes.values()]
      .flat()
      .flatMap((axis) =>
        (axis.gains ?? []).map(({ path, power }) => ({ ...axis, path, power, along: axis })),
      ),
  );
  /**
   * The gradient behind the action: that in a gain g = d^(1 / p) of w' = D R D^-1 w changes, too, by
   * - p / g_k sum (w'_k G'_k - w_k G_k). Traced.
   */
  const pushed = (
    tree: TensorsOf<P>,
    T: readonly Tensor[],
    power: 1 | 2,
    params: TensorsOf<P>,
  ): TensorsOf<P> => {
    const turned = moved(tree, params, T, { side: -1, power });
    if (gains.size === 0 || power === 2) return turned;
    const [w, G] = [params, tree].map(tensorsOf);
    const [w2, G2] = [moved(params, params, T, { side: 1, power: 1 }), turned].map(tensorsOf);
    return mapTensorsAlong(turned, gains, (gradient, own) =>
      own.reduce((sum, { path, power: p, along: axis }) => {
        const inner = (a: Tensor, b: Tensor) => innerAlong(cast(a, "float64"), cast(b, "float64"), axis);
        const more = sub(inner(w2[axis.path], G2[axis.path]), inner(w[axis.path], G[axis.path]));
        const change = mul(p, div(more, cast(reshape(orOne(w[path]), [w[path].size]), "float64")));
        return sub(sum, cast(reshape(change, sum.shape), sum.dtype));
      }, gradient),
    );
  };
  /** Maps the blocks of elements copy by copy. */
  const each = (
    T: readonly NdArray[],
    f: (copy: NdArray, block: number, at: number) => readonly NdArray[],
  ): NdArray[] =>
    T.map((t, block) => {
      const data = Float64Array.from(t.data as Float64Array);
      const [copies, planes] = t.shape;
      for (let c = 0; c < copies; c++) {
        const [result] = f({ shape: [planes], data: planesOf(t, c) }, block, c);
        data.set(result.data as Float64Array, c * planes);
      }
      return { shape: t.shape, data };
    });
  return defineSymmetry<P>({
    name,
    paths: [...axes.keys()],
    exact: "everywhere",
    generators: spaces,
    algebra: spaces.map((space) => [space.copies, rotationPlanes(turnedUnits(space))]),
    bound: { kind: "norm", value: bound },
    derivative(params, T) {
      // A block that cannot turn has no rate, so that the others have theirs.
      const skews = T.map((t, i): Tensor => {
        const S = tracedInSpace(spaces[i], skewMatrices(t, turnedUnits(spaces[i])));
        return gains.size > 0 ? where(greater(zerosIn(spaces[i], params), 0), 0, S) : S;
      });
      return ratesAlong(params, axes, (w, parameterAxis) =>
        appliedAlong(w, parameterAxis, along(skews[parameterAxis.block], parameterAxis, params, 1)),
      );
    },
    trace: (params, T) => moved(params, params, T, { side: 1, power: 1 }),
    traceRefusal: [
      ...(gains.size > 0
        ? [
            `a rotation cannot be undone behind a gain of zero, which one of ${[...gains.keys()].join(", ")} may have`,
          ]
        : []),
      tooFar,
    ].join("; or "),
    inverse: (T) => each(T, (t, block) => rotationGroup(turnedUnits(spaces[block])).inverse([t])),
    compose: (second, first) =>
      each(second, (t, block, copy) =>
        rotationGroup(turnedUnits(spaces[block])).compose(
          [t],
          [{ shape: t.shape, data: planesOf(first[block], copy) }],
        ),
      ),
    tracePushForward: pushed,
  });
}

/** Gains with 1 in the place of 0. Traced. */
const orOne = (gain: Tensor): Tensor => where(equal(gain, 0), 1, gain);

/** The tensors of a tree by their paths. */
function tensorsOf(tree: unknown): Readonly<Record<string, Tensor>> {
  const { leaves, paths } = flatten<Tensor>(tree, isTensor);
  return Object.fromEntries(paths.map((path, k) => [path, leaves[k]]));
}

type Arrays = Readonly<Record<string, NdArray>>;

/** The diagonal of D along an axis; undefined without gains. */
export function diagonalOf(
  { gains = [] }: OrthogonalSpace["axes"][number],
  arrays: Arrays,
): Float64Array | undefined {
  if (gains.length === 0) return undefined;
  return Float64Array.from({ length: arrays[gains[0].path].data.length }, (_, i) =>
    gains.reduce((d, { path, power }) => d * Number(arrays[path].data[i]) ** power, 1),
  );
}

/** D M D^-1 for each matrix M of a space. */
export function seenThrough(
  matrices: Matrices,
  axis: OrthogonalSpace["axes"][number],
  arrays: Arrays,
): Matrices {
  const d = diagonalOf(axis, arrays);
  if (d === undefined) return matrices;
  const { shape, data } = matrices;
  const n = d.length;
  return { shape, data: data.map((v, k) => v * (d[Math.floor(k / n) % n] / d[k % n])) };
}

/** For each unit along an axis the sum of products of two tensors' elements. Traced. */
function innerAlong(a: Tensor, b: Tensor, axis: OrthogonalSpace["axes"][number]): Tensor {
  const others = axis.view.flatMap((_, d) => (d === axis.axis ? [] : [d]));
  return sum(mul(viewAlong(a, axis), viewAlong(b, axis)), { axes: others });
}

/** A basis of the vectors of sum 0, rows [n - 1, n]: those of a reflection that takes the first axis to that of equal numbers. */
export function zeroSums(n: number): Matrix {
  const equal = 1 / Math.sqrt(n);
  const v = Float64Array.from({ length: n }, (_, i) => (i === 0 ? 1 - equal : -equal));
  const squares = v.reduce((sum, x) => sum + x * x, 0);
  const data = new Float64Array((n - 1) * n);
  for (let i = 1; i < n; i++)
    for (let j = 0; j < n; j++) data[(i - 1) * n + j] = (i === j ? 1 : 0) - (2 * v[i] * v[j]) / squares;
  return { shape: [n - 1, n], data };
}

/** A rotation of what turns of a space, as one of the space. */
export function inSpace({ size, keeps }: Pick<OrthogonalSpace, "size" | "keeps">, R: Matrix): Matrix {
  if (keeps !== "sum") return R;
  const basis = zeroSums(size);
  const { shape, data } = product(transposed(basis), product(R, basis));
  return { shape, data: data.map((v) => v + 1 / size) };
}

/** Changes of what turns of a space as changes of the space. Traced. */
function tracedInSpace({ size, copies, keeps }: OrthogonalSpace, change: Tensor): Tensor {
  if (keeps !== "sum") return change;
  const basis = broadcastTo(constant(zeroSums(size), change.dtype), [copies, size - 1, size]);
  return matmul(basis, matmul(change, basis), { transposeA: true });
}

/** The planes of one copy, of a block [copies, planes]. */
const planesOf = ({ shape: [, planes], data }: NdArray, copy: number): Float64Array =>
  (data as Float64Array).slice(copy * planes, (copy + 1) * planes);
