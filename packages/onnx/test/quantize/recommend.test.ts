// Which file is recommended: by errors that are made up, and of networks where there is nothing to choose by.

import { createTrainer, mlp, type NdArray, takeRows } from "isoloss";
import { createRng, digits } from "isoloss/data";
import { modelToOnnx } from "isoloss/onnx";
import { adam } from "isoloss/optim";
import { normal } from "isoloss-test-support/compress/quantize/support";
import { Builder } from "isoloss-test-support/model-file/builder";
import { randomCases } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { fromOnnx } from "../../src/import/from-onnx.js";
import type { Trial } from "../../src/quantize/choices.js";
import { quantizeModel } from "../../src/quantize/quantize-model.js";
import { complexityOf, partsOf, recipeParts } from "../../src/quantize/recipe-parts.js";
import { recommend, sqnrDifference } from "../../src/quantize/recommend.js";
import { images } from "./quantize-model-support.js";

interface Made {
  readonly candidate?: string;
  readonly isCompensated?: boolean;
  readonly isBiasCorrected?: boolean;
  readonly bytes?: number;
}

/** A trial with squared errors of examples whose squared outputs are 1000. */
function trial(noise: readonly number[], made: Made = {}): Trial {
  const examples = noise.map((own) => ({ signal: 1000, noise: own }));
  const sum = noise.reduce((a, b) => a + b, 0);
  const sqnr = Number.isFinite(sum) ? 10 * Math.log10((1000 * noise.length) / sum) : -Infinity;
  const choice = { candidate: "as it is", isCompensated: false, isBiasCorrected: false, bytes: 100, ...made };
  return { choice: { ...choice, sqnr, examples } } as unknown as Trial;
}

const between = (count: number, low: number, high: number, seed = 1) => {
  const rng = createRng(seed);
  return Array.from({ length: count }, () => low * (high / low) ** rng.next());
};

