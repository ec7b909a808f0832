import { createRng } from "isoloss/data";
import { decodeModel } from "isoloss/onnx";
import { smallNetwork } from "isoloss-test-support/model-file/builder";
import { fileOf, float32, node } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { calibrate } from "../../src/quantize/calibrate.js";
import {
  BINS,
  entropyLimit,
  Histogram,
  leastErrorRange,
  percentileLimit,
} from "../../src/quantize/histogram.js";

const rectifier = (count: number) =>
  fileOf({ inputs: { x: float32(new Array(count).fill(0)) }, nodes: [node("Relu", ["x"])] });

const normals = (count: number, seed = 0) => {
  const rng = createRng(seed);
  return Float32Array.from({ length: count }, () => rng.normal());
};

const histogramOf = (data: Float32Array): Histogram => {
  const histogram = new Histogram(data.reduce((most, x) => Math.max(most, Math.abs(x)), 0));
  histogram.add(data);
  return histogram;
};

describe("calibration", () => {
  it("finds the least and the largest number of all batches, and 0", async () => {
    const batches = [
      [1, -2, 3],
      [4, 0, 1],
      [-3, 2, 2],
    ].map((x) => ({ x: float32(x) }));
    const values = ["x", "y"];
    const ranges = await calibrate(rectifier(3), batches, { values });
    expect([...ranges]).toEqual([
      ["x", { min: -3, max: 4 }],
      ["y", { min: 0, max: 4 }],
    ]);
    const positive = await calibrate(rectifier(2), [{ x: float32([2, 5]) }], { values });
    expect(positive.get("x")).toEqual({ min: 0, max: 5 });
  });

  it("finds the same in JavaScript as in ONNX Runtime, for any number of examples at once", async () => {
    const x = { shape: [20, 3, 6, 5], data: normals(1800) };
    const first = { shape: [11, 3, 6, 5], data: x.data.slice(0, 990) };
    const second = { shape: [9, 3, 6, 5], data: x.data.slice(990) };
    const bytes = smallNetwork();
    const names = [
      "x",
      "y",
      ...decodeModel(bytes)
        .graph.nodes.slice(0, -1)
        .map(({ outputs: [name] }) => name),
    ];
    const whole = await calibrate(bytes, [{ x }], { values: names, runtime: "onnx" });
    const parts = await calibrate(bytes, [{ x: first }, { x: second }], {
      values: names,
      runtime: "javascript",
    });
    for (const name of names) {
      expect(parts.get(name)?.min).toBeCloseTo(whole.get(name)?.min ?? Number.NaN, 5);
      expect(parts.get(name)?.max).toBeCloseTo(whole.get(name)?.max ?? Number.NaN, 5);
    }
  });

  it("clips at the percentile of magnitudes, on either side", async () => {
    // Magnitudes 1 to 1000: 99 % are at most 990; a bin is about half a unit wide.
    const x = float32(Array.from({ length: 1000 }, (_, i) => (i % 4 === 0 ? -(i + 1) : i + 1)));
    const options = { values: ["x", "y"], method: "percentile", percentile: 99 } as const;
    const ranges = await calibrate(rectifier(1000), [{ x }], options);
    expect(Math.abs((ranges.get("x")?.max ?? 0) - 990)).toBeLessThan(1);
    expect(Math.abs((ranges.get("x")?.min ?? 0) + 990)).toBeLessThan(1);
    // A relu leaves zeros, which count, too.
    expect(ranges.get("y")?.min).toBe(0);
    const all = await calibrate(rectifier(1000), [{ x }], { ...options, percentile: 100 });
    expect(all.get("x")).toEqual({ min: -997, max: 1000 });
  });

  it.each(["percentile", "entropy"] as const)("leaves an outlier outside by %s", async (method) => {
    const data = normals(30_000);
    const x = { shape: [30_000], data: Float32Array.from([...data.slice(1), 40]) };
    const options = { values: ["x", "y"], method } as const;
    const ranges = await calibrate(rectifier(30_000), [{ x }], options);
    for (const name of ["x", "y"]) {
      expect(ranges.get(name)?.max).toBeLessThan(20);
      expect(ranges.get(name)?.max).toBeGreaterThan(2);
    }
  });

  it("keeps the range of a value that is 0 everywhere", async () => {
    for (const method of ["minMax", "percentile", "entropy", "mse"] as const) {
      const ranges = await calibrate(rectifier(2), [{ x: float32([-1, -2]) }], { values: ["y"], method });
      expect(ranges.get("y")).toEqual({ min: 0, max: 0 });
    }
  });

  it("says what is wrong with examples", async () => {
    const bytes = rectifier(2);
    const options = { values: ["y"] };
    await expect(calibrate(bytes, [], options)).rejects.toThrow(/must be a list of batches.*an empty list/);
    await expect(calibrate(bytes, { x: float32([1]) } as never, options)).rejects.toThrow(/list of batches/);
    await expect(calibrate(bytes, [{ z: float32([1, 2]) }], options)).rejects.toThrow(
      'calibrate: batches[0]: the model\'s input "x" is missing; its inputs are x, the batch has z.',
    );
    const endless = [{ x: float32([1, Number.POSITIVE_INFINITY]) }];
    await expect(calibrate(bytes, endless, options)).rejects.toThrow(
      'calibrate: batches[0]: the array for "x" has numbers that are not finite',
    );
    const logarithm = fileOf({ inputs: { x: float32([1, 2]) }, nodes: [node("Log", ["x"])] });
    await expect(calibrate(logarithm, [{ x: float32([1, 0]) }], options)).rejects.toThrow(
      '"y" has numbers that are not finite',
    );
    const integers = fileOf({ inputs: { x: float32([1, 2]) }, nodes: [node("Shape", ["x"])] });
    await expect(calibrate(integers, [{ x: float32([1, 2]) }], options)).rejects.toThrow('"y" has no floats');
    const none = [{ x: float32([1, 2]) }, { x: float32([], [0]) }];
    await expect(calibrate(bytes, none, options)).rejects.toThrow(
      /must have examples.*"x" has the shape \[0\]/,
    );
    await expect(calibrate(bytes, [{ x: float32([1, 2]) }], { values: ["z"] })).rejects.toThrow(
      'The model has no value "z"',
    );
  });

  it("ends with the reason of its signal", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    const examples = [{ x: float32([1, 2]) }];
    await expect(calibrate(rectifier(2), examples, { values: ["y"], signal })).rejects.toThrow("enough");
  });
});

