// O(n) on hidden spaces that only normalizations read, such as the residual stream of a transformer: S. Ashkboos et
// al., "SliceGPT", ICLR 2024, section 3.1.
import { astype, dtypeOf, type NdArray } from "../../array.js";
import { add, cast, div, mul, pow, sub } from "../../graph/ops/arithmetic.js";
import { broadcastTo } from "../../graph/ops/broadcast.js";
import { square } from "../../graph/ops/elementary.js";
import { identity } from "../../graph/ops/elimination.js";
import { constant } from "../../graph/ops/leaf.js";
import { matmul } from "../../graph/ops/matmul.js";
import { reshape } from "../../graph/ops/reshape.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import { namedArrays } from "../../named-arrays.js";
import { positive, text } from "../../option-kinds.js";
import { type OptionsOf, optionTable } from "../../options.js";
import { flatten } from "../../tree.js";
import { type OrthogonalSpace, turnedUnits } from "../discovery/descriptors.js";
import { appliedAlong, type Matrices, multipliedAlong, stackOf } from "../matrices-along.js";
import { type Matrix, product, transposed } from "../matrix.js";
import {
  byPath,
  elementsAlong,
  extents,
  mapAlong,
  mapArrays,
  mapTensorsAlong,
  sumLike,
} from "../parameter-axes.js";
import { requireGenerators, type Symmetry } from "../symmetry.js";
import { rotation, rotationGroup, rotationMatrices, rotationPlanes, skewMatrices } from "./rotation.js";

/** A parameter axis with the index of its space, which is also the index of its block of T. */
type Numbered = OrthogonalSpace["axes"][number] & { readonly block: number };

export interface OrthogonalOptions extends OptionsOf<typeof orthogonalOptions> {}

export const orthogonalOptions = optionTable("orthogonal", {
  /** Name in reports; default `orthogonal`. */
  name: text("a name").default("orthogonal"),
  /** Bound on the norm of T; default 1. */
  bound: positive.default(1),
});

