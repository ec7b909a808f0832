import { profiledKernels } from "isoloss/internal-node";
import { normal } from "isoloss-test-support/compress/quantize/support";
import { opened, smallNetwork } from "isoloss-test-support/model-file/builder";
import { describe, expect, it } from "vitest";
import { compareModels } from "../../src/model-file/compare/compare-models.js";
import type { QuantizationChoice } from "../../src/quantize/choices.js";
import { withHeldOut } from "../../src/quantize/examples.js";
import type { Metric } from "../../src/quantize/measure-error.js";
import { quantizeModel } from "../../src/quantize/quantize-model.js";
import { mobileNetV2 } from "../model-file/mobilenet.js";
import { images } from "./quantize-model-support.js";
import { accuracyOf, digitImages, digitLabels, trainedDigits } from "./trained-digits.js";

const calibration = [{ x: digitImages(0, 64) }, { x: digitImages(64, 64) }];

const heldOut = [{ x: digitImages(1200, 200) }];

const find = (
  table: readonly QuantizationChoice[],
  candidate: string,
  granularity: string,
  isBiasCorrected: boolean,
) => {
  const row = table.find(
    (own) =>
      own.candidate === candidate &&
      own.granularity === granularity &&
      own.isBiasCorrected === isBiasCorrected,
  );
  if (row === undefined) throw new Error(`no row ${candidate}, ${granularity}`);
  return row;
};

describe("a quantized model", () => {
  it("keeps what a trained network says, in a file of less than half the size", async () => {
    const before = await trainedDigits();
    const metric: Metric = {
      labels: digitLabels(1200, 200),
      score: ([{ logits }], [labels]) => accuracyOf(logits, labels),
    };
    const result = await quantizeModel(before, { calibration, heldOut, metric });
    const { recommended, table } = result;
    // Four candidates, two granularities, with biases corrected or not; then GPTQ.
    expect(table.filter(({ isCompensated }) => !isCompensated)).toHaveLength(16);
    const best = table.reduce((a, b) => (b.sqnr > a.sqnr ? b : a));
    expect(best.difference.interval?.[0]).toBeLessThanOrEqual(0.1);
    expect(recommended.sqnr).toBeGreaterThan(30);
    expect(recommended.agreement).toBeGreaterThan(0.98);
    expect(recommended.metric).toBeGreaterThan(0.9);
    expect(result.judged?.metric).toBeGreaterThan(0.9);
    expect(recommended.bytes).toBe(result.bytes.length);
    expect(recommended.bytes).toBeLessThan(before.length / 2);
    const kernels = await profiledKernels(result.bytes, heldOut[0]);
    expect(kernels.find(({ kernel }) => kernel === "QLinearConv")?.count).toBe(3);
    expect(result.isSplit).toBe(false);
    // The file is the one that was measured.
    const { outputs } = await compareModels(before, result.bytes, { inputs: heldOut, runtime: "javascript" });
    expect(Math.abs(outputs[0].relative - recommended.largest)).toBeLessThan(0.02);
  });

  it("is repaired by equal ranges where whole tensors have a scale and units are of unlike sizes", async () => {
    const before = await trainedDigits({ spread: 1.5 });
    const options = { calibration, heldOut, granularity: "tensor" } as const;
    const { table, recommended } = await quantizeModel(before, options);
    const asItIs = find(table, "as it is", "tensor", false);
    const even = find(table, "equal weight ranges", "tensor", false);
    expect(even.sqnr).toBeGreaterThan(asItIs.sqnr + 10);
    const least = find(table, "least noise", "tensor", false);
    expect(least.sqnr).toBeGreaterThan(asItIs.sqnr + 10);
    expect(recommended.candidate).not.toBe("as it is");
  });

  it("has less error with corrected biases where rounding shifts means", async () => {
    const before = await trainedDigits({ spread: 1.5 });
    const options = { calibration, heldOut, equalize: false, granularity: "tensor" } as const;
    const { table } = await quantizeModel(before, options);
    const [corrected, plain] = [true, false].map((own) => find(table, "as it is", "tensor", own));
    expect(corrected.sqnr).toBeGreaterThan(plain.sqnr + 1);
  });

  it("has weights of 4 bits, in blocks or channels, that corrected biases make better", async () => {
    const before = await trainedDigits();
    const options = { calibration, heldOut, equalize: false, activations: "none", weightBits: 4 } as const;
    const { table, recommended } = await quantizeModel(before, options);
    const nearest = table.filter(({ isCompensated }) => !isCompensated);
    expect(nearest.map(({ granularity }) => granularity)).toEqual(["block", "block", "channel", "channel"]);
    const best = Math.max(...nearest.map(({ sqnr }) => sqnr));
    expect(Math.max(...table.map(({ sqnr }) => sqnr))).toBeGreaterThan(best + 2);
    const [corrected, plain] = [true, false].map((own) => find(table, "as it is", "channel", own));
    expect(corrected.sqnr).toBeGreaterThan(plain.sqnr);
    expect(recommended.sqnr).toBeGreaterThan(10);
  });

  it("leaves layers in float until a limit is kept, those first that cost most", async () => {
    const before = await trainedDigits({ spread: 1 });
    const options = { calibration, heldOut, granularity: "tensor", equalize: false } as const;
    const free = await quantizeModel(before, options);
    const limit = free.recommended.sqnr + 6;
    const { recommended, sensitivities, isWithinLimit, table } = await quantizeModel(before, {
      ...options,
      limit,
    });
    expect(isWithinLimit).toBe(true);
    expect(recommended.sqnr).toBeGreaterThan(limit);
    expect(recommended.left.length).toBeGreaterThan(0);
    expect(recommended.left.length).toBeLessThan(4);
    expect(recommended.left).toEqual(
      sensitivities.slice(0, recommended.left.length).map(({ layer }) => layer),
    );
    const costs = sensitivities.map(({ sqnr }) => sqnr);
    expect(costs).toEqual([...costs].sort((a, b) => a - b));
    expect(sensitivities).toHaveLength(4);
    expect(table.at(-1)).toEqual(recommended);
    const loose = await quantizeModel(before, { ...options, limit: 1 });
    expect(loose.isWithinLimit).toBe(true);
    expect(loose.sensitivities).toEqual([]);
  });

  it("is judged by half of the calibration where nothing is held out", async () => {
    const bytes = smallNetwork();
    const whole = images(12);
    const split = await quantizeModel(bytes, { calibration: whole });
    const given = await quantizeModel(bytes, withHeldOut(opened(bytes), whole));
    expect(split.isSplit).toBe(true);
    expect(split.table).toEqual(given.table);
    const lists = [0, 1, 2, 3, 4].map((seed) => images(1, seed)[0]);
    const byBatch = await quantizeModel(bytes, { calibration: lists });
    const byHand = await quantizeModel(bytes, withHeldOut(opened(bytes), lists));
    expect(byBatch.table).toEqual(byHand.table);
    await expect(quantizeModel(bytes, { calibration: images(1) })).rejects.toThrow(
      "two examples or more; or give heldOut",
    );
  });
});

describe("the work of a quantization", () => {
  it("is done within a deep network in a time that grows with its length", async () => {
    const calibration = [{ x: normal(1, [8, 3, 32, 32]) }];
    const options = { calibration, equalize: false, granularity: "channel" } as const;
    const { table } = await quantizeModel(mobileNetV2({ width: 0.25 }), options);
    expect(table.filter(({ isCompensated }) => !isCompensated)).toHaveLength(2);
    expect(table.some(({ isCompensated }) => isCompensated)).toBe(true);
  });
});
