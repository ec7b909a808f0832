// The regression on random data from Zhao et al., NeurIPS 2022 (arXiv 2205.10637).

import { astype, type NdArray } from "../array.js";
import { mul, sub } from "../graph/ops/arithmetic.js";
import { square } from "../graph/ops/elementary.js";
import { sum } from "../graph/ops/reduce.js";
import { torchGenerator, torchRand } from "../math/mt19937.js";
import { type MlpParams, mlp } from "../nn/models/mlp.js";
import { finite, integerFrom, listOf, number, type OptionsOf, oneOf, optionTable } from "../options.js";
import { hiddenAction } from "../symmetry/hidden/hidden-action.js";
import { type Matrix, transposed } from "../symmetry/matrix.js";
import type { Problem } from "./problem.js";

export interface MlpRegressionOptions extends OptionsOf<typeof mlpRegressionOptions> {}

export const mlpRegressionOptions = optionTable("mlpRegression", {
  /** Seed of the draws; the paper's runs use n n 12345 for n = 0..4, see {@link mlpRegressionSeeds}; default 0. */
  seed: number({ integer: true }).default(0),
  /** Widths from input to output; default [5, 6, 7, 8]. */
  sizes: listOf(integerFrom(1), { least: 2 }).default([5, 6, 7, 8]),
  /** Default 4. */
  samples: integerFrom(1).default(4),
  /** Slope of leakyRelu; default 0.1. */
  slope: finite.default(0.1),
  /** Element type of the parameters and the batch, which are always drawn in float32; default float64. */
  dtype: oneOf(["float32", "float64"]).default("float64"),
});

/** The seeds of the paper's five runs. */
export const mlpRegressionSeeds: readonly number[] = [0, 1, 2, 3, 4].map((n) => n * n * 12345);

/**
 * Regression on random data by a network without biases, s = leakyRelu:
 *
 * L = 1/2 ||Y - W_3 s(W_2 s(W_1 X))||_F^2
 *
 * The weights, X and Y are uniform in [0, 1), drawn in this order as `torch.rand` draws them. The batch has samples as
 * rows: `x` is X' [samples, in], `y` is Y' [samples, out].
 *
 * @throws OptionError for settings out of range
 *
 * @example
 * const { loss, start, batch } = mlpRegression({ seed: 12345 });
 */
export function mlpRegression(options: MlpRegressionOptions = {}): Problem<MlpParams> {
  const { seed, sizes, samples, slope, dtype } = mlpRegressionOptions.read(options);
  const activation = { activation: "leakyRelu", slope } as const;
  const model = mlp({ sizes, bias: false, ...activation });
  const rng = torchGenerator(seed);
  const layers = sizes.slice(1).map((out, m) => ({ weight: astype(torchRand(rng, [out, sizes[m]]), dtype) }));
  const drawn = (rows: number): NdArray =>
    astype(transposed(astype(torchRand(rng, [rows, samples]), "float64") as Matrix), dtype);
  const [x, y] = [drawn(sizes[0]), drawn(sizes[sizes.length - 1])];
  const start: MlpParams = { layers };
  return {
    name: "mlp-regression",
    loss: (params, batch) => mul(0.5, sum(square(sub(batch.y, model.apply(params, batch.x).output)))),
    start,
    batch: { x, y },
    symmetry: () => hiddenAction(start, activation),
  };
}