describe("the recommended file", () => {
  const plain = between(16, 1, 2);
  const moved = { candidate: "least noise" };

  it("is that of the best recipe where it has half the error in every example, not where in some alone", () => {
    const better = trial(
      plain.map((noise, i) => (0.5 + 0.01 * (i % 3)) * noise),
      moved,
    );
    expect(recommend([trial(plain), better], 0.95)).toEqual({ trial: better, isResolved: true });
    const some = trial(
      plain.map((noise, i) => (i % 2 === 0 ? 0.1 : 1.6) * noise),
      moved,
    );
    const chosen = recommend([trial(plain), some], 0.95);
    expect(chosen.trial.choice.candidate).toBe("as it is");
    expect(chosen.isResolved).toBe(false);
  });

  it("is not decided by a single example that carries the error", () => {
    const carried = [1000, ...plain.slice(1)];
    const better = trial([100, ...plain.slice(1)], moved);
    expect(better.choice.sqnr - trial(carried).choice.sqnr).toBeGreaterThan(8);
    expect(recommend([trial(carried), better], 0.95).trial.choice.candidate).toBe("as it is");
  });

  it("is one with a sure lead, where the best one's is carried by few examples", () => {
    const simple = trial([22, 3, 35, 41, 11, 11, 54, 14]);
    const better = trial([0.6, 2, 0.2, 0.3, 2.8, 0.7, 0.2, 0.05], moved);
    const best = trial([0.01, 6.5, 0.01, 0.02, 0.01, 0.01, 0.02, 0.01], { ...moved, isCompensated: true });
    const level = 1 - 0.05 / 20;
    expect(recommend([simple, best], level).trial).toBe(simple);
    expect(recommend([simple, better, best], level)).toEqual({ trial: better, isResolved: false });
  });

  it("is never one that has no lead over the simpler one that it replaces", () => {
    const simple = trial(plain);
    const doubtful = trial([400, ...plain.slice(1)], { isBiasCorrected: true });
    const better = trial(
      plain.map((noise, i) => (0.5 + 0.01 * (i % 3)) * noise),
      moved,
    );
    expect(doubtful.choice.sqnr).toBeLessThan(simple.choice.sqnr - 3);
    const level = 1 - 0.05 / 2;
    expect(sqnrDifference(better.choice, doubtful.choice, level).interval?.[0]).toBeLessThan(0.1);
    expect(recommend([simple, doubtful, better], level)).toEqual({ trial: better, isResolved: false });
  });

  it("is the simplest within the spread, and the smallest of equally simple ones", () => {
    const near = (seed: number) => plain.map((noise, i) => noise * between(16, 0.9, 1.1, seed)[i]);
    const trials = [
      trial(near(2), { ...moved, bytes: 10 }),
      trial(near(3), { isCompensated: true, bytes: 20 }),
      trial(near(4), { isBiasCorrected: true, bytes: 30 }),
      trial(near(5), { bytes: 50 }),
      trial(near(6), { bytes: 40 }),
    ];
    expect(recommend(trials, 0.95).trial).toBe(trials[4]);
    expect(recommend(trials.slice(0, 3), 0.95).trial).toBe(trials[2]);
    expect(recommend(trials.slice(0, 2), 0.95).trial).toBe(trials[1]);
  });

  it("is another one than a file that is not finite, and than one that is sure to be worse than none", () => {
    const broken = trial([...plain.slice(1), Number.NaN]);
    const better = trial(plain, moved);
    expect(recommend([broken, better], 0.95).trial).toBe(better);
    const exact = trial(
      plain.map(() => 0),
      moved,
    );
    expect(recommend([trial(plain), exact], 0.95).trial).toBe(exact);
  });

  it("is a better one that errs much in one example alone, where it leads in all of them", () => {
    const noise = [20.5, 19, 22, 18, 21, 20, 17, 22.5];
    const lines = [0.05, 0.1, 0.04, 0.06, 2.1, 0.08, 0.05, 0.3];
    const level = 1 - 0.05 / 20;
    const better = trial(lines, moved);
    expect(recommend([trial(noise), better], level)).toEqual({ trial: better, isResolved: true });
    const { interval } = sqnrDifference(better.choice, trial(noise).choice, level);
    // At the end of Fieller's interval the t-test of noise - ratio lines is just at its quantile, t(0.99875, 7) = 4.593.
    expect(tOf(noise, lines, 10 ** ((interval?.[0] ?? 0) / 10))).toBeCloseTo(4.593, 2);
    const one = trial([0, 0, 0, 0, 2, 0, 0, 0], moved);
    expect(recommend([trial(noise), one], level).trial).toBe(one);
    expect(sqnrDifference(one.choice, trial(noise).choice, level).interval?.[1]).toBe(
      Number.POSITIVE_INFINITY,
    );
  });

  it("is the better one where a single example does not carry its lead, and most agree", () => {
    const [signal, plain, better] = [
      [150, 29, 740, 12, 12, 0.67, 1.1, 7.1],
      [48.5, 51.9, 13.7, 26.7, 27.2, 18, -10.1, 19.5],
      [51.8, 34.1, 53.4, 39.6, 49.9, 26.2, 32, 22.5],
    ];
    const noiseOf = (sqnr: readonly number[]) => signal.map((own, i) => own / 10 ** (sqnr[i] / 10));
    const [simple, moving] = [trial(noiseOf(plain)), trial(noiseOf(better), moved)];
    expect(recommend([simple, moving], 1 - 0.05 / 5).trial).toBe(moving);
    // Two of eight against it are too many.
    const fewer = trial(noiseOf([48, ...better.slice(1)]), moved);
    expect(recommend([simple, fewer], 1 - 0.05 / 5).trial).toBe(simple);
  });

  it("stays the simple one where twenty others as good err rarely, in 95 % of cases", () => {
    const rng = createRng(3);
    const runs = 200;
    let wrong = 0;
    for (let k = 0; k < runs; k++) {
      const all = Array.from({ length: 21 }, (_, i) => {
        const noise = Array.from({ length: 8 }, () => 0.01 + 0.01 * rng.next() + (rng.next() < 0.1 ? 2 : 0));
        return trial(noise, i === 0 ? {} : moved);
      });
      if (recommend(all, 1 - 0.05 / 20).trial !== all[0]) wrong++;
    }
    // Two standard deviations of such a share above 5 %.
    expect(wrong / runs).toBeLessThan(0.08);
  });

  it("has the interval of the jackknife or of the ratios of examples where Fieller's is wider", () => {
    const [own, other] = [
      [1, 3, 2, 8],
      [2, 5, 4.5, 15],
    ];
    const { decibels: difference, interval } = sqnrDifference(trial(own).choice, trial(other).choice, 0.95);
    const sum = (values: readonly number[]) => values.reduce((x, y) => x + y);
    const decibels = (a: readonly number[], b: readonly number[]) => 10 * Math.log10(sum(b) / sum(a));
    expect(difference).toBeCloseTo(decibels(own, other), 12);
    const without = own.map((_, k) =>
      decibels(
        own.filter((_, i) => i !== k),
        other.filter((_, i) => i !== k),
      ),
    );
    const spread = (values: readonly number[]) =>
      Math.sqrt(sum(values.map((v) => (v - sum(values) / 4) ** 2)));
    // t(0.975, 3) = 3.182446.
    const half = 3.182446 * Math.sqrt(3 / 4) * spread(without);
    const ratios = own.map((v, i) => 10 * Math.log10(other[i] / v));
    const halfOfRatios = (3.182446 * spread(ratios)) / Math.sqrt(12);
    const low = Math.min(difference - half, sum(ratios) / 4 - halfOfRatios);
    const high = Math.max(difference + half, sum(ratios) / 4 + halfOfRatios);
    expect(interval?.[0]).toBeCloseTo(low, 4);
    expect(interval?.[1]).toBeCloseTo(high, 4);
    expect(Math.abs(tOf(other, own, 10 ** (low / 10)))).toBeLessThan(3.182446);
    const { interval: reversed } = sqnrDifference(trial(other).choice, trial(own).choice, 0.95);
    expect(reversed?.[0]).toBeCloseTo(-high, 4);
    expect(reversed?.[1]).toBeCloseTo(-low, 4);
    expect(sqnrDifference(trial([1]).choice, trial([2]).choice, 0.95).interval).toBeUndefined();
  });

  it("is found of more examples than 2^-n tells apart from 0", () => {
    const [own, other] = [1, 2].map((seed) => trial(between(1100, 1, 2, seed)).choice);
    const { decibels, interval } = sqnrDifference(own, other, 0.95);
    expect(interval?.[0]).toBeLessThan(decibels);
    expect(interval?.[1]).toBeGreaterThan(decibels);
  });
});

