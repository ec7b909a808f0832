// The model of noise: its values by plain loops, its gradient, its convexity and its minimum.

import { convolutional, dense } from "isoloss-test-support/moves/quantization-noise/networks";
import {
  bytesPerTensor,
  minimum,
  prepared,
  randomPoint,
} from "isoloss-test-support/moves/quantization-noise/prepared";
import { randomCases } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { valuesOf } from "../../../src/moves/quantization-noise/linear-forms.js";
import {
  logNoise,
  type NoiseModel,
  predictedNoise,
  type Rounding,
} from "../../../src/moves/quantization-noise/noise-model.js";
import { proposals } from "../../../src/moves/quantization-noise/proposals.js";
import { readWeight } from "../../../src/moves/quantization-noise/weighted-layers.js";
import { compile } from "../../../src/runtime/compile.js";

const perChannel: Rounding = { ...bytesPerTensor, granularity: "channel" };
const weightsOnly: Rounding = { ...bytesPerTensor, activationLevels: undefined };
const roundings = [
  ["per tensor", bytesPerTensor],
  ["per channel", perChannel],
  ["weights only", weightsOnly],
  ["weights per channel only", { ...perChannel, activationLevels: undefined }],
] as const;

it("has the ranges, moments and signals of plain loops over all values", async () => {
  const network = convolutional(0, { bound: 1 });
  const { graph, quantized, statistics, model, batches } = await prepared(network);
  const tensors = [...quantized.rounded.map(({ tensor }) => tensor), ...quantized.layers.map(({ y }) => y)];
  const outputs = tensors.map((tensor, k) => ({ name: `t${k}`, tensor }));
  const run = await compile({ inputs: graph.inputs, outputs }, { runtime: "javascript" });
  const runs: Awaited<ReturnType<typeof run.run>>[] = [];
  for (const batch of batches) runs.push(await run.run({ ...network.params, ...batch }));
  const square = (own: readonly number[]) => own.reduce((sum, v) => sum + v * v, 0) / own.length;
  const valuesAt = (k: number) => runs.map((values) => Array.from(values[`t${k}`]?.data as Float64Array));
  quantized.rounded.forEach(({ tensor, axis, source }, k) => {
    const behind = tensor.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    const channelOf = (at: number) => Math.floor(at / behind) % (tensor.shape[axis] as number);
    const { seen, cap } = model.values[k] as NoiseModel["values"][number];
    for (let c = 0; c < (tensor.shape[axis] as number); c++) {
      const own = valuesAt(k).flatMap((values) => values.filter((_, at) => channelOf(at) === c));
      expect(seen.lows[c]).toBeCloseTo(Math.max(0, -Math.min(...own)), 12);
      // Behind a clip, the range is that of the ReLU before it.
      const high = cap === Infinity ? seen.highs[c] : Math.min(seen.highs[c] as number, cap);
      expect(high).toBeCloseTo(Math.max(0, ...own), 12);
      const reader = quantized.layers.findIndex(({ rounded }) => rounded === k);
      if (reader >= 0) expect(model.layers[reader]?.moments[c]).toBeCloseTo(square(own), 10);
      if (source?.isWhole) expect(own.some((v) => v < 0)).toBe(false);
    }
  });
  const first = quantized.rounded.length;
  quantized.layers.forEach((_, k) => {
    expect(statistics.signals[k]).toBeCloseTo(square(valuesAt(first + k).flat()), 10);
  });
});

/** J of section 4 of the model's docstring, loop by loop. */
function plainNoise(
  model: NoiseModel,
  { quantized, statistics }: Awaited<ReturnType<typeof prepared>>,
  params: ReturnType<typeof dense>["params"],
  T: Float64Array,
): number {
  const { weightLevels, granularity, activationLevels } = model.rounding;
  const variances = quantized.rounded.map(({ forms }, k) => {
    const { highs, lows } = (model.values[k] as NoiseModel["values"][number]).expected;
    const a = valuesOf(forms, T);
    const range = (values: Float64Array) => Math.max(...values.map((v, j) => v * Math.exp(a[j] as number)));
    return activationLevels === undefined ? 0 : ((range(highs) + range(lows)) / activationLevels) ** 2 / 12;
  });
  const ofLayers = quantized.layers.reduce((total, layer, n) => {
    const { moments } = model.layers[n] as NoiseModel["layers"][number];
    const { groups, outputs, inputs, window, strides, terms } = layer.shape;
    const [a, o] = [valuesOf(layer.inputForms, T), valuesOf(layer.outputForms, T)];
    const w = readWeight(params[layer.weight.path] as never, layer.weight);
    const rows = Array.from({ length: groups * outputs }, (_, row) => {
      const g = Math.floor(row / outputs);
      return Array.from({ length: inputs }, (__, j) =>
        Array.from({ length: window }, (___, k) => {
          const at = g * strides.group + (row % outputs) * strides.output + j * strides.input + k;
          return { value: w[at] as number, j: g * inputs + j };
        }),
      ).flat();
    });
    const reach = (row: number) =>
      Math.max(
        ...(rows[row] ?? []).map(
          ({ value, j }) => Math.abs(value) * Math.exp((o[row] as number) - (a[j] as number)),
        ),
      );
    const whole = Math.max(...rows.map((_, row) => reach(row)));
    const noises = rows.map((own, row) => {
      const weightStep = (granularity === "channel" ? reach(row) : whole) / weightLevels;
      const used = new Set(own.map(({ j }) => j));
      const power = [...used].reduce(
        (sum, j) => sum + (moments[j] as number) * Math.exp(2 * (a[j] as number)),
        0,
      );
      const ofWeight = (weightStep ** 2 / 12) * terms * power * Math.exp(-2 * (o[row] as number));
      const passed = own.reduce((sum, { value, j }) => sum + value ** 2 * Math.exp(-2 * (a[j] as number)), 0);
      return ofWeight + (variances[layer.rounded] as number) * passed * (terms / window);
    });
    return total + noises.reduce((x, y) => x + y, 0) / noises.length / (statistics.signals[n] as number);
  }, 0);
  // What is rounded and read by no layer, such as what a residual adds: noise over signal.
  return quantized.rounded.reduce((total, { isInput, forms }, k) => {
    if (isInput) return total;
    const back = valuesOf(forms, T).map((a) => Math.exp(-2 * a));
    const mean = back.reduce((x, y) => x + y, 0) / back.length;
    const signal = statistics.signals[quantized.layers.length + k] as number;
    return total + ((variances[k] as number) * mean) / signal;
  }, ofLayers);
}

