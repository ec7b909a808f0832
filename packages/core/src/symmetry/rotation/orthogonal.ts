// O(n) on hidden spaces that are only normalized by their length, such as the residual stream of a transformer: S. Ashkboos et
// al., "SliceGPT", ICLR 2024, section 3.1.
import type { NdArray } from "../../array.js";
import { add, cast, sub } from "../../graph/ops/arithmetic.js";
import { broadcastTo } from "../../graph/ops/broadcast.js";
import { square } from "../../graph/ops/elementary.js";
import { identity } from "../../graph/ops/elimination.js";
import type { Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import { positive, text } from "../../option-kinds.js";
import { type OptionsOf, optionTable } from "../../options.js";
import { defineSymmetry } from "../define-symmetry.js";
import type { OrthogonalSpace } from "../discovery/descriptors.js";
import { appliedAlong } from "../matrices-along.js";
import { byPath, mapTensorsAlong, sumLike } from "../parameter-axes.js";
import { requireGenerators, type Symmetry } from "../symmetry.js";
import { rotationGroup, rotationMatrices, rotationPlanes, skewMatrices } from "./rotation.js";

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
 * exact on all data. T holds one block [copies, n (n - 1) / 2] per space, the upper entries of skew matrices.
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
  /**
   * A tree turned by the rotations of T, or by the squares of their entries: squared gradients do not transform exactly; with
   * independent entries their expectations map by the squared matrix. Traced.
   */
  const moved = (tree: TensorsOf<P>, T: readonly Tensor[], power: 1 | 2): TensorsOf<P> => {
    const changes = T.map((t, i) => {
      const { size, copies } = spaces[i];
      const R = rotationMatrices(cast(t, "float64"), size);
      return sub(power === 1 ? R : square(R), broadcastTo(identity(size, "float64"), [copies, size, size]));
    });
    return mapTensorsAlong(tree, axes, (w, own) => {
      const to = own.reduce(
        (a, parameterAxis) => add(a, appliedAlong(a, parameterAxis, changes[parameterAxis.block])),
        cast(w, "float64"),
      );
      return cast(to, w.dtype);
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
  return defineSymmetry<P>({
    name,
    paths: [...axes.keys()],
    exact: "everywhere",
    generators: spaces,
    algebra: spaces.map(({ size, copies }) => [copies, rotationPlanes(size)]),
    bound: { kind: "norm", value: bound },
    derivative(params, T) {
      const skews = T.map((t, i): Tensor => skewMatrices(t, spaces[i].size));
      return mapTensorsAlong(params, axes, (w, own) =>
        sumLike(
          own.map((parameterAxis) => appliedAlong(w, parameterAxis, skews[parameterAxis.block])),
          w,
        ),
      );
    },
    trace: (params, T) => moved(params, T, 1),
    inverse: (T) => each(T, (t, block) => rotationGroup(spaces[block].size).inverse([t])),
    compose: (second, first) =>
      each(second, (t, block, copy) =>
        rotationGroup(spaces[block].size).compose(
          [t],
          [{ shape: t.shape, data: planesOf(first[block], copy) }],
        ),
      ),
    tracePushForward: moved,
  });
}

/** The planes of one copy, of a block [copies, planes]. */
const planesOf = ({ shape: [, planes], data }: NdArray, copy: number): Float64Array =>
  (data as Float64Array).slice(copy * planes, (copy + 1) * planes);