describe("limits from histograms", () => {
  it("have the least divergence, by a plain loop over the bins", () => {
    for (const seed of [1, 2, 3]) {
      const histogram = histogramOf(normals(5000, seed).map((x) => x ** 3));
      const plain = plainEntropyLimit(histogram, 128);
      expect(entropyLimit(histogram, 128)).toBeCloseTo(plain, 10);
    }
  });

  it("keep all of evenly spread numbers by entropy", () => {
    const even = Float32Array.from({ length: 8 * BINS }, (_, i) => i / (8 * BINS - 1));
    expect(entropyLimit(histogramOf(even), 256)).toBe(1);
  });

  it("have the least squared error, by rounding all numbers at each ratio", () => {
    const data = normals(4000, 7).map(Math.abs);
    const range = { min: 0, max: data.reduce((a, b) => Math.max(a, b)) };
    const errorAt = (ratio: number) => {
      const scale = (range.max * ratio) / 15;
      return data.reduce((sum, x) => sum + (Math.min(15, Math.round(x / scale)) * scale - x) ** 2, 0);
    };
    const least = Math.min(...Array.from({ length: 100 }, (_, k) => errorAt((k + 1) / 100)));
    const found = leastErrorRange(histogramOf(data), range, 15);
    expect(errorAt(found.max / range.max)).toBeLessThan(1.1 * least);
    expect(least).toBeLessThan(0.8 * errorAt(1));
  });

  it("count what a percentile leaves outside", () => {
    const data = normals(20_000, 5);
    const limit = percentileLimit(histogramOf(data), 99);
    const inside = data.filter((x) => Math.abs(x) <= limit).length / data.length;
    expect(Math.abs(inside - 0.99)).toBeLessThan(0.001);
  });
});

function plainEntropyLimit(histogram: Histogram, levels: number): number {
  const counts = [...histogram.magnitudes()];
  const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);
  let [best, least] = [BINS, Infinity];
  for (let bins = levels; bins <= BINS; bins++) {
    const p = counts.slice(0, bins);
    p[bins - 1] += sum(counts.slice(bins));
    const q = counts.slice(0, bins);
    for (let level = 0; level < levels; level++) {
      const [from, to] = [level, level + 1].map((k) => Math.floor((k * bins) / levels));
      const own = counts.slice(from, to);
      const filled = own.filter((n) => n > 0).length;
      for (let i = from; i < to; i++) q[i] = counts[i] > 0 ? sum(own) / filled : 0;
    }
    const [sumP, sumQ] = [sum(p), sum(q)];
    if (q[bins - 1] === 0) q[bins - 1] = 0.5;
    let divergence = 0;
    for (let i = 0; i < bins; i++) {
      if (p[i] > 0) divergence += (p[i] / sumP) * Math.log(p[i] / sumP / (q[i] / sumQ));
    }
    if (divergence <= least) [best, least] = [bins, divergence];
  }
  return (best * histogram.limit) / BINS;
}
