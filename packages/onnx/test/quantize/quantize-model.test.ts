import { DataError, type NdArray } from "isoloss";
import { decodeModel, encodeModel } from "isoloss/onnx";
import { networks } from "isoloss-test-support/compress/quantize/networks";
import { normal } from "isoloss-test-support/compress/quantize/support";
import { Builder, smallNetwork } from "isoloss-test-support/model-file/builder";
import { transformer, transformerInputs } from "isoloss-test-support/model-file/transformer";
import { fileOf, node } from "isoloss-test-support/nn/onnx/support";
import { sampledRows } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { ints } from "../../../core/src/runtime/onnx/schema.js";
import { calibrate } from "../../src/quantize/calibrate.js";
import { quantizeModel } from "../../src/quantize/quantize-model.js";
import type { QuantizationProgress, QuantizeModelOptions } from "../../src/quantize/quantize-options.js";
import { quantizeWeights } from "../../src/quantize/quantize-weights.js";
import { images } from "./quantize-model-support.js";

/**
 * A block of attention and perceptron on [batch, 4, 16]. Two channels of what its norms give are 30 times as large as the
 * others, and the rows that read them are 30 times smaller: rounded with the others of a channel or block, they lose their bits.
 */
function peakedTransformer(): Uint8Array {
  const b = new Builder({ seed: 3 });
  const peaked = (data: NdArray, width: number, factor: number): NdArray => ({
    ...data,
    data: (data.data as Float32Array).map((v, i) =>
      [3, 11].includes(Math.floor(i / width)) ? factor * v : v,
    ),
  });
  const norm = (x: string) => {
    const gain = peaked({ shape: [16], data: new Float32Array(16).fill(1) }, 1, 30);
    return b.node("LayerNormalization", [x, b.constant("gain", gain), b.weights("shift", [16], 0.1)]);
  };
  const read = (x: string, to: number, seed: number) => {
    const weight = normal(seed, [16, to]);
    const scaled = { ...weight, data: (weight.data as Float32Array).map((v) => v / 4) };
    return b.node("MatMul", [x, b.constant("w", peaked(scaled, to, 1 / 30))]);
  };
  const h = norm("x");
  const [q, k, v] = [1, 2, 3].map((seed) => read(h, 16, seed));
  const scores = b.node("MatMul", [q, b.node("Transpose", [k], { perm: ints([0, 2, 1]) })]);
  const mixed = b.node("MatMul", [b.node("Softmax", [scores]), v]);
  const stream = b.node("Add", ["x", b.product(mixed, 16, 16)]);
  const inner = b.product(b.node("Relu", [read(norm(stream), 32, 4)]), 32, 16);
  return b.bytes(["batch", 4, 16], read(norm(b.node("Add", [stream, inner])), 5, 5));
}

