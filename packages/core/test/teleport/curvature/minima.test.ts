import { float64 } from "isoloss-test-support/nn/support";
import { evaluator, randomProblem } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { astype, type NdArray } from "../../../src/array.js";
import type { BatchLoss } from "../../../src/batch.js";
import { OptionError } from "../../../src/errors.js";
import { add, mul, sub } from "../../../src/graph/ops/arithmetic.js";
import { square } from "../../../src/graph/ops/elementary.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import type { MlpParams } from "../../../src/nn/models/mlp.js";
import { positiveScaling } from "../../../src/symmetry/positive-scaling.js";
import { createMinimumMeter, measureMinimum } from "../../../src/teleport/curvature/minima.js";
import { orbitCurvature } from "../../../src/teleport/objective/orbit-curvature.js";
import { sharpness } from "../../../src/teleport/objective/sharpness.js";

interface Two {
  readonly u: NdArray;
  readonly v: NdArray;
}

/** 3/2 ||w - c||^2 + 7, and its minimum. */
const center: Two = { u: float64([3, 4]), v: float64([2]) };
const bowl: BatchLoss<Two> = ({ u, v }) => {
  const of = (w: typeof u, c: NdArray) => sum(square(sub(w, constant(c))));
  return add(mul(1.5, add(of(u, center.u), of(v, center.v))), 7);
};

const scaled = (a: NdArray, factor: number): NdArray => ({
  shape: a.shape,
  data: Float64Array.from(a.data as Float64Array, (v) => factor * v),
});

describe("measureMinimum", () => {
  it("finds 3/2 r^2 in every direction of a bowl, and no gradient at its minimum", async () => {
    const radii = [0.1, 0.5, 2];
    const found = await measureMinimum({ loss: bowl, params: center, batch: {}, radii });
    expect(found).toMatchObject({ loss: 7, gradNormSq: 0 });
    radii.forEach((r, i) => {
      expect(found.sharpnessAt[i]).toBeCloseTo(1.5 * r * r, 12);
    });
    expect(found.sharpness).toBeCloseTo((1.5 * (0.01 + 0.25 + 4)) / 3, 12);
    expect(Object.keys(found)).not.toContain("curvature");
  });

  it("perturbs each tensor by its share with the scale `tensor`: 3/2 r^2 (||u||^2 + ||v||^2)", async () => {
    const options = { loss: bowl, params: center, batch: {}, radii: [0.1], scale: "tensor" } as const;
    expect((await measureMinimum(options)).sharpness).toBeCloseTo(1.5 * 0.01 * (25 + 4), 12);
  });

  it("is the objective `sharpness` less the loss, and `orbitCurvature`, on random networks", async () => {
    for (const seed of [1, 2, 3]) {
      const problem = randomProblem(seed, { activations: ["relu", "leakyRelu"] });
      const { params, batch, loss, activation } = problem;
      const symmetry = positiveScaling(params, activation);
      for (const scale of ["global", "tensor"] as const) {
        const settings = { radii: [0.1, 0.4], scale, seed };
        const meter = await createMinimumMeter({
          loss,
          params,
          batch,
          symmetry,
          directions: 5,
          generators: 6,
          ...settings,
        });
        const found = await meter.measure(params, batch);
        await meter.dispose();
        const of = (f: BatchLoss<MlpParams>) => evaluator(f, problem)(params, batch);
        const mean = of(sharpness({ ...settings, samples: 5 })(loss));
        expect(found.sharpness).toBeCloseTo(mean - of(loss), 11);
        expect(found.curvature).toBeCloseTo(of(orbitCurvature(symmetry, { samples: 6, seed })(loss)), 11);
      }
    }
  });

  it("finds the curvature 2ab / (a^2 + b^2)^(3/2) of the hyperbola on which two weights are scaled", async () => {
    const { loss } = randomProblem(0, { activations: ["relu"] });
    const [a, b] = [1.5, 0.4];
    const params: MlpParams = {
      layers: [{ weight: float64([a], [1, 1]) }, { weight: float64([b], [1, 1]) }],
    };
    const batch = { x: float64([1], [1, 1]), y: float64([a * b], [1, 1]) };
    const symmetry = positiveScaling(params);
    const found = await measureMinimum({ loss, params, batch, symmetry });
    expect(found.gradNormSq).toBeCloseTo(0, 20);
    expect(found.curvature).toBeCloseTo((2 * a * b) / (a * a + b * b) ** 1.5, 12);
  });

  it("does not change with the scale of layers when each tensor has its share, and does when not", async () => {
    const { loss, params, batch } = randomProblem(0, { activations: ["relu"] });
    const [first, second, ...rest] = params.layers.map(({ weight }) => ({ weight }));
    const bare: MlpParams = { layers: [first, second, ...rest] };
    const moved: MlpParams = {
      layers: [{ weight: scaled(first.weight, 4) }, { weight: scaled(second.weight, 0.25) }, ...rest],
    };
    const at = async (p: MlpParams, scale: "global" | "tensor") =>
      (await measureMinimum({ loss, params: p, batch, scale })).sharpness;
    expect(await at(moved, "tensor")).toBeCloseTo(await at(bare, "tensor"), 12);
    expect(Math.abs((await at(moved, "global")) / (await at(bare, "global")) - 1)).toBeGreaterThan(0.1);
  });

  it("measures parameters in float32", async () => {
    const params = { u: astype(center.u, "float32"), v: astype(center.v, "float32") };
    const loss: typeof bowl = ({ u, v }) => {
      const of = (w: typeof u, c: NdArray) => sum(square(sub(w, constant(astype(c, "float32")))));
      return mul(1.5, add(of(u, center.u), of(v, center.v)));
    };
    const found = await measureMinimum({ loss, params, batch: {}, radii: [0.5], runtime: "onnx" });
    expect(found.sharpness).toBeCloseTo(0.375, 5);
  });

  it("says what does not fit", async () => {
    const at = { loss: bowl, params: center, batch: {} };
    await expect(measureMinimum({ ...at, radii: [] })).rejects.toThrow(/a list of 1 or more/);
    await expect(measureMinimum({ ...at, radii: [-1] })).rejects.toThrow(OptionError);
    await expect(measureMinimum({ ...at, directions: 0 })).rejects.toThrow(
      /directions must be an integer >= 1/,
    );
    await expect(measureMinimum({ ...at, scale: "layer" as never })).rejects.toThrow(OptionError);
  });
});