describe.each(roundings)("noise %s", (_, rounding) => {
  it.each([
    ["convolutional", convolutional(4)],
    ["dense", dense(5)],
  ])("of a %s network is that of plain loops", async (__, network) => {
    const at = await prepared(network, rounding);
    const points = [
      minimum(at.model, undefined, 200).T,
      ...[1, 2].map((seed) => randomPoint(at.model.size, seed)),
    ];
    for (const [k, T] of points.entries()) {
      const expected = plainNoise(at.model, at, network.params, T);
      expect(predictedNoise(at.model, T) / expected).toBeCloseTo(1, 9);
      // The smooth maximum of n numbers is at most n^(1/24) times the largest; pairs that are left out count far from the minimum only.
      const smooth = Math.exp(logNoise(at.model, T).value - 1e-6 * T.reduce((sum, t) => sum + t * t, 0));
      expect(smooth / expected).toBeGreaterThan(k === 0 ? 1 - 1e-6 : 0.9);
      expect(smooth / expected).toBeLessThan(2);
    }
  });

  it.each([
    ["convolutional", convolutional(4)],
    ["dense", dense(5)],
    ["ReLU6", convolutional(6, { bound: 2 })],
    ["dense ReLU6", dense(7, { bound: 1 })],
  ])("of a %s network has the gradient of its differences", async (__, network) => {
    const { model } = await prepared(network, rounding, 0.1);
    const T = randomPoint(model.size, 3, 0.5);
    const { gradient } = logNoise(model, T);
    const scale = Math.max(...gradient.map(Math.abs));
    for (let i = 0; i < T.length; i++) {
      const shifted = (h: number) =>
        logNoise(
          model,
          T.map((t, k) => (k === i ? t + h : t)),
        ).value;
      const quotient = (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
      expect(Math.abs((gradient[i] as number) - quotient)).toBeLessThan(1e-6 * scale + 1e-8);
    }
  });

  it("is convex without clips: on segments, and in that all starts end at one value", async () => {
    const { model } = await prepared(convolutional(8), rounding);
    const f = (T: Float64Array) => logNoise(model, T).value;
    for (let seed = 0; seed < randomCases(20); seed++) {
      const [a, b] = [randomPoint(model.size, seed, 2), randomPoint(model.size, 100 + seed, 2)];
      const middle = a.map((v, i) => (v + (b[i] as number)) / 2);
      expect(f(middle)).toBeLessThanOrEqual((f(a) + f(b)) / 2 + 1e-12);
    }
    const least = minimum(model).value;
    for (const seed of [1, 2])
      expect(minimum(model, randomPoint(model.size, seed, 2)).value).toBeCloseTo(least, 3);
  });

  it("is nowhere less than at its minimum, closed forms included", async () => {
    for (const seed of [9, 10]) {
      const network = dense(seed);
      const { model, quantized } = await prepared(network, rounding);
      const least = minimum(model);
      const f = (T: Float64Array) => logNoise(model, T).value;
      const others = proposals(quantized, network.params, model, { steps: 1, powersOfTwo: false }).map(
        ({ T }) => T,
      );
      for (let k = 0; k < 20; k++) {
        const step = randomPoint(model.size, k, 0.1);
        others.push(step.map((v, i) => v + (least.T[i] as number)));
      }
      for (const T of others) expect(f(T)).toBeGreaterThanOrEqual(least.value - 1e-6);
    }
  });
});

it("with two units, the minimum is that of a fine grid", async () => {
  const { model } = await prepared(dense(11, { sizes: [3, 2, 2], spread: 2 }));
  expect(model.size).toBe(2);
  const least = minimum(model);
  let best = Number.POSITIVE_INFINITY;
  let [x, y] = [0, 0];
  for (let width = 9; width > 1e-3; width /= 4) {
    const [cx, cy] = [x, y];
    for (let i = -20; i <= 20; i++) {
      for (let j = -20; j <= 20; j++) {
        const T = Float64Array.of(cx + (i * width) / 20, cy + (j * width) / 20);
        const { value } = logNoise(model, T);
        if (value < best) [best, x, y] = [value, T[0] as number, T[1] as number];
      }
    }
  }
  expect(least.value).toBeCloseTo(best, 5);
});

it.each([0, 1, 2])(
  "with the damage of clips, starts end at various values; a descent goes on from the best start, network %i",
  async (seed) => {
    const network = dense(seed, { bound: 1 });
    const { model, quantized } = await prepared(network);
    const proposed = proposals(quantized, network.params, model, { steps: 100, powersOfTwo: false });
    const [least] = proposed.slice(-1).map(({ T }) => logNoise(model, T).value) as [number];
    const ends = proposed.slice(0, -1).map(({ T }) => minimum(model, T).value);
    expect(least).toBeLessThanOrEqual(Math.min(...ends) + 0.05);
    for (const { T } of proposed) expect(least).toBeLessThanOrEqual(logNoise(model, T).value);
  },
);