describe("a quantized model", () => {
  it("keeps the scores of attention to which a mask of -1e4 is added", async () => {
    const options = { layers: 1, norm: "rms", length: 16 } as const;
    const batches = [0, 1, 2, 3].map((seed) => transformerInputs({ ...options, seed }));
    const { recommended } = await quantizeModel(transformer(options), {
      ...{ calibration: batches.slice(0, 3), heldOut: batches.slice(3), activations: "uint8" },
      ...{ granularity: "channel", equalize: false, compensate: false, biasCorrection: false },
    });
    expect(recommended.sqnr).toBeGreaterThan(25);
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
    const options = {
      calibration: images(12),
      heldOut: images(8, 1),
      granularity: "channel",
      equalize: false,
    } as const;
    const native = await quantizeModel(smallNetwork(), { ...options, runtime: "onnx" });
    const script = await quantizeModel(smallNetwork(), { ...options, runtime: "javascript" });
    for (const [i, { sqnr }] of native.table.entries()) {
      expect(Math.abs(script.table[i].sqnr - sqnr)).toBeLessThan(2);
    }
  });

  it("has rows of rotated spaces where that is asked for, which compute the same before they are rounded", async () => {
    // Two linear maps with 4 values between them, of very unequal ranges.
    const [inner, outer] = [normal(1, [6, 4]), normal(2, [4, 5])];
    for (let k = 0; k < 6; k++) (inner.data as Float32Array)[4 * k] *= 30;
    const nodes = [node("MatMul", ["x", "inner"], {}, ["h"]), node("MatMul", ["h", "outer"])];
    const given = (seed: number) => ({ x: normal(seed, [512, 6]) });
    const fixed = decodeModel(fileOf({ inputs: given(3), initializers: { inner, outer }, nodes }));
    const bytes = encodeModel(fixed);
    const options = { calibration: [given(3), given(4)], equalize: false, granularity: "tensor" } as const;
    const names = ({ table }: Awaited<ReturnType<typeof quantizeModel>>) =>
      new Set(table.map(({ candidate }) => candidate));
    expect(names(await quantizeModel(bytes, options))).toEqual(new Set(["as it is"]));
    const turned = await quantizeModel(bytes, { ...options, rotate: true });
    expect(names(turned)).toEqual(new Set(["as it is", "rotated"]));
    const best = (name: string) =>
      Math.max(...turned.table.filter(({ candidate }) => candidate === name).map(({ sqnr }) => sqnr));
    // One of the values between has nearly all of the range as it is.
    expect(best("rotated") - best("as it is")).toBeGreaterThan(2);
    expect(best("rotated")).toBeGreaterThan(30);
    const { skipped } = await quantizeModel(smallNetwork(), {
      calibration: images(8),
      equalize: false,
      rotate: true,
    });
    expect(skipped).toContain("rotated: the model has no space that linear maps or lengths alone touch");
  });

  const rotatedSettings = [
    { weightBits: 8, granularity: "channel" },
    { weightBits: 8, granularity: "block" },
    { weightBits: 4, granularity: "block" },
  ] as const;
  it.each(sampledRows(rotatedSettings))(
    "of a transformer with outliers in its stream has rows of other weights, which are 6 dB better: $weightBits bits per $granularity",
    async (settings) => {
      const bytes = peakedTransformer();
      const { table } = await quantizeModel(bytes, {
        activations: "none",
        biasCorrection: false,
        blockSize: 16,
        ...settings,
        calibration: [{ x: normal(1, [16, 4, 16]) }],
        heldOut: [{ x: normal(2, [8, 4, 16]) }],
      });
      const names = ["as it is", "equal weight ranges", "least noise"];
      const nearest = table.filter(({ isCompensated }) => !isCompensated);
      expect(nearest.map(({ candidate, granularity }) => [candidate, granularity])).toEqual(
        names.map((name) => [name, settings.granularity]),
      );
      expect(nearest[2].sqnr - nearest[0].sqnr).toBeGreaterThan(6);
      // The best of them, and the best of the weights as they are.
      expect(table.slice(3).map(({ candidate }) => candidate)).toEqual([expect.any(String), "as it is"]);
    },
  );

  it.each(["uint8", "none"] as const)(
    "names layers as the file does where biases are added to them, and leaves them by these names: activations %s",
    async (activations) => {
      // Products of three axes stay products. The first row of the second one has large numbers.
      const b = normal(2, [16, 16]);
      for (let c = 0; c < 16; c++) (b.data as Float32Array)[c] *= 60;
      const nodes = [
        node("MatMul", ["x", "a"], {}, ["h"]),
        node("Relu", ["h"], {}, ["r"]),
        node("MatMul", ["r", "b"], {}, ["k"]),
        node("Relu", ["k"], {}, ["s"]),
        node("MatMul", ["s", "c"]),
      ];
      const given = (seed: number) => ({ x: normal(seed, [64, 5, 8]) });
      const initializers = { a: normal(1, [8, 16]), b, c: normal(3, [16, 4]) };
      const bytes = fileOf({ inputs: given(4), initializers, nodes });
      const weightBits = activations === "none" ? 4 : 8;
      const options = {
        ...({ activations, weightBits } as const),
        ...({ granularity: "channel", equalize: false, compensate: false } as const),
        calibration: [given(4)],
        heldOut: [given(5)],
      };
      const free = await quantizeModel(bytes, options);
      expect(free.recommended.isBiasCorrected).toBe(true);
      expect(free.report.nodes.map((own) => own.node)).toEqual(["h", "k", "y"]);
      const limit = free.recommended.sqnr + 1;
      const { sensitivities, recommended, report } = await quantizeModel(bytes, { ...options, limit });
      expect(sensitivities.map(({ layer }) => layer)).toEqual(["k", "h", "y"]);
      expect(new Set(sensitivities.map(({ sqnr }) => sqnr)).size).toBe(3);
      expect(recommended.left).toEqual(["k"]);
      expect(recommended.sqnr).toBeGreaterThan(limit);
      expect(report.nodes.map(({ bits }) => bits)).toEqual([weightBits, 32, weightBits]);
    },
  );

  it.each(sampledRows(Object.entries(networks)))(
    "is close to the model in float: %s",
    async (_, { bytes, shape }) => {
      const batch = (count: number, seed: number) => [{ x: normal(seed, [count, ...shape]) }];
      const examples = {
        calibration: batch(32, 1),
        heldOut: batch(16, 2),
        equalize: false,
        compensate: false,
      };
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
    },
  );
});

