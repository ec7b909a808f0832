import { randomCases } from "isoloss-test-support/random-cases";
import {
  distance,
  evaluator,
  named,
  type ProblemOptions,
  randomProblem,
  randomT,
  relative,
  scaledT,
} from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { astype, isNdArray, type NdArray } from "../../../src/array.js";
import { takeRows } from "../../../src/data/batches.js";
import { OptionError } from "../../../src/errors.js";
import { asinh, sinh } from "../../../src/graph/ops/elementary.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { createRng } from "../../../src/math/rng.js";
import type { Activation } from "../../../src/nn/activation.js";
import type { MlpParams } from "../../../src/nn/models/mlp.js";
import { compile } from "../../../src/runtime/compile.js";
import { hiddenAction } from "../../../src/symmetry/hidden/hidden-action.js";
import { isRefusal } from "../../../src/symmetry/symmetry.js";
import { flatten } from "../../../src/tree.js";

const activations: readonly Activation[] = ["leakyRelu", "elu", "tanh", "sigmoid", "softplus", "identity"];
const seeds = Array.from({ length: randomCases(30) }, (_, i) => i);
const narrow: ProblemOptions = { activations, size: "narrow" };
const wide: ProblemOptions = { activations, size: "wide" };

const refusalOf = (value: unknown): string => (isRefusal(value) ? value.refused : "moved");

