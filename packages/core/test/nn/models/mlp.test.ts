import {
  checkDerivatives,
  compiled,
  evaluate,
  float64,
  int64,
  numbers,
} from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { isNdArray, type NdArray } from "../../../src/array.js";
import { OptionError } from "../../../src/errors.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, type TensorsOf, trace } from "../../../src/graph/trace.js";
import { torchGenerator, torchRandn } from "../../../src/math/mt19937.js";
import type { Activation } from "../../../src/nn/activation.js";
import { initLinear } from "../../../src/nn/linear.js";
import { mseLoss } from "../../../src/nn/losses/mse.js";
import { type MlpParams, mlp } from "../../../src/nn/models/mlp.js";
import { flatten } from "../../../src/tree.js";

describe("mlp", () => {
  it("has a weight [out, in] and a bias for each layer, drawn as PyTorch draws its layers one after the other", () => {
    const { params, state } = mlp({ sizes: [4, 3, 2] }).init(torchGenerator(5));
    const rng = torchGenerator(5);
    expect(params).toEqual({ layers: [initLinear(rng, 4, 3), initLinear(rng, 3, 2)] });
    expect(state).toEqual({});
    expect(flatten<NdArray>(params, isNdArray).paths).toEqual([
      "layers.0.weight",
      "layers.0.bias",
      "layers.1.weight",
      "layers.1.bias",
    ]);
  });

  it("computes W2 s(W1 x + b1) + b2", () => {
    const params = {
      layers: [
        { weight: float64([1, -1, 2, 0], [2, 2]), bias: float64([0, -3]) },
        { weight: float64([1, 10], [1, 2]), bias: float64([0.5]) },
      ],
    };
    // x = (1, 2): W1 x + b1 = (-1, -1), leaky ReLU of slope 0.1: (-0.1, -0.1), then -0.1 - 1 + 0.5.
    const model = mlp({ sizes: [2, 2, 1], activation: "leakyRelu", slope: 0.1 });
    const y = evaluate(
      (p: TensorsOf<MlpParams>, x: Tensor) => model.apply(p, x).output,
      params,
      float64([1, 2], [1, 2]),
    );
    expect(numbers(y)[0]).toBeCloseTo(-0.6, 15);
  });

  it.each([
    "tanh",
    "sigmoid",
    "leakyRelu",
    "relu",
    "elu",
    "gelu",
    "softplus",
    "silu",
    "identity",
  ] as Activation[])("has the gradient and curvature that differences have: %s", (activation) => {
    const model = mlp({ sizes: [3, 4, 5, 2], activation });
    const { params } = model.init(torchGenerator(3), { dtype: "float64" });
    const x = constant(torchRandn(torchGenerator(4), [6, 3], { dtype: "float64" }));
    const y = constant(torchRandn(torchGenerator(5), [6, 2], { dtype: "float64" }));
    checkDerivatives((p: TensorsOf<MlpParams>) => mseLoss(model.apply(p, x).output, y), params);
  });

  it("flattens images", () => {
    const model = mlp({ sizes: [12, 2] });
    const { params } = model.init(torchGenerator(0));
    const { graph } = trace((p, x) => model.apply(p, x).output, [params, spec([5, 3, 2, 2])] as const);
    expect(graph.outputs[0].tensor.shape).toEqual([5, 2]);
  });

  it("drops hidden units in training only, each layer by a mask of its own", () => {
    const size = 64;
    const one = {
      weight: float64(
        Array.from({ length: size * size }, (_, i) => +(i % (size + 1) === 0)),
        [size, size],
      ),
    };
    const params = { layers: [one, one, one] };
    const model = mlp({ sizes: [size, size, size, size], bias: false, activation: "identity", dropout: 0.5 });
    const x = float64(new Array(size).fill(1), [1, size]);
    const f = compiled(
      (p: TensorsOf<MlpParams>, v: Tensor, seed: Tensor) => ({
        training: model.apply(p, v, { training: true, seed }).output,
        evaluation: model.apply(p, v).output,
      }),
      [params, x, int64([0], [])] as [MlpParams, NdArray, NdArray],
    );
    const { training, evaluation } = f(params, x, int64([1], []));
    expect(numbers(evaluation)).toEqual(numbers(x));
    // Two independent masks of rate 1/2: a unit passes both with probability 1/4, then as 1 / (1/2)^2.
    expect(new Set(numbers(training))).toEqual(new Set([0, 4]));
    const passed = numbers(training).filter((v) => v > 0).length;
    expect(Math.abs(passed - size / 4)).toBeLessThan(4 * Math.sqrt((size * 3) / 16));
  });

  it("refuses sizes and activations that make no network", () => {
    expect(() => mlp({ sizes: [4] })).toThrow(OptionError);
    expect(() => mlp({ sizes: [4, 0] })).toThrow(OptionError);
    expect(() => mlp({ sizes: [4, 2], activation: "step" as Activation })).toThrow(OptionError);
  });
});
