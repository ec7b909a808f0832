// Diagonal scalings: Zhao et al., NeurIPS 2022, section 4.2; Armenta et al., arXiv 2012.01118.

import type { NdArray } from "../array.js";
import { add, div, mul, sub } from "../graph/ops/arithmetic.js";
import { exp } from "../graph/ops/elementary.js";
import { reshape, transpose } from "../graph/ops/reshape.js";
import type { Tensor } from "../graph/tensor.js";
import type { TensorsOf } from "../graph/trace.js";
import { type OptionsOf, optionTable, positive, text } from "../options.js";
import { defineSymmetry } from "./define-symmetry.js";
import type { ParameterAxis, ScalingGenerator } from "./discovery/descriptors.js";
import { axesOf, mapTensorsAlong, rateAlongAxis, ratesAlong, unitAxes, viewAlong } from "./parameter-axes.js";
import { requireGenerators, type Symmetry } from "./symmetry.js";

type ScalingAxis = ScalingGenerator["axes"][number];

export interface ScalingOptions extends OptionsOf<typeof scalingOptions> {}

export const scalingOptions = optionTable("scaling", {
  /** Name in reports; default `positive scaling`. */
  name: text("a name").default("positive scaling"),
  /** Largest element of T; default 0.3. */
  bound: positive.default(0.3),
});

/**
 * The symmetry of diagonal scalings: each parameter is multiplied along its axes,
 *
 * w_i <- w_i exp(sum of power T_i),  T one vector of log factors per generator
 *
 * The group is commutative: elements add up, and -T is the inverse of T.
 *
 * @param generators such as those that `symmetriesOf` finds
 * @throws OptionError for settings out of range, and without generators
 *
 * @example
 * const { scalings } = symmetriesOf(loss, params, batch).found;
 * const symmetry = scaling(scalings.slice(0, 1));
 */
export function scaling<P>(
  generators: readonly ScalingGenerator[],
  options: ScalingOptions = {},
): Symmetry<P> {
  requireGenerators("scaling", generators);
  const { name, bound } = scalingOptions.read(options);
  const axes = axesOf(generators);
  const scaled = (tree: TensorsOf<P>, T: readonly Tensor[], factor: number): TensorsOf<P> =>
    mapTensorsAlong(tree, axes, (w, own) =>
      own.reduce(
        (a, parameterAxis) => scaledTensorAlong(a, parameterAxis, T[parameterAxis.block], factor),
        w,
      ),
    );
  return defineSymmetry<P>({
    name,
    paths: [...axes.keys()],
    exact: generators.every(({ exact }) => exact) ? "everywhere" : "nearly",
    generators,
    algebra: generators.map(({ size }) => [size]),
    bound: { kind: "element", value: bound },
    derivative: (params, T) =>
      ratesAlong(params, axes, (w, parameterAxis) => rateAlong(w, parameterAxis, T[parameterAxis.block])),
    trace: (params, T) => scaled(params, T, 1),
    additive: true,
    ...addition,
    // g' = (dw'/dw)^-T g: a gradient is divided by what its parameter is multiplied by, its square twice.
    tracePushForward: (tree, T, power) => scaled(tree, T, -power),
  });
}

/** The group of elements that add up. */
export const addition = {
  inverse: (T: readonly NdArray[]) => T.map((t) => combined(t, t, (v) => -v)),
  compose: (second: readonly NdArray[], first: readonly NdArray[]) =>
    second.map((t, i) => combined(t, first[i], (a, b) => a + b)),
};

const combined = (a: NdArray, b: NdArray, f: (x: number, y: number) => number): NdArray => ({
  shape: a.shape,
  data: Float64Array.from(a.data as Float64Array, (v, i) => f(v, Number(b.data[i]))),
});

/** T_i in a shape that broadcasts against the view of a parameter axis. */
export function alongAxis(parameterAxis: ParameterAxis, T: Tensor): Tensor {
  const { view } = parameterAxis;
  const order = unitAxes(parameterAxis);
  if (T.size === 1)
    return reshape(
      T,
      view.map(() => 1),
    );
  const sorted = [...order].sort((a, b) => a - b);
  const units = reshape(
    T,
    order.map((d) => view[d]),
  );
  const ordered = transpose(
    units,
    sorted.map((d) => order.indexOf(d)),
  );
  return reshape(
    ordered,
    view.map((n, d) => (order.includes(d) ? n : 1)),
  );
}

/** power T_i w along the axis. */
const rateAlong = (w: Tensor, parameterAxis: ScalingAxis, T: Tensor): Tensor =>
  rateAlongAxis(w, parameterAxis, (view) => mul(mul(parameterAxis.power, alongAxis(parameterAxis, T)), view));

/** w exp(times power T_i) along the axis. */
function scaledTensorAlong(w: Tensor, parameterAxis: ScalingAxis, T: Tensor, times: number): Tensor {
  const exponent = times * parameterAxis.power;
  // One exponential for a factor and its inverse.
  const raised = exp(mul(Math.abs(exponent), alongAxis(parameterAxis, T)));
  const factor = exponent < 0 ? div(1, raised) : raised;
  // An axis may cover only a part of a tensor; the rest stays: w + (exp - 1) w on that part.
  if (parameterAxis.part)
    return add(
      w,
      rateAlongAxis(w, parameterAxis, (view) => mul(sub(factor, 1), view)),
    );
  return reshape(mul(factor, viewAlong(w, parameterAxis)), w.shape);
}
