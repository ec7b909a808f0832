import { astype, type NdArray } from "../array.js";
import { mul, sub } from "../graph/ops/arithmetic.js";
import { square } from "../graph/ops/elementary.js";
import { mean } from "../graph/ops/reduce.js";
import { torchGenerator } from "../math/mt19937.js";
import { createRng } from "../math/rng.js";
import { type MlpParams, mlp } from "../nn/models/mlp.js";
import { integerFrom, listOf, nonNegative, number, type OptionsOf, oneOf, optionTable } from "../options.js";
import { hiddenAction } from "../symmetry/hidden/hidden-action.js";
import type { Problem } from "./problem.js";

export interface CurveFitOptions extends OptionsOf<typeof curveFitOptions> {}

export const curveFitOptions = optionTable("curveFit", {
  /** Seed of the curve, its noise and the network; default 0. */
  seed: number({ integer: true }).default(0),
  /** Widths of the hidden layers; default [64, 64]. */
  hidden: listOf(integerFrom(1), { least: 1 }).default([64, 64]),
  /** n; default 10000. */
  points: integerFrom(1).default(10_000),
  /** Standard deviation of the values about the curve; default 0.05. */
  noise: nonNegative.default(0.05),
  /** Element type of the parameters and the points, which are drawn in float64; default float64. */
  dtype: oneOf(["float32", "float64"]).default("float64"),
});

/** Frequencies of the curve: half a period to three of them over the points. */
const waves = 6;

/**
 * A curve fitted to n points by a network with tanh:
 *
 * L = 1/(2 n) sum_i (f(x_i) - y_i)^2,  y_i = sum_k a_k sin(pi k x_i / 2 + phi_k) / k + noise,  k = 1..6
 *
 * The x are equally spaced in [-1, 1]; a_k are normal and phi_k uniform in [0, 2 pi). The batch is `x` [n, 1] and `y` [n, 1].
 * `symmetry()` is eq. 8 of paper 1, which is exact for at most as many points as a layer has inputs (one more with a bias): for more it
 * refuses to move. Level-set steps need no symmetry.
 *
 * @param options `seed` of all that is drawn; `hidden` widths, default 64 and 64; `points`: n, default 10000; `noise`,
 *   default 0.05; `dtype` of parameters and points, default float64
 * @throws OptionError for settings out of range
 *
 * @example
 * curveFit({ hidden: [32] }).start.layers.length; // 2
 */
export function curveFit(options: CurveFitOptions = {}): Problem<MlpParams> {
  const { seed, hidden, points, noise, dtype } = curveFitOptions.read(options);
  const model = mlp({ sizes: [1, ...hidden, 1], activation: "tanh" });
  const rng = createRng(seed);
  const curve = Array.from({ length: waves }, (_, i) => {
    const [a, phi] = [rng.normal() / (i + 1), 2 * Math.PI * rng.next()];
    return (x: number) => a * Math.sin((Math.PI * (i + 1) * x) / 2 + phi);
  });
  const x = Float64Array.from({ length: points }, (_, i) => (points === 1 ? 0 : -1 + (2 * i) / (points - 1)));
  const y = x.map((at) => curve.reduce((sum, wave) => sum + wave(at), 0) + noise * rng.normal());
  const column = (data: Float64Array): NdArray => astype({ shape: [points, 1], data }, dtype);
  const { params: start } = model.init(torchGenerator(seed), { dtype });
  return {
    name: "curve-fit",
    loss: (params, batch) => mul(0.5, mean(square(sub(model.apply(params, batch.x).output, batch.y)))),
    start,
    batch: { x: column(x), y: column(y) },
    symmetry: () => hiddenAction(start, { activation: "tanh" }),
  };
}