/** x [batch, 1] times 1. */
function copying(): Uint8Array {
  const inputs = { x: { shape: [2, 1], data: new Float32Array(2) } };
  const w = { shape: [1, 1], data: Float32Array.of(1) };
  const fixed = decodeModel(fileOf({ inputs, initializers: { w }, nodes: [node("MatMul", ["x", "w"])] }));
  const open = fixed.graph.inputs.map((own) => ({ ...own, shape: ["n", 1] }));
  return encodeModel({ ...fixed, graph: { ...fixed.graph, inputs: open } });
}

describe("what judges a quantized model", () => {
  it("is a metric of the examples that chose nothing, with their labels", async () => {
    const numbers = (from: number, count: number) => Float32Array.from({ length: count }, (_, i) => from + i);
    const calibration = [{ x: { shape: [40, 1], data: numbers(0, 40) } }];
    const heldOut = [0, 16].map((from) => ({ x: { shape: [16, 1], data: numbers(from, 16) } }));
    const judged: number[][] = [];
    const score = (outputs: readonly Readonly<Record<string, NdArray>>[], labels: readonly NdArray[]) => {
      const [got, expected] = [outputs.map(({ y }) => y), labels].map((list) =>
        list.flatMap(({ data }) => Array.from(data, Number)),
      );
      judged.push(expected);
      return Math.max(...got.map((y, i) => Math.abs(y - expected[i])));
    };
    const metric = { labels: { shape: [32], data: numbers(0, 32) }, score };
    const options = { calibration, heldOut, equalize: false, granularity: "tensor", metric } as const;
    const { recommended, judged: last } = await quantizeModel(copying(), options);
    // Each half of each batch; a label at another place would differ by 1 or more.
    expect(recommended.metric).toBeLessThan(0.5);
    expect(last?.metric).toBeLessThan(0.5);
    const [choosing, judging] = [judged[0], judged.at(-1) ?? []];
    expect([...choosing, ...judging].sort((a, b) => a - b)).toEqual([...numbers(0, 32)]);
    expect(choosing.filter((own) => judging.includes(own))).toEqual([]);
    const short = { ...metric, labels: { shape: [31], data: numbers(0, 31) } };
    await expect(quantizeModel(copying(), { ...options, metric: short })).rejects.toThrow(
      "metric.labels must have an entry along its first axis for each of the 32 examples of heldOut; got the shape [31]",
    );
  });

  it("says that a limit is not kept which the examples that chose the file keep, and others do not", async () => {
    const options = { calibration: images(16), equalize: false, granularity: "channel" } as const;
    const given = await Promise.all(
      [1, 2].map(async (seed) => {
        const heldOut = images(6, seed);
        const { recommended, judged } = await quantizeModel(smallNetwork(), { ...options, heldOut });
        return { heldOut, chosen: recommended.sqnr, judged: judged?.sqnr ?? 0 };
      }),
    );
    for (const { heldOut, chosen, judged } of given) {
      const limit = Math.min(chosen, judged) + 0.5 * Math.abs(chosen - judged);
      const result = await quantizeModel(smallNetwork(), { ...options, heldOut, limit });
      expect(result.recommended.sqnr).toBeGreaterThan(limit);
      expect(result.isWithinLimit).toBe((result.judged?.sqnr ?? 0) >= limit);
    }
    expect(given.some(({ chosen, judged }) => judged < chosen)).toBe(true);
  });
});

describe("the error of weights alone", () => {
  it("counts what ONNX Runtime's kernel of products rounds, beside that of the weights", async () => {
    const [w, given] = [normal(1, [64, 16]), (seed: number) => ({ x: normal(seed, [32, 64]) })];
    const bytes = fileOf({ inputs: given(2), initializers: { w }, nodes: [node("MatMul", ["x", "w"])] });
    const [calibration, heldOut] = [[given(2)], [given(3)]];
    const run = (settings: Pick<QuantizeModelOptions, "activations" | "runtime">) =>
      quantizeModel(bytes, {
        calibration,
        heldOut,
        granularity: "channel",
        equalize: false,
        biasCorrection: false,
        ...settings,
      });
    // Both products in float64, by loops.
    const [{ x }] = heldOut;
    let [signal, noise] = [0, 0];
    for (let c = 0; c < 16; c++) {
      const column = Array.from({ length: 64 }, (_, k) => Number(w.data[16 * k + c]));
      const step = Math.max(...column.map(Math.abs)) / 127;
      for (let row = 0; row < 32; row++) {
        let [y, error] = [0, 0];
        for (const [k, v] of column.entries()) {
          y += Number(x.data[64 * row + k]) * v;
          error += Number(x.data[64 * row + k]) * (Math.round(v / step) * step - v);
        }
        signal += y ** 2;
        noise += error ** 2;
      }
    }
    const byHand = 10 * Math.log10(signal / noise);
    const { recommended, floatOperandsSqnr } = await run({ activations: "none" });
    expect(floatOperandsSqnr).toBeCloseTo(byHand, 2);
    expect(recommended.sqnr).toBeLessThan(byHand - 1.5);
    const inJavaScript = await run({ activations: "none", runtime: "javascript" });
    expect(inJavaScript.recommended.sqnr).toBeCloseTo(byHand, 2);
    expect(inJavaScript.floatOperandsSqnr).toBeUndefined();
    expect((await run({ activations: "uint8" })).floatOperandsSqnr).toBeUndefined();
  });
});

