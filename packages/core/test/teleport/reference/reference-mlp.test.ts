import { describe, expect, it } from "vitest";
import { item, type NdArray } from "../../../src/array.js";
import { OptionError } from "../../../src/errors.js";
import { dot, valueAndGrad } from "../../../src/graph/autodiff.js";
import { spec } from "../../../src/graph/trace.js";
import type { MlpParams } from "../../../src/nn/models/mlp.js";
import { adagrad } from "../../../src/optim/adagrad.js";
import type { Optimizer } from "../../../src/optim/optimizer.js";
import { gd } from "../../../src/optim/sgd.js";
import { mlpRegression, mlpRegressionSeeds } from "../../../src/problems/mlp-regression.js";
import type { Problem } from "../../../src/problems/problem.js";
import { jit } from "../../../src/runtime/jit.js";
import { isRefusal } from "../../../src/symmetry/symmetry.js";
import {
  type ReferenceMlpOptions,
  referenceMlpTeleport,
} from "../../../src/teleport/reference/reference-mlp.js";

type Step = (
  params: MlpParams,
  state: unknown,
  batch: Problem<MlpParams>["batch"],
  rate: NdArray,
) => Promise<{ loss: NdArray; gradNormSq: NdArray; params: MlpParams; state: unknown }>;

/** One step of an optimizer on the regression: the loss before it, and what comes after. */
async function stepOf(optimizer: Optimizer): Promise<Step> {
  const { loss, start, batch } = mlpRegression();
  const step = (p: never, s: never, b: never, rate: never) => {
    const [value, g] = valueAndGrad(loss)(p, b);
    return { loss: value, gradNormSq: dot(g, g), ...optimizer.update(g, s, p, rate) };
  };
  return (await jit(step, [start, optimizer.init(start), batch, spec([], "float64")] as never, {
    dtype: "float64",
  })) as unknown as Step;
}

interface Curve {
  /** The loss at step 5, before and after the teleport there. */
  readonly before: number;
  readonly after: number;
  /** L_299, L_300. */
  readonly end: number;
  readonly last: number;
  /** ||grad L||^2 at step 5, before and after the teleport. */
  readonly gradients: readonly [number, number];
}

