import { float64 } from "isoloss-test-support/nn/support";
import { randomCases } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { isNdArray, type NdArray } from "../../../src/array.js";
import type { BatchLoss } from "../../../src/batch.js";
import { add, mul, sub } from "../../../src/graph/ops/arithmetic.js";
import { square } from "../../../src/graph/ops/elementary.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { mean, sum } from "../../../src/graph/ops/reduce.js";
import { slice } from "../../../src/graph/ops/slice.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { eigenSymmetric } from "../../../src/math/linalg.js";
import { torchGenerator } from "../../../src/math/mt19937.js";
import { createRng } from "../../../src/math/rng.js";
import { mlp } from "../../../src/nn/models/mlp.js";
import { type Curvature, createCurvatureMeter } from "../../../src/teleport/curvature/curvature-meter.js";
import { createHessian, lanczos } from "../../../src/teleport/curvature/hessian.js";
import { flatten } from "../../../src/tree.js";
import { bowl, net, netBatch, netLoss } from "../objective/support.js";

const matrix = (rows: readonly (readonly number[])[]) => async (v: Float64Array) =>
  Float64Array.from(rows, (row) => row.reduce((s, a, j) => s + a * v[j], 0));

const diagonal = (values: readonly number[]) => async (v: Float64Array) => v.map((x, i) => values[i] * x);

/** Q diag(values) Q' for a random reflection Q = I - 2 u u'. */
function rotated(values: readonly number[], seed: number) {
  const rng = createRng(seed);
  const u = values.map(() => rng.normal());
  const norm = Math.hypot(...u);
  const reflect = (v: Float64Array) => {
    const along = (2 / norm ** 2) * v.reduce((s, x, i) => s + x * u[i], 0);
    return v.map((x, i) => x - along * u[i]);
  };
  return { apply: async (v: Float64Array) => reflect(await diagonal(values)(reflect(v))), reflect };
}

/** (x + 2y - 7)^2 + (2x + y - 5)^2, whose Hessian is [[10, 8], [8, 10]]. */
const booth: BatchLoss<NdArray> = (w) => {
  const [x, y] = [slice(w, { ends: [1] }), slice(w, { starts: [1] })];
  return sum(add(square(sub(add(x, mul(2, y)), 7)), square(sub(add(mul(2, x), y), 5))));
};

describe("createHessian", () => {
  it("gives gradient and Hessian-vector product of Booth's function", async () => {
    const w = float64([5, -5]);
    const hessian = await createHessian(booth, w, {});
    const { g, hv } = await hessian.times(w, {}, Float64Array.of(1, -3));
    await hessian.dispose();
    // u = x + 2y - 7 = -12, v = 2x + y - 5 = 0; g = 2 (u + 2v, 2u + v)
    expect([...g]).toEqual([-24, -48]);
    expect([...hv]).toEqual([-14, -22]);
  });

  it("puts the parameters of a tree one after another, as flatten does", async () => {
    const hessian = await createHessian(netLoss, net, netBatch);
    const { leaves } = flatten<NdArray>(net, isNdArray);
    expect([...hessian.vectorOf(net)]).toEqual(leaves.flatMap(({ data }) => Array.from(data, Number)));
    await hessian.dispose();
  });

  it("is symmetric, and equals difference quotients of the gradient, for a network", async () => {
    const hessian = await createHessian(netLoss, net, netBatch);
    const n = hessian.vectorOf(net).length;
    const at = (v: Float64Array) => hessian.times(net, netBatch, v);
    const unit = (i: number) => Float64Array.from({ length: n }, (_, k) => (k === i ? 1 : 0));
    const rows: Float64Array[] = [];
    for (let i = 0; i < n; i++) rows.push((await at(unit(i))).hv);
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) expect(rows[i][j]).toBeCloseTo(rows[j][i], 11);
    const h = 1e-5;
    const moved = (step: number) => ({
      ...net,
      second: {
        weight: float64(
          [...net.second.weight.data].map((x, i) => Number(x) + (i === 2 ? step : 0)),
          [3, 2],
        ),
      },
    });
    const index = 6 + 3 + 2;
    const [low, high] = [
      (await hessian.times(moved(-h), netBatch, unit(0))).g,
      (await hessian.times(moved(h), netBatch, unit(0))).g,
    ];
    await hessian.dispose();
    rows[index].forEach((x, i) => {
      expect(x).toBeCloseTo((high[i] - low[i]) / (2 * h), 6);
    });
  });

  it("works in float32 on either runtime", async () => {
    const w = { shape: [2], data: Float32Array.of(3, 0.5) };
    const curvatures = { shape: [2], data: Float32Array.of(1, 10) };
    const loss: BatchLoss<NdArray> = (p) => mul(0.5, sum(mul(curvatures, square(p))));
    for (const runtime of ["javascript", "onnx"] as const) {
      const hessian = await createHessian(loss, w, {}, { runtime });
      const { g, hv } = await hessian.times(w, {}, Float64Array.of(1, 2));
      await hessian.dispose();
      expect([...g]).toEqual([3, 5]);
      expect([...hv]).toEqual([1, 20]);
    }
  });

  it("is zero for a loss without curvature", async () => {
    const hessian = await createHessian((w: Tensor) => sum(mul(3, w)), float64([1, 2]), {});
    const { g, hv } = await hessian.times(float64([1, 2]), {}, Float64Array.of(1, 1));
    await hessian.dispose();
    expect([...g, ...hv]).toEqual([3, 3, 0, 0]);
  });
});