/** The t-statistic of the mean of a - ratio b. */
function tOf(a: readonly number[], b: readonly number[], ratio: number): number {
  const differences = a.map((v, i) => v - ratio * b[i]);
  const mean = differences.reduce((x, y) => x + y) / a.length;
  const variance = differences.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (a.length - 1);
  return mean / Math.sqrt(variance / a.length);
}

describe("the parts of recipes", () => {
  it("rank recipes by the most complex part, and know the names of earlier versions", () => {
    const row = (candidate: string, isCompensated = false, isBiasCorrected = false) => ({
      candidate,
      activations: "uint8" as const,
      isCompensated,
      isBiasCorrected,
    });
    const rows = [
      row("as it is"),
      { ...row("as it is"), activations: "dynamic" as const },
      row("as it is", false, true),
      row("as it is", true),
      row("as it is", true, true),
      row("equal weight ranges"),
      row("least weight noise", true, true),
      row("least noise"),
      row("least noise, biases absorbed"),
      row("rotated"),
      row("a file of my own"),
    ];
    const ranks = rows.map(complexityOf);
    expect(ranks).toEqual([...new Set(ranks)].sort((a, b) => a - b));
    for (const [old, name] of [
      ["ranges equalized", "equal weight ranges"],
      ["weights alone", "least weight noise"],
      ["noise minimized", "least noise"],
    ]) {
      expect(partsOf(row(old))).toEqual(partsOf(row(name)));
      expect(complexityOf(row(old, true))).toBe(complexityOf(row(name, true)));
    }
    expect(new Set(recipeParts.map(({ name }) => name)).size).toBe(recipeParts.length);
  });
});