describe("a quantization without examples", () => {
  it("rounds weights alone as they are, and refuses what needs data", async () => {
    const { table, skipped, isRandom, heldOut } = await quantizeModel(smallNetwork(), {
      activations: "none",
    });
    expect(table.map(({ candidate, isBiasCorrected }) => [candidate, isBiasCorrected])).toEqual([
      ["as it is", false],
      ["as it is", false],
    ]);
    expect(skipped).toEqual([
      "biases corrected: there is no calibration",
      "GPTQ: there is no calibration",
      "other weights: there is no calibration",
    ]);
    expect([isRandom, heldOut]).toEqual([true, { choosing: 16, judging: 16 }]);
    for (const [options, what] of [
      [{}, "ranges of activations"],
      [{ activations: "none", absorbBiases: true }, "absorbBiases"],
      [{ activations: "none", limit: 20 }, "limit, or heldOut"],
    ] as const) {
      await expect(quantizeModel(smallNetwork(), options)).rejects.toThrow(
        `quantizeModel: calibration is missing. Give examples for ${what}`,
      );
    }
  });
});

describe("the work of a quantization", () => {
  it("ends after its budget, and says what it left out", async () => {
    const { table, skipped } = await quantizeModel(smallNetwork(), { calibration: images(8), budget: 1e-9 });
    expect(table).toHaveLength(1);
    expect(skipped).toEqual(
      ["as it is, per channel", "as it is, per tensor, biases corrected", "as it is, per tensor"]
        .concat(["other weights, per channel", "other weights, per tensor", "as it is, per channel, GPTQ"])
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

  it("keeps a limit by the smaller file of those with each granularity, and never by layers in float alone", async () => {
    const bytes = smallNetwork();
    const settings = { equalize: false, biasCorrection: false, compensate: false } as const;
    const options = { calibration: images(8), ...settings };
    const most = (await quantizeModel(bytes, options)).recommended.sqnr;
    for (const limit of [most + 1, most + 4, most + 8, most + 200]) {
      const both = await quantizeModel(bytes, { ...options, limit });
      const single = await Promise.all(
        (["channel", "tensor"] as const).map((granularity) =>
          quantizeModel(bytes, { ...options, granularity, limit }),
        ),
      );
      const kept = single.filter(({ recommended }) => recommended.sqnr >= limit);
      expect(both.recommended.sqnr >= limit).toBe(kept.length > 0 && limit < most + 200);
      expect(both.table).toContainEqual(both.recommended);
      if (kept.length === 0) continue;
      expect(both.recommended.bytes).toBe(Math.min(...kept.map(({ recommended }) => recommended.bytes)));
    }
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
    await expect(run({})).rejects.toThrow("calibration is missing");
    await expect(run({ calibration: [] })).rejects.toThrow("an empty list");
    await expect(run({ calibration: images(4), heldOut: images(0) })).rejects.toThrow(
      "heldOut must have examples",
    );
    await expect(run({ calibration: images(4), heldOut: [1] })).rejects.toThrow("heldOut must be a list");
    await expect(run({ calibration: images(4), granularity: "row" })).rejects.toThrow(
      "granularity must be one of tensor, channel, block",
    );
    const named = (name: unknown) => run({ calibration: images(4), candidates: [{ name, bytes }] });
    await expect(named(3)).rejects.toThrow("candidates must be a list, each { name, bytes }; got");
    await expect(named("as it is")).rejects.toThrow("give the candidate another name");
    await expect(run({ calibration: images(4), weightBits: 4 })).rejects.toThrow('activations: "none"');
    await expect(run({ calibration: [{ z: images(4)[0].x }] })).rejects.toThrow('input "x" is missing');
    await expect(quantizeModel(new Uint8Array(3), { calibration: images(4) })).rejects.toThrow(DataError);
    const again = quantizeWeights(smallNetwork()).bytes;
    const refused = (op: string) => new RegExp(`^${op}: the file is quantized already`);
    await expect(quantizeModel(again, { calibration: images(4) })).rejects.toThrow(refused("quantizeModel"));
    await expect(calibrate(again, images(4))).rejects.toThrow(refused("calibrate"));
  });
});