describe("lanczos", () => {
  it("finds the eigenvalues of Booth's Hessian, 2 and 18", async () => {
    const apply = matrix([
      [10, 8],
      [8, 10],
    ]);
    const { smallest, largest } = await lanczos(apply, Float64Array.of(1, 0), 10);
    expect(smallest).toBeCloseTo(2, 12);
    expect(largest).toBeCloseTo(18, 12);
  });

  it("finds both ends of a spectrum in as many steps as there are eigenvalues", async () => {
    const values = [-4, -1, 0, 0.5, 3, 3, 20];
    const { apply } = rotated(values, 3);
    const rng = createRng(1);
    const start = Float64Array.from(values, () => rng.normal());
    const { smallest, largest } = await lanczos(apply, start, 7);
    expect(smallest).toBeCloseTo(-4, 10);
    expect(largest).toBeCloseTo(20, 10);
  });

  it("bounds the spectrum from inside, and closes in with more steps", async () => {
    const values = Array.from({ length: 60 }, (_, i) => 1 + i ** 2 / 40);
    const { apply } = rotated(values, 4);
    const rng = createRng(2);
    const start = Float64Array.from(values, () => rng.normal());
    let before = 0;
    for (const steps of [1, 2, 4, 8, 16, 32]) {
      const { smallest, largest } = await lanczos(apply, start, steps);
      expect(largest).toBeGreaterThanOrEqual(before - 1e-9);
      expect(largest).toBeLessThanOrEqual(values[59] + 1e-9);
      expect(smallest).toBeGreaterThanOrEqual(1 - 1e-9);
      before = largest;
    }
    expect(before / values[59]).toBeGreaterThan(0.999999);
  });

  it("stays within the spectrum when the start is in an invariant space with Rayleigh quotient 0", async () => {
    const values = [1, -1, 0.5, 0.25, 0.1, -0.3, 0.7, 0.2];
    for (let seed = 0; seed < 50; seed++) {
      const { apply, reflect } = rotated(values, seed);
      const start = reflect(Float64Array.of(1, 1, 0, 0, 0, 0, 0, 0));
      const { smallest, largest } = await lanczos(apply, start, 8);
      expect(smallest).toBeCloseTo(-1, 10);
      expect(largest).toBeCloseTo(1, 10);
    }
  });

  it("ends where the largest has settled, and not before", async () => {
    const values = Array.from({ length: 60 }, (_, i) => 1 + i ** 2 / 40);
    const { apply } = rotated(values, 4);
    const start = Float64Array.from(values, (_, i) => Math.cos(i));
    let products = 0;
    const counted = (v: Float64Array) => {
      products++;
      return apply(v);
    };
    const { largest } = await lanczos(counted, start, 60, { settled: 1e-4 });
    expect(Math.abs(largest / values[59] - 1)).toBeLessThan(1e-3);
    expect(products).toBeGreaterThan(3);
    expect(products).toBeLessThan(25);
    await expect(lanczos(apply, start, 5, { settled: -1 })).rejects.toThrow(
      "lanczos: settled must be a finite number >= 0; got -1.",
    );
  });

  it("stops at an invariant space: an eigenvector gives its eigenvalue", async () => {
    const { smallest, largest } = await lanczos(diagonal([1, 10]), Float64Array.of(0, 3), 5);
    expect([smallest, largest]).toEqual([10, 10]);
  });
});

