// Files of float16: counts and factors by hand, results in ONNX Runtime, and numbers brought back into range.

import { type NdArray, sizeOf } from "isoloss";
import { createRng } from "isoloss/data";
import { float, halfCounts, int, openFileSession, tensor } from "isoloss/internal";
import { decodeModel } from "isoloss/onnx";
import { compareModels, modelError, quantizeModel, toHalf } from "isoloss-onnx";
import { Builder, opened, smallNetwork } from "isoloss-test-support/model-file/builder";
import { transformer, transformerInputs } from "isoloss-test-support/model-file/transformer";
import { fileOf, node, tensorOf } from "isoloss-test-support/nn/onnx/support";
import { randomCases } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { descendHalf, shiftedAlong } from "../../src/half/descend.js";
import { openJudge, smallestSet } from "../../src/half/judge.js";
import { costOf } from "../../src/half/range.js";
import { fromOnnx } from "../../src/import/from-onnx.js";
import { outputsOf } from "../../src/model-file/compare/run-model.js";
import { imported } from "../../src/model-file/edit/onnx-file.js";
import { withParams } from "../../src/model-file/edit/with-params.js";
import { foldBatchNorm } from "../../src/model-file/prepare/fold-batch-norm.js";
import { tracedFile } from "../../src/model-file/traced-file.js";
import { mobileNetV2 } from "../model-file/mobilenet.js";
import { randomFile } from "../model-file/random-file.js";

const normal = (shape: readonly number[], seed = 1): NdArray => {
  const rng = createRng(seed);
  return { shape, data: Float32Array.from({ length: sizeOf(shape) }, () => rng.normal()) };
};

async function outputOf(bytes: Uint8Array, x: NdArray): Promise<NdArray> {
  const session = await openFileSession(bytes);
  const { y } = await session.run({ x });
  await session.dispose();
  return y;
}

function expectNear(actual: NdArray, expected: NdArray, tolerance: number) {
  expect(actual.shape).toEqual(expected.shape);
  const scale = Math.max(...Array.from(expected.data as Float32Array, Math.abs));
  for (const [i, v] of (actual.data as Float32Array).entries()) {
    expect(Math.abs(v - Number(expected.data[i]))).toBeLessThanOrEqual(tolerance * scale);
  }
}

/** A file with its parameters multiplied, in their order. */
function times(bytes: Uint8Array, factors: readonly number[]): Uint8Array {
  const entries = Object.entries(fromOnnx(bytes).params).map(([name, w], i) => [
    name,
    { ...w, data: (w.data as Float32Array).map((v) => v * factors[i]) },
  ]);
  return withParams(bytes, Object.fromEntries(entries));
}

const folded = foldBatchNorm(smallNetwork()).bytes;
const x = normal([2, 3, 8, 8]);

/** Two layers, the first times a factor and the second divided by it: the function is the same. */
function scaled(factor: number): Uint8Array {
  const b = new Builder({ seed: 4 });
  const h = b.node("Relu", [b.conv("x", 3, 6, { size: 3, bias: true })]);
  return times(b.bytes(["batch", 3, 8, 8], b.conv(h, 6, 2)), [factor, factor, 1 / factor]);
}

it("counts what overflows and what is subnormal", () => {
  const values = [0, 1, -65504, 65519, 65520, -1e9, 2 ** -14, -(2 ** -14) * 0.99, 1e-30];
  expect(halfCounts(values)).toEqual({ numbers: 8, overflows: 2, subnormals: 2 });
});

it("costs the bits below the normal numbers, and 100 for each above 2^13", () => {
  expect([-16, -15, -14, 0, 12, 13, 14].map(costOf)).toEqual([2, 1, 0, 0, 0, 100, 200]);
});

it("a smallest set holds what is needed, whatever is around it", async () => {
  const names = Array.from({ length: 40 }, (_, i) => `${i}`);
  const needed = ["3", "17", "18", "39"];
  let trials = 0;
  const set = await smallestSet(names, async (kept) => {
    trials++;
    return needed.every((name) => kept.has(name));
  });
  expect(set).toEqual(needed);
  expect(trials).toBeLessThan(60);
});

