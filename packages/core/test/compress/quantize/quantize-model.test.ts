import { describe, expect, it } from "vitest";
import type { QuantizationChoice } from "../../../src/compress/quantize/choices.js";
import type { Metric } from "../../../src/compress/quantize/measure-error.js";
import { quantizeModel } from "../../../src/compress/quantize/quantize-model.js";
import type { QuantizationProgress } from "../../../src/compress/quantize/quantize-options.js";
import { DataError } from "../../../src/errors.js";
import { compareModels } from "../../../src/model-file/compare/compare-models.js";
import { decodeModel, encodeModel } from "../../../src/runtime/onnx/codec.js";
import { smallNetwork } from "../../model-file/builder.js";
import { mobileNetV2 } from "../../model-file/mobilenet.js";
import { fileOf, node } from "../../nn/onnx/support.js";
import { networks } from "./networks.js";
import { normal } from "./support.js";
import { accuracyOf, digitImages, trainedDigits } from "./trained-digits.js";

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

const images = (count: number, seed = 0) => [{ x: normal(seed, [count, 3, 8, 8]) }];

describe("a quantized model", () => {
  it("keeps what a trained network says, in a file of less than half the size", async () => {
    const before = await trainedDigits();
    const metric: Metric = ([{ logits }]) => accuracyOf(logits, 1200);
    const result = await quantizeModel(before, { calibration, heldOut, metric });
    const { recommended, table, report } = result;
    // Four candidates, two granularities, with biases corrected or not.
    expect(table).toHaveLength(16);
    expect(recommended.sqnr).toBeGreaterThan(Math.max(...table.map(({ sqnr }) => sqnr)) - 0.1001);
    expect(recommended.sqnr).toBeGreaterThan(30);
    expect(recommended.agreement).toBeGreaterThan(0.98);
    expect(recommended.metric).toBeGreaterThan(0.9);
    expect(recommended.bytes).toBe(result.bytes.length);
    expect(recommended.bytes).toBeLessThan(before.length / 2);
    expect(report.nodes.filter(({ runs }) => runs === "QLinearConv")).toHaveLength(3);
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
    const even = find(table, "ranges equalized", "tensor", false);
    expect(even.sqnr).toBeGreaterThan(asItIs.sqnr + 10);
    const least = find(table, "noise minimized", "tensor", false);
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
    expect(table.map(({ granularity }) => granularity)).toEqual(["block", "block", "channel", "channel"]);
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

  it("is judged by the last quarter of the calibration where nothing is held out", async () => {
    const bytes = smallNetwork();
    const [whole, own, rest] = [images(12), images(12), images(12)];
    own[0].x = { shape: [9, 3, 8, 8], data: whole[0].x.data.slice(0, 9 * 192) };
    rest[0].x = { shape: [3, 3, 8, 8], data: whole[0].x.data.slice(9 * 192) };
    const split = await quantizeModel(bytes, { calibration: whole });
    const given = await quantizeModel(bytes, { calibration: own, heldOut: rest });
    expect(split.isSplit).toBe(true);
    expect(split.table).toEqual(given.table);
    const lists = [0, 1, 2, 3, 4].map((seed) => images(1, seed)[0]);
    const byBatch = await quantizeModel(bytes, { calibration: lists });
    const byHand = await quantizeModel(bytes, { calibration: lists.slice(0, 3), heldOut: lists.slice(3) });
    expect(byBatch.table).toEqual(byHand.table);
    await expect(quantizeModel(bytes, { calibration: images(1) })).rejects.toThrow(
      "two examples or more; or give heldOut",
    );
  });

  it("takes batches apart only where all inputs have equally many examples", async () => {
    const [w, s] = [normal(1, [3, 2]), normal(2, [])];
    const nodes = [node("Mul", ["x", "s"], {}, ["scaled"]), node("MatMul", ["scaled", "w"])];
    const given = { x: normal(3, [8, 3]), s };
    const fixed = decodeModel(fileOf({ inputs: given, initializers: { w }, nodes }));
    const inputs = fixed.graph.inputs.map((own) => (own.name === "x" ? { ...own, shape: ["n", 3] } : own));
    const bytes = encodeModel({ ...fixed, graph: { ...fixed.graph, inputs } });
    await expect(quantizeModel(bytes, { calibration: [given] })).rejects.toThrow("give two batches or more");
    const other = { x: normal(4, [8, 3]), s };
    const { table } = await quantizeModel(bytes, { calibration: [given, other] });
    const byHand = await quantizeModel(bytes, { calibration: [given], heldOut: [other] });
    expect(table).toEqual(byHand.table);
  });

  it("has the same errors in JavaScript, to what integers may differ by", async () => {
    const options = { calibration: images(12), heldOut: images(8, 1), granularity: "channel" } as const;
    const native = await quantizeModel(smallNetwork(), { ...options, runtime: "onnx" });
    const script = await quantizeModel(smallNetwork(), { ...options, runtime: "javascript" });
    for (const [i, { sqnr }] of native.table.entries()) {
      expect(Math.abs(script.table[i].sqnr - sqnr)).toBeLessThan(2);
    }
  });

  it.each(Object.entries(networks))("is close to the model in float: %s", async (_, { bytes, shape }) => {
    const batch = (count: number, seed: number) => [{ x: normal(seed, [count, ...shape]) }];
    const examples = { calibration: batch(32, 1), heldOut: batch(16, 2), equalize: false };
    for (const settings of [
      {},
      { activations: "int8" },
      { activations: "none" },
      { weights: "uint8", reduceRange: true },
    ] as const) {
      const { recommended } = await quantizeModel(bytes(), {
        ...examples,
        granularity: "channel",
        ...settings,
      });
      expect(recommended.sqnr).toBeGreaterThan(15);
    }
  });
});

describe("the work of a quantization", () => {
  it("ends after its budget, and says what it left out", async () => {
    const { table, skipped } = await quantizeModel(smallNetwork(), { calibration: images(8), budget: 1e-9 });
    expect(table).toHaveLength(1);
    expect(skipped).toEqual(
      ["as it is, per channel", "as it is, per tensor, biases corrected", "as it is, per tensor"]
        .concat(["other weights, per channel", "other weights, per tensor"])
        .map((what) => `${what}: the time was over`),
    );
  });

  it("tells of each step, and ends with the reason of its signal", async () => {
    const steps: string[] = [];
    const controller = new AbortController();
    const onProgress = ({ next }: QuantizationProgress) => {
      steps.push(next);
      if (steps.length === 2) controller.abort(new Error("enough"));
    };
    const options = { calibration: images(8), onProgress, signal: controller.signal };
    await expect(quantizeModel(smallNetwork(), options)).rejects.toThrow("enough");
    expect(steps).toEqual(["as it is, per channel, biases corrected", "as it is, per channel"]);
  });

  it("tries given files that compute the same, and no others", async () => {
    const bytes = smallNetwork();
    const candidates = [
      { name: "copy", bytes },
      { name: "another", bytes: smallNetwork({ seed: 5 }) },
    ];
    const { table, skipped } = await quantizeModel(bytes, {
      calibration: images(8),
      candidates,
      equalize: false,
    });
    expect(new Set(table.map(({ candidate }) => candidate))).toEqual(new Set(["as it is", "copy"]));
    expect(skipped.some((text) => text.startsWith("another: in float its outputs differ by"))).toBe(true);
  });

  it("refuses what does not fit", async () => {
    const bytes = smallNetwork();
    const run = (options: object) => quantizeModel(bytes, options as never);
    await expect(run({})).rejects.toThrow("calibration must be given");
    await expect(run({ calibration: [] })).rejects.toThrow("an empty list");
    await expect(run({ calibration: images(4), heldOut: images(0) })).rejects.toThrow(
      "heldOut must have examples",
    );
    await expect(run({ calibration: images(4), heldOut: [1] })).rejects.toThrow("heldOut must be a list");
    await expect(run({ calibration: images(4), granularity: "row" })).rejects.toThrow(
      "granularity must be one of tensor, channel, block",
    );
    await expect(run({ calibration: images(4), weightBits: 4 })).rejects.toThrow('activations: "none"');
    await expect(run({ calibration: [{ z: images(4)[0].x }] })).rejects.toThrow('input "x" is missing');
    await expect(quantizeModel(new Uint8Array(3), { calibration: images(4) })).rejects.toThrow(DataError);
  });

  it("is done within a deep network in a time that grows with its length", async () => {
    const calibration = [{ x: normal(1, [8, 3, 32, 32]) }];
    const options = { calibration, equalize: false, granularity: "channel" } as const;
    const { table } = await quantizeModel(mobileNetV2({ width: 0.25 }), options);
    expect(table).toHaveLength(2);
  });
});