/** 300 steps with the released teleport at step 5, as in the paper's experiment, or without. */
async function curve(
  step: Step,
  optimizer: Optimizer,
  rate: number,
  seed: number,
  teleport?: ReferenceMlpOptions,
): Promise<Curve> {
  const { loss, start, batch } = mlpRegression({ seed });
  const at = { shape: [], data: Float64Array.of(rate) };
  let [params, state]: [MlpParams, unknown] = [start, optimizer.init(start)];
  let [before, after, end] = [Number.NaN, Number.NaN, Number.NaN];
  const gradients: [number, number] = [Number.NaN, Number.NaN];
  for (let t = 0; t < 300; t++) {
    if (t === 5) {
      const unmoved = await step(params, state, batch, at);
      before = item(unmoved.loss);
      gradients[0] = item(unmoved.gradNormSq);
      const moved = teleport ? await referenceMlpTeleport(params, batch, loss, teleport) : params;
      if (isRefusal(moved)) throw new Error(moved.refused);
      params = moved;
    }
    const result = await step(params, state, batch, at);
    if (t === 5) {
      after = item(result.loss);
      gradients[1] = item(result.gradNormSq);
    }
    end = item(result.loss);
    ({ params, state } = result);
  }
  const last = item((await step(params, state, batch, at)).loss);
  return { before, after, end, last, gradients };
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

// Numbers of Zhao et al., NeurIPS 2022, MLP regression, from runs of the released code in PyTorch, seeds n n 12345.
describe("the released teleport", () => {
  it("moves the loss of the five regressions under gradient descent as the released code does", async () => {
    const optimizer = gd();
    const step = await stepOf(optimizer);
    const curves: Curve[] = [];
    for (const seed of mlpRegressionSeeds) {
      curves.push(await curve(step, optimizer, 1e-4, seed, { steps: 8, learningRate: 1e-7 }));
    }
    expect(curves.map(({ before }) => before.toFixed(2))).toEqual([
      "595.66",
      "685.54",
      "614.24",
      "576.01",
      "575.07",
    ]);
    expect(curves.map(({ after }) => after.toFixed(2))).toEqual([
      "364.92",
      "90.59",
      "334.59",
      "347.27",
      "51.85",
    ]);
    // The quantities of seed 0 and the mean come from runs in float32, whose rounding the teleport amplifies.
    expect(Math.abs(curves[0].after / 364.9192 - 1)).toBeLessThan(2e-5);
    expect(Math.abs(curves[0].end / 2.490575 - 1)).toBeLessThan(2e-5);
    expect(Math.abs(mean(curves.map(({ end }) => end)) / 1.58165 - 1)).toBeLessThan(1e-5);
  });

  it("moves the loss of the five regressions under AdaGrad as the released code does, to 3e-4 of float32's", async () => {
    const optimizer = adagrad({ epsilon: 1e-10 });
    const step = await stepOf(optimizer);
    const curves: Curve[] = [];
    for (const seed of mlpRegressionSeeds) {
      curves.push(await curve(step, optimizer, 0.1, seed, { steps: 2, learningRate: 1e-5 }));
    }
    expect(curves[0].before).toBeCloseTo(133.6445, 4);
    expect(Math.abs(curves[0].after / 26.56827 - 1)).toBeLessThan(3e-4);
    expect(Math.abs(curves[0].end / 1.058465 - 1)).toBeLessThan(3e-4);
    expect(Math.abs(mean(curves.map(({ end }) => end)) / 1.24844 - 1)).toBeLessThan(5e-5);
  });
});

// The published means over the five seeds: L_299 in runs of the released code in float32, L_300 in float64.
describe("the released regression experiment", () => {
  const [descent, ada] = [gd(), adagrad({ epsilon: 1e-10 })];

  it.each([
    ["gradient descent", descent, 1e-4, undefined, 1.93181, 1.928],
    ["gradient descent with teleports", descent, 1e-4, { steps: 8, learningRate: 1e-7 }, 1.58165, 1.58],
    ["AdaGrad", ada, 0.1, undefined, 1.39341, undefined],
    ["AdaGrad with teleports", ada, 0.1, { steps: 2, learningRate: 1e-5 }, 1.24844, undefined],
  ] as const)("ends at the published means: %s", async (_, optimizer, rate, teleport, end, last) => {
    const step = await stepOf(optimizer);
    const curves: Curve[] = [];
    for (const seed of mlpRegressionSeeds) curves.push(await curve(step, optimizer, rate, seed, teleport));
    expect(Math.abs(mean(curves.map((c) => c.end)) / end - 1)).toBeLessThan(5e-5);
    if (last !== undefined) expect(mean(curves.map((c) => c.last))).toBeCloseTo(last, 3);
  });
});

// The same ascent with the exact action, by the same published numbers: what the released code would have done had it
// kept the loss. Plain gradient descent ends at 1.928 on average.
describe("the released ascent with the exact action", () => {
  it("keeps the loss of the five regressions, raises the gradient 4 to 96 times, and ends where published", async () => {
    const optimizer = gd();
    const step = await stepOf(optimizer);
    const curves: Curve[] = [];
    for (const seed of mlpRegressionSeeds) {
      const teleport = { steps: 8, learningRate: 1e-7, exactAction: true };
      curves.push(await curve(step, optimizer, 1e-4, seed, teleport));
    }
    for (const { before, after } of curves) expect(Math.abs(after / before - 1)).toBeLessThan(1e-11);
    expect(curves.map(({ gradients: [g] }) => g.toExponential(2))).toEqual([
      "1.04e+6",
      "1.28e+6",
      "9.28e+5",
      "1.06e+6",
      "1.12e+6",
    ]);
    expect(curves.map(({ gradients: [, g] }) => g.toExponential(2))).toEqual([
      "9.17e+7",
      "5.31e+6",
      "2.71e+7",
      "9.11e+6",
      "1.08e+8",
    ]);
    expect(curves.map(({ last }) => last.toFixed(4))).toEqual([
      "2.7589",
      "2.3610",
      "1.2866",
      "1.2756",
      "1.5572",
    ]);
    expect(mean(curves.map(({ last }) => last))).toBeCloseTo(1.848, 3);
  });
});

describe("referenceMlpTeleport", () => {
  const { loss, start, batch } = mlpRegression();

  it("leaves its argument alone and keeps the dtype of the parameters", async () => {
    const single = mlpRegression({ dtype: "float32" });
    const moved = await referenceMlpTeleport(single.start, single.batch, single.loss, { steps: 1 });
    if (isRefusal(moved)) throw new Error(moved.refused);
    expect(moved.layers.map(({ weight }) => weight.data.constructor)).toEqual([
      Float32Array,
      Float32Array,
      Float32Array,
    ]);
    expect(single.start).toEqual(mlpRegression({ dtype: "float32" }).start);
  });

  it("refuses a batch that is wider than a layer's input", async () => {
    const wide = mlpRegression({ samples: 6 });
    expect(await referenceMlpTeleport(wide.start, wide.batch, wide.loss)).toEqual({
      refused: expect.stringMatching(/layer 0 has rank 5 for 6 samples/),
    });
  });

  it("refuses to go on where the ascent diverges", async () => {
    expect(await referenceMlpTeleport(start, batch, loss, { learningRate: 1e3, steps: 50 })).toEqual({
      refused: expect.stringMatching(/diverges/),
    });
    expect(
      await referenceMlpTeleport(start, batch, loss, { learningRate: 1e300, exactAction: true }),
    ).toEqual({ refused: expect.stringMatching(/cannot be inverted|diverges/) });
  });

  it("takes no biases, no network without hidden layers and no settings out of range", async () => {
    const biased = {
      layers: start.layers.map((l) => ({ ...l, bias: { shape: [1], data: new Float64Array(1) } })),
    };
    await expect(referenceMlpTeleport(biased, batch, loss)).rejects.toThrow(/bias: false/);
    const flat = { layers: start.layers.slice(0, 1) };
    await expect(referenceMlpTeleport(flat, batch, loss)).rejects.toThrow(OptionError);
    await expect(referenceMlpTeleport(start, batch, loss, { steps: 0 })).rejects.toThrow(OptionError);
    await expect(referenceMlpTeleport(start, batch, loss, { learningRate: 0 })).rejects.toThrow(OptionError);
  });
});