it("the compiled judge measures what the written file does, in float32 and in float16 operators", async () => {
  const options = { norm: "rms", outlier: 3e7, layers: 1, width: 16, heads: 2 } as const;
  const bytes = transformer(options);
  const calibration = [transformerInputs(options)];
  const { wide, error, files } = await toHalf(bytes, { calibration, move: false, rescue: "float32" });
  const file = opened(bytes);
  const model = imported(file, { epsilons: true, factors: true });
  const expected = await outputsOf(model, calibration, { runtime: "auto" });
  const judge = openJudge(file, { batches: calibration, expected, candidates: wide });
  expect(wide.length).toBeGreaterThan(0);
  expect(Math.abs((await judge.sqnr(model.params, new Set(wide))) - error.sqnr)).toBeLessThan(0.5);
  expect(Math.abs((await judge.sqnr(model.params)) - (files.at(-1)?.error.sqnr ?? 0))).toBeLessThan(0.5);
  await judge.dispose();
});

describe("a converted file", () => {
  it("holds float16 in half the size, and runs in ONNX Runtime near the one before", async () => {
    const { bytes, error } = await toHalf(folded);
    const { graph } = decodeModel(bytes);
    const floats = graph.initializers.filter(({ dtype }) => dtype.startsWith("float"));
    expect(new Set(floats.map(({ dtype }) => dtype))).toEqual(new Set(["float16"]));
    expect(graph.inputs.map(({ dtype }) => dtype)).toEqual(["float32"]);
    expectNear(await outputOf(bytes, x), await outputOf(folded, x), 5e-3);
    expect(error.largest).toBeGreaterThan(0);
    expect(error.largest).toBeLessThan(5e-3);
    expect((await compareModels(folded, bytes)).largest).toBeLessThan(5e-3);
  });

  it("takes and gives float16 where that is asked for", async () => {
    const { bytes } = await toHalf(folded, { io: "float16" });
    const { graph } = decodeModel(bytes);
    expect([...graph.inputs, ...graph.outputs].map(({ dtype }) => dtype)).toEqual(["float16", "float16"]);
    expect(graph.nodes.some(({ opType }) => opType === "Cast")).toBe(false);
    expectNear(await outputOf(bytes, x), await outputOf(folded, x), 5e-3);
  });

  it("of float16 inputs has the error of rounding these, too", async () => {
    // 1 + 2^-12 rounds to 1, and 2^-12, the result, to 0.
    const given = { x: { shape: [1], data: Float32Array.of(1 + 2 ** -12) } };
    const one = { shape: [1], data: Float32Array.of(1) };
    const file = fileOf({ inputs: given, initializers: { one }, nodes: [node("Sub", ["x", "one"])] });
    const { bytes, error } = await toHalf(file, { io: "float16", heldOut: [given] });
    expect(error.largest).toBe((await toHalf(file, { heldOut: [given] })).error.largest);
    expect(error.largest).toBe(1);
    expect((await modelError(file, bytes, { inputs: [given] })).largest).toBe(1);
  });

  it("refuses examples of which the model itself gives NaN", async () => {
    const x = normal([4, 3]);
    const bytes = fileOf({
      inputs: { x },
      initializers: { w: normal([3, 2], 2) },
      nodes: [node("Sqrt", ["x"], {}, ["s"]), node("MatMul", ["s", "w"], {}, ["y"])],
    });
    const text = 'the model itself gives NaN in its output "y" for one of the examples';
    await expect(toHalf(bytes, { calibration: [{ x }] })).rejects.toThrow(`toHalf: ${text}`);
    const positive = { ...x, data: (x.data as Float32Array).map(Math.abs) };
    const given = { calibration: [{ x: positive }], heldOut: [{ x }] };
    await expect(toHalf(bytes, given)).rejects.toThrow(`toHalf: ${text}`);
    await expect(quantizeModel(bytes, given)).rejects.toThrow(`quantizeModel: ${text}`);
  });

  it("counts all stored numbers that it rounds: weights, other constants and those of nodes", async () => {
    const tiny = (size: number) => ({ shape: [size], data: new Float32Array(size).fill(1e-6) });
    const filled = { ...tensorOf("", { shape: [1], data: Float32Array.of(1e6) }) };
    const file = fileOf({
      inputs: { x: normal([2, 3]) },
      initializers: { w: normal([3, 3]), limit: tiny(1), shape: { shape: [1], data: BigInt64Array.of(3n) } },
      nodes: [
        node("MatMul", ["x", "w"], {}, ["h"]),
        node("Constant", [], { value: tensor(tensorOf("", tiny(3))) }, ["shift"]),
        node("Constant", [], { value_float: float(1e-6) }, ["factor"]),
        node("ConstantOfShape", ["shape"], { value: tensor(filled) }, ["many"]),
        node("Max", ["h", "limit", "shift", "factor", "many"]),
      ],
    });
    expect((await toHalf(file, { move: false, rescue: "none" })).weights.after).toEqual({
      numbers: 9 + 1 + 3 + 1 + 1,
      overflows: 1,
      subnormals: 5,
    });
  });

  it.each(Array.from({ length: randomCases(8) }, (_, seed) => seed))(
    "of random network %i runs in ONNX Runtime",
    async (seed) => {
      const before = randomFile(seed);
      const { bytes } = await toHalf(before, { sizes: { height: 8, width: 8 } });
      const images = normal([2, 4, 8, 8]);
      expectNear(await outputOf(bytes, images), await outputOf(before, images), 0.03);
    },
  );

  it("keeps the scales of a Resize in float32, and converts Casts, ConstantOfShape and Constants", async () => {
    const b = new Builder();
    const one = (value: number) => b.node("Constant", [], { value_float: float(value) });
    const scales = b.constant("scales", { shape: [4], data: Float32Array.of(1, 1, 2, 2) });
    const large = b.node("Resize", [b.conv("x", 3, 4, { size: 3 }), "", scales]);
    const shape = b.constant("shape", { shape: [1], data: BigInt64Array.of(1n) });
    const filled = b.node("ConstantOfShape", [shape]);
    const cast = b.node("Cast", [b.node("Greater", [large, one(0)])], { to: int(1) });
    const sum = b.node("Add", [b.node("Mul", [cast, large]), filled]);
    const before = b.bytes(["batch", 3, 8, 8], b.node("Mul", [sum, one(0.5)]));
    const { bytes } = await toHalf(before);
    expectNear(await outputOf(bytes, x), await outputOf(before, x), 5e-3);
  });

  it.each([
    ["Resize", 10],
    ["Upsample", 9],
  ])("keeps the scales of %s of the operator set %i in float32", async (opType, opset) => {
    const file = fileOf({
      inputs: { x },
      opset,
      initializers: { w: normal([4, 3, 3, 3]), scales: { shape: [4], data: Float32Array.of(1, 1, 2, 2) } },
      nodes: [node("Conv", ["x", "w"], {}, ["h"]), node(opType, ["h", "scales"])],
    });
    expectNear(await outputOf((await toHalf(file)).bytes, x), await outputOf(file, x), 5e-3);
  });

  it.each([
    [
      "a quantized operator",
      "QuantizeLinear",
      'the file is quantized already: it has a QuantizeLinear "quantizelinear',
    ],
  ])("is refused with %s", async (_, opType, message) => {
    const b = new Builder();
    const scale = b.constant("s", { shape: [], data: Float32Array.of(0.1) });
    const h = b.node(opType, opType === "QuantizeLinear" ? ["x", scale] : ["x"]);
    await expect(toHalf(b.bytes([2, 3], b.node("Cast", [h], { to: int(1) })))).rejects.toThrow(message);
  });

  it("has sequences of float16", async () => {
    const x = normal([2, 3]);
    const file = fileOf({
      inputs: { x },
      nodes: [
        node("SequenceEmpty", [], {}, ["none"]),
        node("SequenceInsert", ["none", "x"], {}, ["one"]),
        node("ConcatFromSequence", ["one"], { axis: int(0) }),
      ],
    });
    expectNear(await outputOf((await toHalf(file)).bytes, x), x, 1e-3);
  });

  it("tells the typical size of a value whose other numbers are infinite", async () => {
    const scalar = (value: number) => ({ shape: [], data: Float32Array.of(value) });
    const file = fileOf({
      inputs: { x: normal([2, 2]) },
      initializers: { zero: scalar(0), none: scalar(-Infinity) },
      nodes: [
        node("Greater", ["x", "zero"], {}, ["kept"]),
        node("Where", ["kept", "x", "none"], {}, ["masked"]),
        node("Softmax", ["masked"]),
      ],
    });
    const given = { shape: [2, 2], data: Float32Array.of(4, -1, -2, 6) };
    const { values } = await toHalf(file, { calibration: [{ x: given }] });
    const { before } = values.find(({ name }) => name === "masked") ?? {};
    expect(before?.largest).toBe(Infinity);
    expect(before?.typical).toBeCloseTo(Math.sqrt(24), 12);
  });

  it("is refused with an operator that has no float16 in the file's operator set", async () => {
    const axis = { shape: [], data: BigInt64Array.of(1n) };
    const sums = (opset: number) =>
      fileOf({
        inputs: { x: normal([2, 3]) },
        initializers: { w: normal([3, 4]), axis },
        nodes: [node("MatMul", ["x", "w"], {}, ["h"]), node("CumSum", ["h", "axis"])],
        opset,
      });
    await expect(toHalf(sums(13))).rejects.toThrow('the CumSum "y" cannot be converted to float16');
    const { bytes } = await toHalf(sums(14));
    const x = normal([2, 3], 5);
    expectNear(await outputOf(bytes, x), await outputOf(sums(14), x), 2e-3);
    const nodes = [node("MeanVarianceNormalization", ["x"])];
    const normalized = fileOf({ inputs: { x: normal([2, 3, 4, 4]) }, nodes });
    await expect(toHalf(normalized)).rejects.toThrow("the MeanVarianceNormalization");
    const counted = (data: Float32Array | BigInt64Array) => {
      const b = new Builder();
      const [start, end, step] = [0, 3, 1].map((k) =>
        b.constant("k", {
          shape: [],
          data: data instanceof Float32Array ? Float32Array.of(k) : BigInt64Array.of(BigInt(k)),
        }),
      );
      const range = b.node("Range", [start, end, step]);
      return b.bytes([2, 3], b.node("Mul", ["x", b.node("Cast", [range], { to: int(1) })]));
    };
    await expect(toHalf(counted(new Float32Array()))).rejects.toThrow("the Range");
    expectNear(
      await outputOf((await toHalf(counted(new BigInt64Array()))).bytes, x),
      await outputOf(counted(new BigInt64Array()), x),
      2e-3,
    );
  });

  it("is refused of a file of float16, and for bad options", async () => {
    const { bytes } = await toHalf(folded);
    await expect(toHalf(bytes)).rejects.toThrow("takes a model of float32");
    await expect(toHalf(folded, { io: "int8" as never })).rejects.toThrow("float32, float16");
    await expect(toHalf(folded, { calibration: [1] as never })).rejects.toThrow("calibration");
    await expect(toHalf(folded, { calibration: [{ z: x }] })).rejects.toThrow("x");
    await expect(toHalf(folded, { calibration: [{ x: normal([0, 3, 8, 8]) }] })).rejects.toThrow(
      "have examples",
    );
  });

  it("may have a stored tensor as an output, which calibration does not count", async () => {
    const weights = { w: normal([2, 2]), b: normal([2], 2) };
    const nodes = [node("Gemm", ["x", "w", "b"])];
    const given = { x: normal([3, 2]) };
    const file = fileOf({ inputs: given, initializers: weights, nodes, outputs: ["y", "b"] });
    const { bytes, activations } = await toHalf(file, { calibration: [given] });
    expect(activations.before.numbers).toBe(6 + 6);
    const session = await openFileSession(bytes);
    expect((await session.run(given)).b).toEqual(weights.b);
    await session.dispose();
    expectNear(await outputOf(bytes, given.x), await outputOf(file, given.x), 2e-3);
  });
});