describe("createCurvatureMeter", () => {
  // diag(1, 10), w = (3, .5): J = 34^2 / (2 * 259).
  it("gives lambda_max and J of a quadratic", async () => {
    const w = float64([3, 0.5]);
    const meter = await createCurvatureMeter(bowl(1, 10), w, {}, 10, {});
    const { lambdaMax, modelDecrease } = (await meter.measure(w, {})) as Curvature;
    expect(lambdaMax).toBeCloseTo(10, 10);
    expect(modelDecrease).toBeCloseTo(1156 / 518, 12);
    await meter.dispose();
  });

  it("finds lambda_max where the gradient is an eigenvector of another eigenvalue", async () => {
    const w = float64([3, 0]);
    const meter = await createCurvatureMeter(bowl(1, 10), w, {}, 10, {});
    const { lambdaMax, modelDecrease } = (await meter.measure(w, {})) as Curvature;
    await meter.dispose();
    expect(lambdaMax).toBeCloseTo(10, 10);
    expect(modelDecrease).toBeCloseTo(4.5, 12);
  });

  it("finds lambda_max of random networks to 1 %, where five steps are off by up to 2 %", async () => {
    const errors: { settled: number[]; five: number[] } = { settled: [], five: [] };
    for (let seed = 0; seed < randomCases(24); seed++) {
      const rng = createRng(seed);
      const sizes = [3 + rng.int(4), 4 + rng.int(6), 3 + rng.int(4), 1 + rng.int(3)];
      const model = mlp({ sizes, activation: (["tanh", "relu", "sigmoid"] as const)[seed % 3] });
      const { params } = model.init(torchGenerator(seed), { dtype: "float64" });
      const count = 4 + rng.int(30);
      const numbers = (columns: number) =>
        float64(
          Array.from({ length: count * columns }, () => rng.normal()),
          [count, columns],
        );
      const batch = { x: numbers(sizes[0]), y: numbers(sizes[3]) };
      const loss: BatchLoss<typeof params, typeof batch> = (p, { x, y }) =>
        mean(square(sub(model.apply(p, x, { training: false }).output, y)));
      const hessian = await createHessian(loss, params, batch);
      const n = hessian.vectorOf(params).length;
      const data = new Float64Array(n * n);
      for (let i = 0; i < n; i++) {
        const unit = Float64Array.from({ length: n }, (_, k) => (k === i ? 1 : 0));
        data.set((await hessian.times(params, batch, unit)).hv, i * n);
      }
      await hessian.dispose();
      for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) data[i * n + j] = data[j * n + i];
      const exact = eigenSymmetric({ shape: [n, n], data }).values.data[n - 1];
      for (const [name, steps] of [
        ["settled", 20],
        ["five", 5],
      ] as const) {
        const meter = await createCurvatureMeter(loss as never, params, batch, steps, {});
        const { lambdaMax } = (await meter.measure(params, batch)) as Curvature;
        await meter.dispose();
        errors[name].push(Math.abs(lambdaMax / exact - 1));
      }
    }
    expect(Math.max(...errors.settled)).toBeLessThan(0.01);
    expect(Math.max(...errors.five)).toBeGreaterThan(0.01);
  }, 60_000);

  it("finds lambda_max at a critical point, too", async () => {
    const w = float64([0, 0]);
    const meter = await createCurvatureMeter(bowl(1, 10), w, {}, 10, {});
    expect((await meter.measure(w, {}))?.lambdaMax).toBeCloseTo(10, 10);
    await meter.dispose();
  });

  it("measures matrices as parameters, and leaves J out where the curvature along the gradient is negative", async () => {
    const loss: BatchLoss<NdArray> = (w) =>
      sum(mul(-1, square(matmul(w, constant(float64([1, 2], [2, 1]))))));
    const w = float64([1, 1], [1, 2]);
    const meter = await createCurvatureMeter(loss, w, {}, 10, {});
    const { lambdaMax, modelDecrease } = (await meter.measure(w, {})) as Curvature;
    await meter.dispose();
    expect(lambdaMax).toBeCloseTo(0, 10);
    expect(modelDecrease).toBeUndefined();
  });
});