/** What is recommended, on many examples. */
async function recommended(bytes: Uint8Array, calibration: NdArray, heldOut: NdArray) {
  const [{ name }] = fromOnnx(bytes).inputs;
  const result = await quantizeModel(bytes, {
    calibration: [{ [name]: calibration }],
    heldOut: [{ [name]: heldOut }],
  });
  expect(result.table.length).toBeGreaterThan(15);
  return result.recommended;
}

describe("a model with nothing to choose by", () => {
  it("of constant outputs gets the simplest recipe", async () => {
    const b = new Builder({ seed: 1 });
    const hidden = b.node("Relu", [b.conv("x", 3, 4, { size: 3, bias: true })]);
    const pooled = b.node("Flatten", [b.node("GlobalAveragePool", [hidden])]);
    const zero = b.constant("w", { shape: [4, 5], data: new Float32Array(20) });
    const bytes = b.bytes(["batch", 3, 8, 8], b.node("Gemm", [pooled, zero, b.weights("bias", [5])]));
    const [calibration, heldOut] = [images(32, 1), images(64, 2)].map(([{ x }]) => x);
    expect(await recommended(bytes, calibration, heldOut)).toMatchObject({
      candidate: "as it is",
      isCompensated: false,
      isBiasCorrected: false,
    });
  });

  it.each(Array.from({ length: randomCases(3) }, (_, seed) => seed))(
    "that was trained on random labels gets the simplest recipe: %i",
    async (seed) => {
      const { images: all } = digits();
      const rows = (from: number, count: number) =>
        takeRows(
          all,
          Array.from({ length: count }, (_, i) => from + i),
        );
      const rng = createRng(seed);
      const labels = { shape: [300], data: BigInt64Array.from({ length: 300 }, () => BigInt(rng.int(10))) };
      const model = mlp({ sizes: [64, 32, 32, 10] });
      const settings = { optimizer: adam(), learningRate: 0.003, batchSize: 60, seed };
      const trainer = await createTrainer({ model, data: { inputs: rows(0, 300), labels }, ...settings });
      await trainer.run({ steps: 200 });
      const { params } = trainer.current;
      await trainer.dispose();
      const bytes = modelToOnnx(model, { params, state: {} }, { example: [64] });
      const found = await recommended(bytes, rows(600, 32), rows(700 + 20 * seed, 32));
      expect(found).toMatchObject({ candidate: "as it is", isCompensated: false, isBiasCorrected: false });
    },
  );

  it("has more examples choose while they leave the best open, and no more where they tell", async () => {
    const w = normal(1, [16, 8]);
    const b = new Builder();
    const bytes = b.bytes(["batch", 16], b.node("MatMul", ["x", b.constant("w", w)]));
    const steps: string[] = [];
    const run = async (options: object) => {
      steps.length = 0;
      const { heldOut } = await quantizeModel(bytes, {
        calibration: [{ x: normal(2, [64, 16]) }],
        heldOut: [{ x: normal(3, [300, 16]) }],
        onProgress: ({ next }) => steps.push(next),
        ...options,
      });
      return [heldOut.choosing, steps.filter((step) => step.endsWith("that choose"))];
    };
    // Per channel or per tensor, by GPTQ or not: hardly different. 4 bits: by far.
    expect(await run({})).toEqual([150, ["64 examples that choose", "150 examples that choose"]]);
    expect(await run({ activations: "none", weightBits: 4 })).toEqual([16, []]);
  });
});
