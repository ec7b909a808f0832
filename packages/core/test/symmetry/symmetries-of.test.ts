import { distance, evaluator, randomProblem, randomT, relative } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { array, type NdArray } from "../../src/array.js";
import { mul, sub } from "../../src/graph/ops/arithmetic.js";
import { square, tanh } from "../../src/graph/ops/elementary.js";
import { matmul } from "../../src/graph/ops/matmul.js";
import { sum } from "../../src/graph/ops/reduce.js";
import { slice } from "../../src/graph/ops/slice.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { torchGenerator, torchRand } from "../../src/math/mt19937.js";
import { createRng } from "../../src/math/rng.js";
import type { MlpParams } from "../../src/nn/models/mlp.js";
import { hiddenAction } from "../../src/symmetry/hidden/hidden-action.js";
import { positiveScaling } from "../../src/symmetry/positive-scaling.js";
import { symmetriesOf } from "../../src/symmetry/symmetries-of.js";
import { isRefusal } from "../../src/symmetry/symmetry.js";
import { createTeleporter } from "../../src/teleport/teleporter.js";

const seeds = Array.from({ length: 20 }, (_, i) => 500 + i);

describe("symmetriesOf", () => {
  it("finds the scalings of a network that positiveScaling knows from its layers", async () => {
    for (const seed of seeds) {
      const { params, batch, loss, label, activation } = randomProblem(seed, {
        activations: ["relu", "leakyRelu"],
      });
      const { scaling, found } = symmetriesOf(loss, params, batch);
      const known = positiveScaling(params, activation);
      expect(scaling?.algebra, label).toEqual(known.algebra);
      expect(found.scalings.every(({ exact }) => exact)).toBe(true);
      const T = randomT(known.algebra, 0.5, seed);
      const [a, b] = [await scaling?.act(params, T, batch), await known.act(params, T, batch)];
      expect(distance(a as MlpParams, b as MlpParams), label).toBeLessThan(1e-14);
    }
  });

  it("finds where eq. 8 acts, as hiddenAction does from the layers", async () => {
    for (const seed of seeds) {
      const problem = randomProblem(seed, {
        activations: ["leakyRelu", "elu", "tanh", "asinh", "sigmoid", "softplus"],
        size: "narrow",
      });
      const { params, batch, loss, label, activation } = problem;
      const { hidden } = symmetriesOf(loss, params, batch);
      const known = hiddenAction(params, activation);
      expect(hidden?.algebra, label).toEqual(known.algebra);
      const T = randomT(known.algebra, 0.05, seed);
      const [a, b] = [await hidden?.act(params, T, batch), await known.act(params, T, batch)];
      if (isRefusal(b)) expect(isRefusal(a), label).toBe(true);
      else expect(distance(a as MlpParams, b), label).toBeLessThan(1e-10);
    }
  });

  it("finds symmetries within a single array, and teleports with them", async () => {
    const params = array(
      [
        [1, 2, 0.5],
        [3, -1, 2],
      ],
      "float64",
    );
    const row = (w: Tensor, i: number) => slice(w, { starts: [i], ends: [i + 1] });
    const loss = (w: Tensor) => square(sub(sum(mul(row(w, 0), row(w, 1))), 1));
    const { scaling, found } = symmetriesOf(loss, params, {});
    expect(found.scalings).toHaveLength(1);
    expect(found.scalings[0].axes.map(({ path, power }) => [path, power])).toEqual([
      ["", 1],
      ["", -1],
    ]);
    const teleporter = await createTeleporter({ symmetry: scaling, loss, params, batch: {} });
    const { report } = await teleporter.teleport(params, {});
    expect(report.gradNormSqAfter).toBeGreaterThan(1.1 * report.gradNormSqBefore);
    expect(report.drift).toBeLessThan(1e-12);
  });

  it("finds eq. 8 in a hand-written loss whose samples are columns, and teleports with it", async () => {
    const rng = torchGenerator(3);
    const uniform = (shape: number[]): NdArray => ({
      shape,
      data: Float64Array.from(torchRand(rng, shape).data),
    });
    const params = { u: uniform([3, 4]), c: uniform([4, 1]), v: uniform([4, 5]) };
    const batch = { x: uniform([5, 3]), y: uniform([3, 3]) };
    type P = { u: Tensor; v: Tensor };
    const loss = ({ u, v }: P, { x, y }: { x: Tensor; y: Tensor }) =>
      sum(square(sub(matmul(u, tanh(matmul(v, x))), y)));
    const { hidden, scaling, signFlips, permutations } = symmetriesOf(loss, params, batch);
    expect(scaling).toBeUndefined();
    expect(hidden?.algebra).toEqual([[4, 4]]);
    expect(signFlips).toBeDefined();
    expect(permutations).toBeDefined();
    const teleporter = await createTeleporter({
      symmetry: hidden,
      loss: loss,
      params,
      batch,
    });
    const { report } = await teleporter.teleport(params, batch);
    expect(report.accepted).toBe(true);
    expect(report.drift).toBeLessThan(1e-10);
    expect(report.gradNormSqAfter).toBeGreaterThan(report.gradNormSqBefore);
    await teleporter.dispose();
  });

  it("finds GL of a linear network's hidden layers, and a rotation's worth of it keeps the loss", async () => {
    for (const seed of seeds.slice(0, 8)) {
      const problem = randomProblem(seed, { activations: ["identity"] });
      const { params, batch, loss, label } = problem;
      const { linear, hidden } = symmetriesOf(loss, params, batch);
      expect(hidden, label).toBeUndefined();
      expect(linear?.algebra.map(([, n]) => n)).toEqual(problem.sizes.slice(1, -1));
      const T = randomT(linear?.algebra ?? [], 0.3, seed);
      const moved = (await linear?.act(params, T, batch)) as MlpParams;
      const lossOf = evaluator(loss, problem);
      expect(relative(lossOf(params, batch), lossOf(moved, batch)), label).toBeLessThan(1e-10);
      const back = linear?.inverse?.(T) ?? [];
      expect(distance(params, (await linear?.act(moved, back, batch)) as MlpParams)).toBeLessThan(1e-10);
      const twice = linear?.compose?.(T, T) ?? [];
      const stepwise = (await linear?.act(moved, T, batch)) as MlpParams;
      expect(distance(stepwise, (await linear?.act(params, twice, batch)) as MlpParams)).toBeLessThan(1e-10);
    }
  });

  it("says nothing of a loss that has none", () => {
    const loss = ({ w }: { w: Tensor }) => sum(square(tanh(sub(w, 1))));
    const symmetries = symmetriesOf(loss, { w: array([1, 2, 3], "float64") }, {});
    expect(symmetries.scaling).toBeUndefined();
    expect(symmetries.linear).toBeUndefined();
    expect(symmetries.hidden).toBeUndefined();
    expect(symmetries.signFlips).toBeUndefined();
  });

  it("finds the flips of tanh, which change the weights and not the loss", async () => {
    for (const seed of seeds) {
      const problem = randomProblem(seed, { activations: ["tanh"] });
      const { params, batch, loss, label } = problem;
      const { signFlips } = symmetriesOf(loss, params, batch);
      const moved = signFlips?.act(params, signFlips.random(createRng(seed))) ?? params;
      const lossOf = evaluator(loss, problem);
      expect(relative(lossOf(params, batch), lossOf(moved, batch)), label).toBeLessThan(1e-12);
      expect(moved, label).not.toEqual(params);
    }
  });
});