describe("hiddenAction", () => {
  it("changes the function elsewhere: the loss on other data moves", async () => {
    const problem = randomProblem(3, { ...narrow, activations: ["leakyRelu"] });
    const symmetry = hiddenAction(problem.params, problem.activation);
    const { params, batch } = problem;
    const moved = (await symmetry.act(params, randomT(symmetry.algebra, 0.3, 3), batch)) as MlpParams;
    const lossOf = evaluator(problem.loss, problem);
    const { batch: other } = randomProblem(3, { ...narrow, activations: ["leakyRelu"] });
    other.x.data.reverse();
    expect(relative(lossOf(params, batch), lossOf(moved, batch))).toBeLessThan(1e-12);
    expect(relative(lossOf(params, other), lossOf(moved, other))).toBeGreaterThan(1e-3);
  });

  it("acts with a bijection of one's own, sinh with its inverse asinh, by hand", async () => {
    const one = (value: number): NdArray => ({ shape: [1, 1], data: Float64Array.of(value) });
    const params = { layers: [{ weight: one(0.5) }, { weight: one(3) }] };
    const symmetry = hiddenAction(params, { activation: { forward: sinh, inverse: asinh } });
    const moved = (await symmetry.act(params, [one(1)], { x: one(1) })) as MlpParams;
    // g = 2: asinh(2 sinh(0.5)) is what the sample x = 1 sees, and half the weight takes it back.
    expect(moved.layers[0].weight.data[0]).toBeCloseTo(Math.asinh(2 * Math.sinh(0.5)), 14);
    expect(moved.layers[1].weight.data[0]).toBe(1.5);
  });

  it("refuses a batch larger than a layer's input, by value", async () => {
    for (const seed of seeds) {
      const { params, batch, activation, label } = randomProblem(seed, wide);
      const symmetry = hiddenAction(params, activation);
      const T = randomT(symmetry.algebra, 0.05, seed);
      const wanted = /has rank \d+ for a batch of \d+: the action would change the loss/;
      expect(refusalOf(await symmetry.context?.(params, batch)), label).toMatch(wanted);
      expect(refusalOf(await symmetry.act(params, T, batch)), label).toMatch(wanted);
    }
  });

  it("refuses a batch with repeated samples, and takes it without them", async () => {
    const problem = randomProblem(1, narrow);
    const { params, activation } = problem;
    const symmetry = hiddenAction(params, activation);
    const T = randomT(symmetry.algebra, 0.05, 1);
    const once = { x: takeRows(problem.batch.x, [0]) };
    const twice = { x: takeRows(problem.batch.x, [0, 0]) };
    expect(refusalOf(await symmetry.act(params, T, twice))).toMatch(
      /has rank 1 for a batch of 2: .* Use a batch of at most 1, without repeated samples; in the plan .* is batchSize\.$/,
    );
    expect(refusalOf(await symmetry.act(params, T, once))).toBe("moved");
  });

  it("keeps the parameters at T = 0 on a batch that is too large, too", async () => {
    for (const seed of seeds) {
      const { params, batch, activation, label } = randomProblem(seed, wide);
      const symmetry = hiddenAction(params, { ...activation, allowInexact: true });
      const zero = scaledT(randomT(symmetry.algebra, 1, seed), 0);
      const moved = (await symmetry.act(params, zero, batch)) as MlpParams;
      expect(distance(params, moved), label).toBeLessThan(1e-9);
    }
  });

  it("keeps at T = 0 what a literal eq. 8 would project on the span of the batch", async () => {
    const row = (values: number[]): NdArray => ({
      shape: [1, values.length],
      data: Float64Array.from(values),
    });
    // One sample (1, 0): W h h^+ would be (3, 0).
    const params = { layers: [{ weight: row([3, 4]) }, { weight: row([5]) }] };
    const symmetry = hiddenAction(params, { activation: "identity" });
    const at = async (t: number) => (await symmetry.act(params, [row([t])], { x: row([1, 0]) })) as MlpParams;
    expect(await at(0)).toEqual(params);
    // g = 2 doubles what the sample sees, and nothing else.
    expect(await at(1)).toEqual({ layers: [{ weight: row([6, 4]) }, { weight: row([2.5]) }] });
  });

  it("acts on a batch that is too large when told to, and the loss moves", async () => {
    const problem = randomProblem(2, { ...wide, activations: ["leakyRelu"] });
    const symmetry = hiddenAction(problem.params, { ...problem.activation, allowInexact: true });
    expect(symmetry.exact).toBe("no");
    expect(hiddenAction(problem.params, problem.activation).exact).toBe("batch");
    const T = randomT(symmetry.algebra, 0.05, 2);
    const moved = (await symmetry.act(problem.params, T, problem.batch)) as MlpParams;
    const lossOf = evaluator(problem.loss, problem);
    expect(relative(lossOf(problem.params, problem.batch), lossOf(moved, problem.batch))).toBeGreaterThan(
      1e-6,
    );
  });

  it("follows a batch whose array is filled anew", async () => {
    const problem = randomProblem(8, narrow);
    const { params, batch, activation } = problem;
    const T = (symmetry: { algebra: readonly (readonly number[])[] }) => randomT(symmetry.algebra, 0.05, 8);
    const symmetry = hiddenAction(params, activation);
    await symmetry.act(params, T(symmetry), batch);
    batch.x.data.reverse();
    const fresh = hiddenAction(params, activation);
    const expected = await fresh.act(params, T(fresh), batch);
    expect(await symmetry.act(params, T(symmetry), batch)).toEqual(expected);
  });

  it("refuses a singular group element", async () => {
    const { params, batch, activation } = randomProblem(4, { ...narrow, activations: ["identity"] });
    const symmetry = hiddenAction(params, activation);
    const minusIdentity = symmetry.algebra.map(([n]): NdArray => {
      const data = new Float64Array(n * n);
      for (let i = 0; i < n; i++) data[i * n + i] = -1;
      return { shape: [n, n], data };
    });
    expect(refusalOf(await symmetry.act(params, minusIdentity, batch))).toMatch(
      /group element cannot be inverted/,
    );
  });

  it("refuses an element that takes tanh out of its range, rather than give NaN", async () => {
    const { params, batch } = randomProblem(6, { ...narrow, activations: ["tanh"] });
    const symmetry = hiddenAction(params, { activation: "tanh" });
    const T = randomT(symmetry.algebra, 100, 6);
    expect(refusalOf(await symmetry.act(params, T, batch))).toMatch(/out of their activation's range/);
  });

  it("refuses parameters that are not finite, rather than throw", async () => {
    const { params, batch, sizes } = randomProblem(9, { ...narrow, activations: ["identity"] });
    expect(sizes.length).toBeGreaterThan(3);
    const symmetry = hiddenAction(params, { activation: "identity" });
    for (const { data } of flatten<NdArray>(params, isNdArray).leaves) data.fill(Number.NaN as never);
    const T = randomT(symmetry.algebra, 0.05, 7);
    expect(refusalOf(await symmetry.act(params, T, batch))).not.toBe("moved");
    expect(refusalOf(await symmetry.context?.(params, batch))).toMatch(/input cannot be inverted/);
  });

  it("inverts small elements of many units by a series in float32, as exactly as in float64", async () => {
    const rng = createRng(4);
    const matrix = (shape: readonly [number, number]): NdArray => ({
      shape,
      data: Float32Array.from({ length: shape[0] * shape[1] }, () => rng.normal() / Math.sqrt(shape[1])),
    });
    const params: MlpParams = {
      layers: (
        [
          [130, 24],
          [130, 130],
          [3, 130],
        ] as const
      ).map((shape) => ({ weight: matrix(shape) })),
    };
    const batch = { x: matrix([8, 24]) };
    const symmetry = hiddenAction(params, { activation: "leakyRelu", slope: 0.1 });
    const { graph } = trace(({ p, t, b }) => symmetry.trace?.(p, t, b) as typeof p, {
      p: params,
      t: symmetry.algebra.map((shape) => spec(shape, "float32")),
      b: batch,
    });
    const executable = await compile(graph, { runtime: "onnx" });
    // Divided among two layers. The short series takes 0.025 of one at most, the long one 0.125.
    for (const norm of [0.02, 0.035, 0.17, 0.3, 0]) {
      const T = randomT(symmetry.algebra, norm, 5).map((t) => astype(t, "float32"));
      const wanted = (await symmetry.act(params, T, batch)) as MlpParams;
      const results = await executable.run({
        ...named("p", params),
        ...named("t", T),
        ...named("b", batch),
      });
      wanted.layers.forEach(({ weight }, m) => {
        const own = results[`layers.${m}.weight`].data;
        const change = Math.hypot(...Array.from(weight.data as Float32Array, (w, i) => Number(own[i]) - w));
        // The host's are those of float64, rounded: to 6e-8 of each weight at most.
        expect(change / Math.hypot(...Array.from(weight.data, Number)), `${norm}`).toBeLessThan(6e-8);
      });
      if (norm === 0) expect(results["layers.2.weight"].data).toEqual(params.layers[2].weight.data);
    }
    await executable.dispose();
    await symmetry.dispose?.();
  });

  it.each([
    ["leakyRelu", 100, 10],
    ["leakyRelu", 200, 10],
    ["leakyRelu", 200, 1e6],
    ["tanh", 100, 1e4],
    ["tanh", 200, 10],
    ["tanh", 200, 1e3],
  ] as const)(
    "multiplies for many units of %s in float32, as exactly as in float64: %i samples of condition number %d",
    async (activation, samples, condition) => {
      const [inputs, units] = [160, 128];
      const rng = createRng(samples + condition);
      const draws = (
        shape: readonly [number, number],
        scale: (row: number, column: number) => number,
      ): NdArray => ({
        shape,
        data: Float32Array.from(
          { length: shape[0] * shape[1] },
          (_, i) => rng.normal() * scale(Math.floor(i / shape[1]), i % shape[1]),
        ),
      });
      const fewer = Math.min(samples, inputs) - 1;
      const batch = {
        x: draws(
          [samples, inputs],
          (row, column) => condition ** (-(samples < inputs ? row : column) / fewer),
        ),
      };
      const params: MlpParams = {
        layers: [
          { weight: draws([units, inputs], () => 0.5 / Math.sqrt(inputs)) },
          { weight: draws([4, units], () => 0.1) },
        ],
      };
      const T = [draws([units, units], () => 0.2 / units)];
      // With more samples than inputs the loss moves, which is not asked about here.
      const options = {
        activation,
        ...(activation === "leakyRelu" ? { slope: 0.1 } : {}),
        allowInexact: true,
      };
      const symmetry = hiddenAction(params, options);
      const { graph } = trace(({ p, t, b }) => symmetry.trace?.(p, t, b) as typeof p, {
        p: params,
        t: T,
        b: batch,
      });
      const executable = await compile(graph, { runtime: "onnx" });
      const results = await executable.run({ ...named("p", params), ...named("t", T), ...named("b", batch) });
      await executable.dispose();
      const wanted = (await symmetry.act(params, T, batch)) as MlpParams;
      wanted.layers.forEach(({ weight }, m) => {
        const own = results[`layers.${m}.weight`].data;
        const change = Math.hypot(...Array.from(weight.data as Float32Array, (w, i) => Number(own[i]) - w));
        expect(change / Math.hypot(...Array.from(weight.data, Number))).toBeLessThan(6e-8);
      });
      await symmetry.dispose?.();
    },
  );

  it("refuses relu and networks without hidden layers", () => {
    const { params } = randomProblem(0, narrow);
    expect(() => hiddenAction(params, { activation: "relu" })).toThrow(OptionError);
    expect(() => hiddenAction(params, { activation: "relu" })).toThrow(/got "relu".*positiveScaling/);
    const single = { layers: params.layers.slice(0, 1) };
    expect(() => hiddenAction(single, { activation: "tanh" })).toThrow(/at least 2 layers; got 1/);
  });
});
