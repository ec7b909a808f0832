// GL(n) on hidden spaces that only linear maps touch: linear networks (Zhao et al., NeurIPS 2022, section 4.2), and the
// query-key and value-output pairs of attention heads.

import { add, cast, mul, neg } from "../graph/ops/arithmetic.js";
import { identity } from "../graph/ops/elimination.js";
import { matrixInverse } from "../graph/ops/inverse.js";
import { matmul } from "../graph/ops/matmul.js";
import type { Tensor } from "../graph/tensor.js";
import type { TensorsOf } from "../graph/trace.js";
import { inverse } from "../math/linalg.js";
import { type OptionsOf, optionTable, positive, text } from "../options.js";
import { defineSymmetry } from "./define-symmetry.js";
import type { LinearSpace } from "./discovery/descriptors.js";
import { appliedAlong, mapMatrices, matrixOf } from "./matrices-along.js";
import { identityPlus, plusDiagonal, product } from "./matrix.js";
import { axesOf, mapTensorsAlong, ratesAlong } from "./parameter-axes.js";
import { notInverted, requireGenerators, type Symmetry } from "./symmetry.js";

export interface GeneralLinearOptions extends OptionsOf<typeof generalLinearOptions> {}

export const generalLinearOptions = optionTable("generalLinear", {
  /** Name in reports; default `general linear`. */
  name: text("a name").default("general linear"),
  /** Bound on the Frobenius norm of T; default 0.5. */
  bound: positive.default(0.5),
});

/**
 * The symmetry of GL(n) on hidden spaces: g = I + T acts on what maps into the space and g^-1 on what maps out of it,
 *
 * W_m <- g W_m,  b_m <- g b_m,  W_{m+1} <- W_{m+1} g^-1
 *
 * exact on all data. T holds one block [copies, n, n] per space.
 *
 * @param spaces such as those that `symmetriesOf` finds
 * @throws OptionError for settings out of range, and without spaces
 *
 * @example
 * const symmetry = generalLinear(symmetriesOf(loss, params, batch).found.linear);
 */
export function generalLinear<P>(
  spaces: readonly LinearSpace[],
  options: GeneralLinearOptions = {},
): Symmetry<P> {
  requireGenerators("generalLinear", spaces);
  const { name, bound } = generalLinearOptions.read(options);
  const axes = axesOf(spaces);
  /** Adds the changes of g along the axes of a variance, and those of g^-T along the others. Traced. */
  const moved = (
    tree: TensorsOf<P>,
    changes: readonly { readonly own: Tensor; readonly dual: Tensor }[],
    variance: 1 | -1,
  ): TensorsOf<P> =>
    mapTensorsAlong(tree, axes, (w, own) => {
      if (own.length === 0) return w;
      const to = own.reduce(
        (a, parameterAxis) => {
          const isOwn = parameterAxis.variance === variance;
          const change = changes[parameterAxis.block][isOwn ? "own" : "dual"];
          return add(a, appliedAlong(a, parameterAxis, change, { transposed: !isOwn }));
        },
        cast(w, "float64"),
      );
      return cast(to, w.dtype);
    });
  return defineSymmetry<P>({
    name,
    paths: [...axes.keys()],
    exact: "everywhere",
    generators: spaces,
    algebra: spaces.map(({ size, copies }) => [copies, size, size]),
    bound: { kind: "norm", value: bound },
    derivative: (params, T) =>
      ratesAlong(params, axes, (w, parameterAxis) => rateAlong(w, parameterAxis, T[parameterAxis.block])),
    trace: (params, T) => moved(params, T.map(changesBy), 1),
    traceRefusal: notInverted("the group element"),
    inverse: (T) => T.map((t) => plusDiagonal(mapMatrices(identityPlus(t), inverse), -1)),
    compose: (second, first) =>
      second.map((t, i) => {
        const [a, b] = [identityPlus(t), identityPlus(first[i])];
        let copy = 0;
        return plusDiagonal(
          mapMatrices(a, (matrix) => product(matrix, matrixOf(b, copy++))),
          -1,
        );
      }),
    // Squared gradients do not transform exactly; with independent entries their expectations map by the squared matrix.
    tracePushForward: (tree, T, power) =>
      moved(
        tree,
        T.map((t) => {
          const { own, dual } = changesBy(t);
          // (I + C)^2 = I + (2 I + C) C, entry by entry.
          const squared = (C: Tensor) => mul(add(mul(2, identity(C.shape[2], "float64")), C), C);
          return power === 1 ? { own, dual } : { own: squared(own), dual: squared(dual) };
        }),
        -1,
      ),
  });
}

/** g - I = T, and g^-1 - I = -T g^-1. Traced. */
function changesBy(t: Tensor): { readonly own: Tensor; readonly dual: Tensor } {
  const own = cast(t, "float64");
  const g = add(identity(own.shape[2], "float64"), own);
  return { own, dual: neg(matmul(own, matrixInverse(g))) };
}

/** T w along a parameter axis of the space, -T' w along an axis of its dual. */
const rateAlong = (w: Tensor, parameterAxis: LinearSpace["axes"][number], T: Tensor): Tensor =>
  parameterAxis.variance === 1
    ? appliedAlong(w, parameterAxis, T)
    : mul(-1, appliedAlong(w, parameterAxis, T, { transposed: true }));