/**
 * The symmetry of rotations of hidden spaces that the network reads by linear maps and by their length alone,
 * x / sqrt(mean(x^2) + epsilon): everything that writes into the space and reads from it turns along,
 *
 * w <- R w along the space,  R = exp(S(T)) in SO(n)
 *
 * exact on all data. Gains between normalizations and readers stay: w <- D R D^-1 w with their diagonal matrix D. Where means are
 * subtracted, R keeps the sum over the units, R = 1 1' / n + B' exp(S(T)) B with a basis B of the vectors of sum 0, and m = n - 1
 * in the place of n. T holds one block [copies, m (m - 1) / 2] per space, the upper entries of skew matrices.
 *
 * @param spaces such as those that `symmetriesOf` finds
 * @param options `name` in reports; `bound` on the norm of T, default 1
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
  const axes = byPath(
    spaces.flatMap(({ axes: all }, block) =>
      all.map((parameterAxis): Numbered => ({ ...parameterAxis, block })),
    ),
  );
  const rotations = (T: readonly NdArray[]): Matrices[] =>
    spaces.map((space, i) =>
      stackOf(space.copies, space.size, (copy) =>
        inSpace(space, rotation(planesOf(T[i], copy), turnedUnits(space))),
      ),
    );
  /** A tree turned by rotations as they are at the parameters (power 1 or -1 of the gains' matrix), or by the squares of their entries. */
  const moved = (tree: P, params: P, T: readonly NdArray[], side: 1 | -1, power: 1 | 2 = 1): P => {
    const matrices = rotations(T);
    const arrays = namedArrays(params);
    return mapAlong(tree, axes, (array, own) =>
      own.reduce((a, parameterAxis) => {
        const { shape, data } = seenThrough(matrices[parameterAxis.block], parameterAxis, arrays, side);
        const entries = power === 1 ? data : data.map((v) => v * v);
        return multipliedAlong(a, parameterAxis, { shape, data: entries });
      }, array),
    );
  };
  /** Matrices of the spaces as they are along an axis at the parameters. Traced. */
  const along = (matrices: Tensor, { gains = [] }: Numbered, params: TensorsOf<P>, side: 1 | -1): Tensor => {
    if (gains.length === 0) return matrices;
    const { leaves, paths } = flatten<Tensor>(params, isTensor);
    const d = gains
      .map(({ path, power }) => pow(cast(leaves[paths.indexOf(path)], matrices.dtype), side * power))
      .reduce(mul);
    return mul(matrices, div(reshape(d, [d.size, 1]), reshape(d, [1, d.size])));
  };
  /** A tree turned by the rotations of T, or by the squares of their entries. Traced. */
  const tracedMoved = (
    tree: TensorsOf<P>,
    params: TensorsOf<P>,
    T: readonly Tensor[],
    { side, power }: { readonly side: 1 | -1; readonly power: 1 | 2 },
  ): TensorsOf<P> => {
    const changes = T.map((t, i) => {
      const [{ copies, size }, m] = [spaces[i], turnedUnits(spaces[i])];
      const R = rotationMatrices(cast(t, "float64"), m);
      // R - I first, so that nothing moves at T = 0.
      return {
        size,
        copies,
        change: tracedInSpace(spaces[i], sub(R, broadcastTo(identity(m, "float64"), [copies, m, m]))),
      };
    });
    return mapTensorsAlong(tree, axes, (w, own) => {
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
  const gains = new Set(
    [...axes.values()].flat().flatMap((axis) => (axis.gains ?? []).map(({ path }) => path)),
  );
  /** Why nothing turns: a gain of zero takes part of a space away. */
  const zeroGain = (params: P): string | undefined => {
    const arrays = namedArrays(params);
    const path = [...gains].find((own) => (arrays[own].data as Float64Array).includes(0));
    return path && `"${path}" has zeros, behind which a rotation cannot be undone`;
  };
  /**
   * The gradient behind the action: that in a gain g = d^(1 / p) of w' = D R D^-1 w changes, too, by
   * - p / g_k sum (w'_k G'_k - w_k G_k).
   */
  const withGains = (before: readonly [P, P], [to, pushed]: readonly [P, P]): P => {
    if (gains.size === 0) return pushed;
    const [was, is] = [before, [to, pushed] as const].map((pair) => pair.map((tree) => namedArrays(tree)));
    return mapArrays(pushed, (array, path) => {
      const own = [...axes.values()]
        .flat()
        .flatMap((axis) =>
          (axis.gains ?? []).flatMap((gain) => (gain.path === path ? [{ axis, power: gain.power }] : [])),
        );
      const data = Float64Array.from(array.data as Float64Array);
      for (const { axis, power } of own) {
        const [less, more] = [was, is].map(([w, G]) => innerAlong(w[axis.path], G[axis.path], axis));
        more.forEach((v, k) => {
          data[k] -= (power / Number(was[0][path].data[k])) * (v - less[k]);
        });
      }
      return own.length === 0 ? array : astype({ shape: array.shape, data }, dtypeOf(array));
    });
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
  return {
    name,
    paths: [...axes.keys()],
    exact: "everywhere",
    generators: spaces,
    algebra: spaces.map((space) => [space.copies, rotationPlanes(turnedUnits(space))]),
    bound: { kind: "norm", value: bound },
    derivative(params, T) {
      const skews = T.map(
        (t, i): Tensor => tracedInSpace(spaces[i], skewMatrices(t, turnedUnits(spaces[i]))),
      );
      return mapTensorsAlong(params, axes, (w, own) =>
        sumLike(
          own.map((parameterAxis) =>
            appliedAlong(w, parameterAxis, along(skews[parameterAxis.block], parameterAxis, params, 1)),
          ),
          w,
        ),
      );
    },
    async act(params, T) {
      const zero = zeroGain(params);
      return zero === undefined ? moved(params, params, T, 1) : { refused: zero };
    },
    trace: (params, T) => tracedMoved(params, params, T, { side: 1, power: 1 }),
    inverse: (T) => each(T, (t, block) => rotationGroup(turnedUnits(spaces[block])).inverse([t])),
    compose: (second, first) =>
      each(second, (t, block, copy) =>
        rotationGroup(turnedUnits(spaces[block])).compose(
          [t],
          [{ shape: t.shape, data: planesOf(first[block], copy) }],
        ),
      ),
    async pushForward(tree, T, power, params) {
      const zero = zeroGain(params);
      // Squared gradients do not transform exactly; with independent entries their expectations map by the squared matrix.
      if (zero !== undefined) return { refused: zero };
      const pushed = moved(tree, params, T, -1, power);
      return power === 1 ? withGains([params, tree], [moved(params, params, T, 1), pushed]) : pushed;
    },
    // With gains the host pushes: see withGains.
    ...(gains.size > 0
      ? {}
      : {
          tracePushForward: (
            tree: TensorsOf<P>,
            T: readonly Tensor[],
            power: 1 | 2,
            params: TensorsOf<P>,
          ): TensorsOf<P> => tracedMoved(tree, params, T, { side: -1, power }),
        }),
  };
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

/** D^side M D^-side for each matrix M of a space. */
export function seenThrough(
  matrices: Matrices,
  axis: OrthogonalSpace["axes"][number],
  arrays: Arrays,
  side: 1 | -1 = 1,
): Matrices {
  const d = diagonalOf(axis, arrays);
  if (d === undefined) return matrices;
  const { shape, data } = matrices;
  const n = d.length;
  return { shape, data: data.map((v, k) => v * (d[Math.floor(k / n) % n] / d[k % n]) ** side) };
}

/** For each unit along an axis the sum of products of two arrays' elements. */
function innerAlong(a: NdArray, b: NdArray, axis: Numbered): Float64Array {
  const [x, y] = [elementsAlong(a, axis), elementsAlong(b, axis)];
  const [, n, behind] = extents(axis);
  const sums = new Float64Array(n);
  x.forEach((v, k) => {
    sums[Math.floor(k / behind) % n] += v * y[k];
  });
  return sums;
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
  if (keeps === undefined) return R;
  const basis = zeroSums(size);
  const { shape, data } = product(transposed(basis), product(R, basis));
  return { shape, data: data.map((v) => v + 1 / size) };
}

/** Changes of what turns of a space as changes of the space. Traced. */
function tracedInSpace({ size, copies, keeps }: OrthogonalSpace, change: Tensor): Tensor {
  if (keeps === undefined) return change;
  const basis = broadcastTo(constant(zeroSums(size), change.dtype), [copies, size - 1, size]);
  return matmul(basis, matmul(change, basis), { transposeA: true });
}

/** The planes of one copy, of a block [copies, planes]. */
const planesOf = ({ shape: [, planes], data }: NdArray, copy: number): Float64Array =>
  (data as Float64Array).slice(copy * planes, (copy + 1) * planes);