const lost = ({ overflows, subnormals }: { overflows: number; subnormals: number }) => overflows + subnormals;

describe("the move", () => {
  it.each([1e-6, 3e6])("brings weights back that a factor of %f took out of range", async (factor) => {
    const before = scaled(factor);
    const plain = await toHalf(before, { move: false, rescue: "none" });
    const moved = await toHalf(before);
    expect(plain.moved).toBe(0);
    expect(plain.weights.after).toEqual(plain.weights.before);
    expect(moved.moved).toBe(6);
    expect(lost(moved.weights.before)).toBeGreaterThan(50);
    expect(lost(moved.weights.after)).toBeLessThan(5);
    expect(moved.error.largest).toBeLessThan(3e-3);
    expect(plain.error.largest).toBeGreaterThan(10 * moved.error.largest);
    expectNear(await outputOf(moved.bytes, x), await outputOf(before, x), 5e-3);
  });

  it("multiplies weights by powers of two alone", async () => {
    const before = scaled(2 ** -18);
    const [old, own] = [before, (await toHalf(before)).bytes].map((file) => fromOnnx(file).params);
    for (const [name, { data }] of Object.entries(own)) {
      (data as Float32Array).forEach((w, e) => {
        const ratio = Math.log2(w / Number(old[name].data[e]));
        // Rounded to 11 bits.
        expect(Math.abs(ratio - Math.round(ratio))).toBeLessThan(1e-3);
      });
    }
  });

  it("alone changes no result in float32, in any bit", async () => {
    const files = [1, 2, 5].map((seed) => foldBatchNorm(randomFile(seed)).bytes);
    for (const before of [scaled(1e-6), ...files]) {
      const sizes: Record<string, number> = files.includes(before) ? { height: 8, width: 8 } : {};
      const { model, found } = tracedFile("test", opened(before), { sizes });
      const generators = found.scalings.filter(({ exact }) => exact);
      const shifts = descendHalf(model.params, generators, []);
      const params: Record<string, NdArray> = { ...model.params };
      generators.forEach(({ axes }, g) => {
        for (const leg of axes) params[leg.path] = shiftedAlong(params[leg.path], leg, shifts[g]);
      });
      const options = { sizes, runtime: "javascript" } as const;
      expect((await compareModels(before, withParams(before, params), options)).largest).toBe(0);
    }
  });

  it("sees the ranges of activations with calibration data", async () => {
    // All weights are in range, but the values behind the second product are about 2^18.
    const b = new Builder({ seed: 2 });
    const product = (h: string, to: number) => b.product(h, 4, to, { bias: false });
    const h = b.node("Relu", [product(b.node("Relu", [product("x", 4)]), 4)]);
    const before = times(b.bytes(["batch", 4], product(h, 2)), [2 ** 9, 2 ** 9, 2 ** -12]);
    const calibration = [{ x: normal([16, 4]) }];
    const blind = await toHalf(before, { move: false, rescue: "none", calibration });
    const seeing = await toHalf(before, { calibration });
    const made = opened(before).model.graph.nodes.map(({ outputs: [name] }) => name);
    expect(seeing.values.map(({ name }) => name)).toEqual(["x", ...made]);
    expect(blind.weights.before.overflows).toBe(0);
    expect(blind.activations.after.overflows).toBeGreaterThan(0);
    expect(seeing.activations.before).toEqual(blind.activations.before);
    expect(seeing.activations.after).toMatchObject({ overflows: 0 });
    expect(seeing.error.largest).toBeLessThan(5e-3);
    expect(blind.error.largest).toBeGreaterThan(0.1);
  });

  describe("where squares from 2^-2 to 2^50 have no power of two", () => {
    const file = transformer({ norm: "rms", outlier: 3e7, layers: 1, width: 16, heads: 2 });
    const { nodes } = opened(file).model.graph;
    const casts = (bytes: Uint8Array) =>
      opened(bytes).model.graph.nodes.filter(({ opType }) => opType === "Cast").length;

    it("makes one node of each norm, and says what operators in float32 would cost instead", async () => {
      const { bytes, fused, wide, error, files } = await toHalf(file);
      expect([fused.length, wide.length]).toEqual([3, 0]);
      expect(error.sqnr).toBeGreaterThan(40);
      expect((await modelError(file, bytes)).sqnr).toBeGreaterThan(40);
      expect(opened(bytes).model.graph.nodes.length).toBeLessThan(nodes.length);
      expect(files.map((own) => [own.fused.length > 0, own.wide.length > 0])).toEqual([
        [true, false],
        [false, false],
        [false, true],
        [false, false],
      ]);
      expect(files[0].bytes).toBe(bytes);
      expect(files[1].error.sqnr).toBeLessThan(40);
      expect(files[2].error.sqnr).toBeGreaterThan(40);
    });

    it("keeps operators in float32 where that is asked for, none of which can be float16", async () => {
      const narrow = await toHalf(file, { rescue: "none" });
      const { bytes, error, fused, wide } = await toHalf(file, { rescue: "float32" });
      expect([narrow.wide, fused]).toEqual([[], []]);
      expect(narrow.error.sqnr).toBeLessThan(40);
      expect(error.sqnr).toBeGreaterThan(40);
      expect(wide.length).toBeGreaterThan(0);
      expect(wide.length).toBeLessThan(nodes.length / 4);
      expect(casts(bytes)).toBeGreaterThan(casts(narrow.bytes));
    });
  });

  it("goes over a whole network with calibration", async () => {
    const before = foldBatchNorm(mobileNetV2({ width: 0.1 })).bytes;
    const images = normal([6, 3, 32, 32]);
    const sizes = { height: 32, width: 32 };
    const { bytes, activations } = await toHalf(before, { calibration: [{ x: images }], sizes });
    expect(activations.after.overflows).toBe(0);
    expectNear(await outputOf(bytes, images), await outputOf(before, images), 0.03);
  });
});
