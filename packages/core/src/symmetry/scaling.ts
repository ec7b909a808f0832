// Diagonal scalings: Zhao et al., NeurIPS 2022, section 4.2; Armenta et al., arXiv 2012.01118.

import type { NdArray } from "../array.js";
import { add, div, mul, sub } from "../graph/ops/arithmetic.js";
import { exp } from "../graph/ops/elementary.js";
import { reshape } from "../graph/ops/reshape.js";
import type { Tensor } from "../graph/tensor.js";
import type { TensorsOf } from "../graph/trace.js";
import { positive, text } from "../option-kinds.js";
import { type OptionsOf, optionTable } from "../options.js";
import type { ParameterAxis, ScalingGenerator } from "./discovery/descriptors.js";
import {
  byPath,
  changeAlong,
  extents,
  mapAlong,
  mapTensorsAlong,
  rateAlongAxis,
  sumLike,
  viewAlong,
} from "./parameter-axes.js";
import { requireGenerators, type Symmetry } from "./symmetry.js";

/** A parameter axis with the index of its generator, which is also the index of its block of T. */
type Numbered = ScalingGenerator["axes"][number] & { readonly block: number };

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
 * @param options `name` in reports; `bound` on |T_i|, default 0.3
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
  const axes = byPath(
    generators.flatMap((generator, block) =>
      generator.axes.map((parameterAxis): Numbered => ({ ...parameterAxis, block })),
    ),
  );
  const scaled = (tree: P, T: readonly NdArray[], factor: number): P =>
    mapAlong(tree, axes, (array, own) =>
      own.reduce((a, parameterAxis) => scaledAlong(a, parameterAxis, T[parameterAxis.block], factor), array),
    );
  const tracedScaled = (tree: TensorsOf<P>, T: readonly Tensor[], factor: number): TensorsOf<P> =>
    mapTensorsAlong(tree, axes, (w, own) =>
      own.reduce(
        (a, parameterAxis) => scaledTensorAlong(a, parameterAxis, T[parameterAxis.block], factor),
        w,
      ),
    );
  return {
    name,
    paths: [...axes.keys()],
    exact: generators.every(({ exact }) => exact) ? "everywhere" : "nearly",
    generators,
    algebra: generators.map(({ size }) => [size]),
    bound: { kind: "element", value: bound },
    derivative: (params, T) =>
      mapTensorsAlong(params, axes, (w, own) =>
        sumLike(
          own.map((parameterAxis) => rateAlong(w, parameterAxis, T[parameterAxis.block])),
          w,
        ),
      ),
    act: async (params, T) => scaled(params, T, 1),
    trace: (params, T) => tracedScaled(params, T, 1),
    additive: true,
    inverse: (T) => T.map((t) => combined(t, t, (v) => -v)),
    compose: (second, first) => second.map((t, i) => combined(t, first[i], (a, b) => a + b)),
    // g' = (dw'/dw)^-T g: a gradient is divided by what its parameter is multiplied by, its square twice.
    pushForward: async (tree, T, power) => scaled(tree, T, -power),
    tracePushForward: (tree, T, power) => tracedScaled(tree, T, -power),
  };
}

const combined = (a: NdArray, b: NdArray, f: (x: number, y: number) => number): NdArray => ({
  shape: a.shape,
  data: Float64Array.from(a.data as Float64Array, (v, i) => f(v, Number(b.data[i]))),
});

/** T_i in a shape that broadcasts against the view of a parameter axis. */
export const alongAxis = ({ view, axis }: ParameterAxis, T: Tensor): Tensor =>
  reshape(
    T,
    view.map((n, d) => (d === axis && T.size > 1 ? n : 1)),
  );

/** power T_i w along the axis. */
const rateAlong = (w: Tensor, parameterAxis: Numbered, T: Tensor): Tensor =>
  rateAlongAxis(w, parameterAxis, (view) => mul(mul(parameterAxis.power, alongAxis(parameterAxis, T)), view));

/** As {@link scaledAlong}, traced. */
function scaledTensorAlong(w: Tensor, parameterAxis: Numbered, T: Tensor, times: number): Tensor {
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

/** Multiplies an array along a parameter axis by exp(factor power T), in float64 before it is rounded to the array's type. */
export function scaledAlong(
  array: NdArray,
  parameterAxis: ScalingGenerator["axes"][number],
  T: NdArray,
  factor: number,
): NdArray {
  const [before, along, behind] = extents(parameterAxis);
  const exponent = factor * parameterAxis.power;
  const factors = Float64Array.from({ length: along }, (_, i) => {
    const raised = factorOf(Math.abs(exponent) * Number(T.data[T.data.length > 1 ? i : 0]));
    return exponent < 0 ? 1 / raised : raised;
  });
  return changeAlong(array, parameterAxis, (data) => {
    for (let b = 0, at = 0; b < before; b++) {
      for (let i = 0; i < along; i++) for (let k = 0; k < behind; k++, at++) data[at] *= factors[i];
    }
    return data;
  });
}

/** e^x; where x is a multiple of log 2 up to its rounding, that power of 2 itself, by which floats are multiplied exactly. */
function factorOf(x: number): number {
  const k = Math.round(x / Math.LN2);
  return Math.abs(x - k * Math.LN2) <= 4 * Number.EPSILON * Math.abs(x) ? 2 ** k : Math.exp(x);
}
