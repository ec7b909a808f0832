import { numbers } from "isoloss-test-support/nn/support";
import { randomCases } from "isoloss-test-support/random-cases";
import { distance, randomProblem, randomT, scaledT } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import type { NdArray } from "../../src/array.js";
import { OptionError } from "../../src/errors.js";
import type { Activation } from "../../src/nn/activation.js";
import type { MlpParams } from "../../src/nn/models/mlp.js";
import { positiveScaling } from "../../src/symmetry/positive-scaling.js";

const activations: readonly Activation[] = ["relu", "leakyRelu", "identity"];
const seeds = Array.from({ length: randomCases(20) }, (_, i) => i);

const float64 = (values: number[][]): NdArray => ({
  shape: [values.length, values[0].length],
  data: Float64Array.from(values.flat()),
});

describe("positiveScaling", () => {
  it("scales rows by e^T and the next layer's columns by e^-T, by hand", async () => {
    const params = {
      layers: [
        {
          weight: float64([
            [1, 2],
            [3, 4],
          ]),
          bias: { shape: [2], data: Float64Array.of(5, 6) },
        },
        { weight: float64([[7, 8]]), bias: { shape: [1], data: Float64Array.of(9) } },
      ],
    };
    const symmetry = positiveScaling(params);
    const T = [{ shape: [2], data: Float64Array.of(Math.log(2), Math.log(4)) }];
    const { layers } = (await symmetry.act(params, T, {})) as MlpParams;
    const rounded = (a: NdArray) => numbers(a).map((v) => Number(v.toPrecision(14)));
    expect(layers.map(({ weight }) => rounded(weight))).toEqual([
      [2, 4, 12, 16],
      [3.5, 2],
    ]);
    expect(layers.map(({ bias }) => bias && rounded(bias))).toEqual([[10, 24], [9]]);
  });

  it("is the identity at T = 0, bit for bit", async () => {
    for (const seed of seeds) {
      const { params, batch, activation } = randomProblem(seed, { activations });
      const symmetry = positiveScaling(params, activation);
      const zero = scaledT(randomT(symmetry.algebra, 1, seed), 0);
      expect(await symmetry.act(params, zero, batch)).toEqual(params);
    }
  });

  it("is undone by -T", async () => {
    for (const seed of seeds) {
      const { params, batch, activation } = randomProblem(seed, { activations });
      const symmetry = positiveScaling(params, activation);
      const T = randomT(symmetry.algebra, 1, seed);
      const moved = (await symmetry.act(params, T, batch)) as MlpParams;
      const back = (await symmetry.act(moved, scaledT(T, -1), batch)) as MlpParams;
      expect(distance(params, back)).toBeLessThan(1e-14);
      expect(distance(params, moved)).toBeGreaterThan(1e-3);
    }
  });

  it.each(["relu6", "tanh", "sigmoid", "elu", "gelu", "softplus", "nonsense"])("refuses %s", (activation) => {
    const { params } = randomProblem(0, { activations });
    expect(() => positiveScaling(params, { activation })).toThrow(OptionError);
    expect(() => positiveScaling(params, { activation })).toThrow(
      /relu, leakyRelu and identity.*hiddenAction/,
    );
  });

  it("refuses a network without hidden layers", () => {
    const { params } = randomProblem(0, { activations });
    expect(() => positiveScaling({ layers: params.layers.slice(0, 1) })).toThrow(/at least 2 layers; got 1/);
  });
});
