import {
  astype,
  crossEntropy,
  DataError,
  DTypeError,
  mlp,
  type NdArray,
  OptionError,
  ShapeError,
  takeRows,
  torchGenerator,
} from "isoloss";
import { decodeModel, encodeModel, modelToOnnx } from "isoloss/onnx";
import { mul } from "isoloss/ops";
import { createOptimizer } from "isoloss/optim";
import { normal } from "isoloss-test-support/compress/quantize/support";
import {
  convnet,
  exported,
  images,
  operators,
  stored,
  trainedFile,
} from "isoloss-test-support/fine-tune/support";
import { fileBytes, networks } from "isoloss-test-support/nn/onnx/exported";
import { fileOf, float32, node, runOrt, tensorOf } from "isoloss-test-support/nn/onnx/support";
import { beforeAll, describe, expect, it } from "vitest";
import { fineTune } from "../../src/fine-tune/fine-tune.js";
import type { FineTuneOptions } from "../../src/fine-tune/fine-tune-options.js";
import type { FineTuneEpoch } from "../../src/fine-tune/run-epochs.js";
import { withOwnStatistics } from "../../src/fine-tune/training-file.js";
import { fromOnnx } from "../../src/import/from-onnx.js";
import { outputsOf } from "../../src/model-file/compare/run-model.js";
import { OnnxFile } from "../../src/model-file/edit/onnx-file.js";
import { foldBatchNorm } from "../../src/model-file/prepare/fold-batch-norm.js";

let trained: Uint8Array;
let folded: Uint8Array;
/** Digits moved by two pixels: another task than the one that the file was trained for. */
const data = images({ from: 0, to: 320, shift: 2 });
const validation = images({ from: 1200, to: 1360, shift: 2 });

const settings = { data, validation, learningRate: 1e-2, epochs: 2, runtime: "onnx" } as const;
const few = { ...settings, data: images({ to: 48 }), validation: images({ from: 50, to: 60 }), epochs: 1 };

beforeAll(async () => {
  trained = await trainedFile(convnet(), 60, images({ to: 1200 }));
  folded = exported(trained);
});

/** y = x w for x [n, 4], with a layer of zeros alone that is added to it. */
function pruned(width = 2): Uint8Array {
  const w = float32(
    Array.from({ length: 4 * width }, (_, i) => (i % 2 === 0 ? 0 : 0.3)),
    [4, width],
  );
  const nodes = [
    node("MatMul", ["x", "onnx::w"], {}, ["h"]),
    node("MatMul", ["x", "b"], {}, ["k"]),
    node("Add", ["h", "k"]),
  ];
  const initializers = { "onnx::w": w, b: float32(Array(4 * width).fill(0), [4, width]) };
  return fileOf({ inputs: { x: float32(Array(32).fill(0), [8, 4]) }, initializers, nodes });
}

/** A file whose output is passed on under another name, in another shape and back. */
function reshapedEnd(bytes: Uint8Array): Uint8Array {
  const { graph, ...model } = decodeModel(bytes);
  const inner = (name: string) => (name === "y" ? "inner" : name);
  const nodes = [
    ...graph.nodes.map((own) => ({ ...own, outputs: own.outputs.map(inner) })),
    node("Identity", ["inner"], {}, ["same"]),
    node("Unsqueeze", ["same", "last"], {}, ["wide"]),
    node("Flatten", ["wide"]),
  ];
  const last = tensorOf("last", { shape: [1], data: BigInt64Array.of(-1n) });
  return encodeModel({ ...model, graph: { ...graph, nodes, initializers: [...graph.initializers, last] } });
}

/** Loss and accuracy of a file by its outputs on the validation data, by a plain loop. */
async function measured(bytes: Uint8Array): Promise<{ loss: number; accuracy: number }> {
  const [{ y }] = await outputsOf(fromOnnx(bytes), [{ x: validation.inputs }], { runtime: "javascript" });
  const [count, classes] = y.shape;
  let [loss, hits] = [0, 0];
  for (let n = 0; n < count; n++) {
    const row = Array.from(y.data.slice(n * classes, (n + 1) * classes), Number);
    const label = Number(validation.labels.data[n]);
    loss += Math.log(row.reduce((total, v) => total + Math.exp(v), 0)) - row[label];
    hits += row.indexOf(Math.max(...row)) === label ? 1 : 0;
  }
  return { loss: loss / count, accuracy: hits / count };
}

describe("fineTune", () => {
  it("trains with batch norms put back and returns a file of the same form, with what it reports", async () => {
    const rows: FineTuneEpoch[] = [];
    const result = await fineTune(folded, { ...settings, onEpoch: (row) => void rows.push(row) });
    const { bytes, history, best, ended, restored, differences, parameters } = result;
    expect(ended).toBe("complete");
    expect(history.map(({ epoch }) => epoch)).toEqual([0, 1, 2]);
    expect(rows).toEqual(history);
    expect(history[0].trainingLoss).toBeUndefined();
    expect(restored.filter(({ changed }) => changed)).toHaveLength(2);
    // Two filters, four vectors of the batch norms, and the last layer.
    expect(parameters).toEqual({ trained: 9 * 8 + 9 * 64 + 4 * 8 + 90, frozen: 0, zeros: 0 });
    expect(Math.max(differences.restored, differences.folded)).toBeLessThan(1e-5);

    expect(operators(bytes)).toEqual(operators(folded));
    const [before, after] = [decodeModel(folded), decodeModel(bytes)];
    expect(after.graph.inputs).toEqual(before.graph.inputs);
    expect(after.graph.outputs).toEqual(before.graph.outputs);
    expect(after.metadata).toEqual(before.metadata);

    const [asItCame, better] = [await measured(folded), await measured(bytes)];
    expect(history[0].validation.loss).toBeCloseTo(asItCame.loss, 5);
    expect(history[0].validation.accuracy).toBe(asItCame.accuracy);
    expect(best.validation.loss).toBeCloseTo(better.loss, 5);
    expect(best.validation.accuracy).toBe(better.accuracy);
    expect(best.validation.loss).toBe(Math.min(...history.map((row) => row.validation.loss)));
    expect(better.accuracy).toBeGreaterThan(asItCame.accuracy + 0.1);
    // ONNX Runtime runs the file that comes out to the same values.
    const x = { ...validation.inputs, shape: validation.inputs.shape };
    const { y } = await runOrt(bytes, { x });
    const [own] = await outputsOf(fromOnnx(bytes), [{ x }], { runtime: "javascript" });
    own.y.data.forEach((value: number | bigint, i: number) => {
      expect(Number(y.data[i])).toBeCloseTo(Number(value), 4);
    });
  });

  it("measures the model as it came and the best epoch on test data, which chose nothing", async () => {
    const rows = Array.from({ length: 100 }, (_, i) => i);
    const hundred = { inputs: takeRows(validation.inputs, rows), labels: takeRows(validation.labels, rows) };
    const plain = await fineTune(folded, settings);
    expect(plain.test).toBeUndefined();
    expect(plain.examples.test).toBe(0);
    const result = await fineTune(folded, { ...settings, test: validation });
    // They are not looked at before the end: the training is the same.
    expect(result.bytes).toEqual(plain.bytes);
    const [asItCame, better] = [await measured(folded), await measured(result.bytes)];
    expect(result.test?.before.loss).toBeCloseTo(asItCame.loss, 5);
    expect(result.test?.best.loss).toBeCloseTo(better.loss, 5);
    expect(result.test?.best.accuracy).toBe(better.accuracy);
    const shares = await fineTune(folded, {
      ...settings,
      data: hundred,
      validation: 0.2,
      test: 0.1,
      epochs: 1,
    });
    expect(shares.examples).toEqual({ training: 70, validation: 20, test: 10 });
    await expect(fineTune(folded, { ...settings, validation: 0.5, test: 0.5 })).rejects.toThrow(
      "validation and test must leave examples for training; got shares 0.5 and 0.5",
    );
  });

  it("gains more with batch norms put back than without", async () => {
    // In our trials batch norms put back need about a third of the time on digits.
    const loss = async (batchNorm: "restore" | "keep") =>
      (await fineTune(folded, { ...settings, epochs: 1, batchNorm })).best.validation.loss;
    expect(await loss("restore")).toBeLessThan(await loss("keep"));
  });

  it("puts no batch norms into a regression without convolutions, unless that is asked for", async () => {
    const net = mlp({ sizes: [3, 8, 1] });
    const bytes = modelToOnnx(net, net.init(torchGenerator(0)), { example: [3] });
    const inputs = normal(1, [40, 3]);
    const targets = { shape: [40, 1], data: new Float32Array(40).map((_, i) => Number(inputs.data[3 * i])) };
    const numbers = { inputs, labels: targets };
    const settings = { data: numbers, loss: "mse", learningRate: 0.01, epochs: 1 } as const;
    expect((await fineTune(bytes, settings)).restored).toEqual([]);
    const asked = await fineTune(bytes, { ...settings, batchNorm: "restore" });
    expect(asked.restored.map(({ changed }) => changed)).toEqual([true, false]);
    const classes = { inputs, labels: { shape: [40], data: new BigInt64Array(40) } };
    const wide = mlp({ sizes: [3, 8, 2] });
    const classifier = modelToOnnx(wide, wide.init(torchGenerator(0)), { example: [3] });
    const { restored } = await fineTune(classifier, { data: classes, learningRate: 0.01, epochs: 1 });
    expect(restored.map(({ changed }) => changed)).toEqual([true, false]);
  });

  it("gives the same bytes for the same seed, and others for another", async () => {
    const run = async (seed: number) => (await fineTune(folded, { ...few, validation: 0.25, seed })).bytes;
    const first = await run(1);
    expect(await run(1)).toEqual(first);
    expect(await run(2)).not.toEqual(first);
  });

  it("leaves frozen parameters as they are, bit for bit, and puts no batch norms there", async () => {
    const { bytes, restored, parameters } = await fineTune(folded, { ...few, freeze: ["first.*"] });
    for (const name of ["first.weight", "first.bias"])
      expect(stored(bytes, name)).toEqual(stored(folded, name));
    expect(stored(bytes, "second.weight")).not.toEqual(stored(folded, "second.weight"));
    expect(restored.map(({ changed }) => changed)).toEqual([false, true, false]);
    expect(restored[0].note).toBe("its weights must stay");
    expect(parameters).toEqual({ trained: 9 * 64 + 16 + 90, frozen: 72 + 8, zeros: 0 });
  });

  it("keeps the file's own batch norms as nodes with new statistics, or frozen", async () => {
    const { bytes, restored } = await fineTune(trained, few);
    expect(operators(bytes)).toEqual(operators(trained));
    expect(restored.some(({ changed }) => changed)).toBe(false);
    expect(stored(bytes, "first.norm.mean")).not.toEqual(stored(trained, "first.norm.mean"));
    const frozen = await fineTune(trained, { ...few, freeze: ["first*"] });
    for (const what of ["weight", "norm.weight", "norm.bias", "norm.mean", "norm.var"]) {
      expect(stored(frozen.bytes, `first.${what}`)).toEqual(stored(trained, `first.${what}`));
    }
    expect(stored(frozen.bytes, "second.norm.mean")).not.toEqual(stored(trained, "second.norm.mean"));
  });

  it("folds at the end only what it has put back", async () => {
    const half = foldBatchNorm(trained, { norms: (result) => result.startsWith("first") }).bytes;
    expect((await fineTune(half, few)).restored).toEqual([]);
    const { bytes, restored } = await fineTune(half, { ...few, batchNorm: "restore" });
    expect(restored.map(({ changed }) => changed)).toEqual([true, false, false]);
    expect(operators(bytes)).toEqual(operators(half));
    expect(stored(bytes, "second.norm.mean")).not.toEqual(stored(half, "second.norm.mean"));
  });

  it("gives statistics of their own to batch norms whose equal tensors an exporter has stored once", async () => {
    const model = decodeModel(convnet());
    const shared = (name: string) =>
      name
        .replace(/^(first|second)\.norm\.(mean|bias)$/, "zeros")
        .replace(/^second\.norm\.var$/, "first.norm.var");
    const bytes = encodeModel({
      ...model,
      graph: {
        ...model.graph,
        initializers: [
          ...model.graph.initializers.filter(({ name }) => shared(name) === name),
          { name: "zeros", dtype: "float32", shape: [8], data: new Float32Array(8) },
        ],
        nodes: model.graph.nodes.map((own) => ({ ...own, inputs: own.inputs.map(shared) })),
      },
    });
    const { bytes: after, best } = await fineTune(bytes, { ...settings, epochs: 4, batchNorm: "keep" });
    expect(best.epoch).toBe(4);
    const norms = decodeModel(after).graph.nodes.filter(({ opType }) => opType === "BatchNormalization");
    const statistics = norms.flatMap(({ inputs }) => inputs.slice(3));
    expect(new Set(statistics).size).toBe(4);
    expect(new Set(statistics.map((name) => stored(after, name)?.join())).size).toBe(4);
  });

  it("leaves a batch norm that is applied several times one layer", () => {
    const norm = (x: string, layer: string, y: string) =>
      node("BatchNormalization", [x, `${layer}.scale`, `${layer}.bias`, "zeros", "ones"], {}, [y]);
    const vector = (value: number) => float32(Array(4).fill(value));
    const scales = ["first", "second"].flatMap((layer) => [
      [`${layer}.scale`, vector(1)],
      [`${layer}.bias`, vector(0.1)],
    ]);
    const bytes = fileOf({
      inputs: { x: float32(Array(32).fill(0), [8, 4]) },
      initializers: { zeros: vector(0), ones: vector(1), ...Object.fromEntries(scales) },
      nodes: [norm("x", "first", "a"), norm("a", "first", "b"), norm("b", "second", "y")],
    });
    const { model } = withOwnStatistics("fineTune", OnnxFile.decode("fineTune", bytes));
    const [first, again, second] = model.graph.nodes.map(({ inputs }) => inputs.slice(3));
    expect(again).toEqual(first);
    expect(new Set([...first, ...second]).size).toBe(4);
  });

  it("takes the operand of the activation that a loss contains", async () => {
    const before = convnet({ end: "Softmax" });
    const { bytes, history } = await fineTune(before, { ...few, batchNorm: "keep" });
    expect(operators(bytes)).toEqual(operators(before));
    expect(decodeModel(bytes).graph.outputs).toEqual(decodeModel(before).graph.outputs);
    // The same weights without the Softmax have the same cross-entropy.
    const logits = await fineTune(convnet(), { ...few, batchNorm: "keep" });
    expect(logits.history).toMatchObject(history.map(({ epoch, validation }) => ({ epoch, validation })));

    const behind = await fineTune(reshapedEnd(before), { ...few, batchNorm: "keep" });
    expect(behind.history).toMatchObject(history.map(({ epoch, validation }) => ({ epoch, validation })));
    expect(operators(behind.bytes)).toEqual(operators(reshapedEnd(before)));

    const parity: NdArray = {
      shape: [48],
      data: Float32Array.from(few.data.labels.data as BigInt64Array, (d) => Number(d % 2n)),
    };
    const binary = await fineTune(convnet({ end: "Sigmoid", outputs: 1 }), {
      ...few,
      data: { inputs: few.data.inputs, labels: parity },
      validation: 0.25,
      loss: "binaryCrossEntropy",
    });
    expect(binary.history[1].trainingLoss).toBeLessThan(1);
    expect(binary.history[1].validation.accuracy).toBeUndefined();
  });

  it.each(["mse", "l1"] as const)("takes numbers as targets, one for an output [n, 1]: %s", async (loss) => {
    const labels = astype(few.data.labels, "float32");
    const { history, best } = await fineTune(convnet({ outputs: 1 }), {
      ...few,
      loss,
      epochs: 2,
      data: { inputs: few.data.inputs, labels },
      validation: 0.25,
    });
    expect(best.epoch).toBeGreaterThan(0);
    expect(history[2].trainingLoss).toBeLessThan(history[1].trainingLoss as number);
  });

  it("takes a loss, an optimizer and a rate in code", async () => {
    const { sgd } = await import("../../../core/src/optim/sgd.js");
    const { history } = await fineTune(folded, {
      ...few,
      loss: (y, labels) => mul(crossEntropy(y, labels), 2),
      optimizer: sgd(),
      clipNorm: 1,
      learningRate: (step) => 0.1 / (step + 1),
    });
    const plain = await fineTune(folded, { ...few, epochs: 0 });
    expect(history[0].validation.loss).toBeCloseTo(2 * plain.history[0].validation.loss, 5);
    expect(plain.history).toHaveLength(1);
  });

  it("trains a file of a fixed batch in other batches where its nodes allow it, else in that one", async () => {
    const open = exported(convnet());
    const single = exported(convnet({ batch: 1 }));
    const expected = await fineTune(open, few);
    const got = await fineTune(single, few);
    const losses = ({ history }: typeof got) => history.map((row) => row.validation.loss);
    losses(got).forEach((loss, i) => {
      expect(loss).toBeCloseTo(losses(expected)[i], 4);
    });
    expect(decodeModel(got.bytes).graph.inputs[0].shape).toEqual([1, 1, 8, 8]);

    // A reshape to [4, 8] takes four examples alone.
    const model = decodeModel(exported(convnet({ batch: 4 })));
    const nodes = model.graph.nodes.map((own) =>
      own.opType === "Flatten"
        ? { ...own, opType: "Reshape", inputs: ["pooled", "shape"], attributes: {} }
        : own,
    );
    const shape = { name: "shape", dtype: "int64", shape: [2], data: BigInt64Array.of(4n, 8n) } as const;
    const initializers = [...model.graph.initializers, shape];
    const fixed = encodeModel({ ...model, graph: { ...model.graph, nodes, initializers } });
    const four = await fineTune(fixed, few);
    expect(four.ended).toBe("complete");
    await expect(fineTune(fixed, { ...few, batchSize: 16 })).rejects.toThrow(
      "fineTune: the file takes batches of 4 examples alone; got batchSize 16.",
    );
    await expect(fineTune(fixed, { ...few, test: images({ from: 60, to: 63 }) })).rejects.toThrow(
      "fineTune: the file takes batches of 4 examples; the test data have 3.",
    );
  });

  it("ends at a signal with the best epoch so far, also within an epoch", async () => {
    const controller = new AbortController();
    const onEpoch = ({ epoch }: FineTuneEpoch) => {
      if (epoch === 1) setTimeout(() => controller.abort());
    };
    const result = await fineTune(folded, { ...settings, epochs: 50, onEpoch, signal: controller.signal });
    expect(result.ended).toBe("interrupted");
    expect(result.history).toHaveLength(2);
    expect(result.best.epoch).toBe(1);
    expect((await measured(result.bytes)).accuracy).toBe(result.history[1].validation.accuracy);
  });

  it("returns the file as it came where no epoch is better, and says why the training ended", async () => {
    const none = await fineTune(folded, {
      ...few,
      validation: images({ from: 60, to: 100 }),
      learningRate: 0,
    });
    expect(none.best.validation.loss).toBeLessThanOrEqual(none.history[0].validation.loss);
    const { bytes, best, ended, problem } = await fineTune(folded, {
      ...few,
      optimizer: "sgd",
      learningRate: 1e30,
      batchNorm: "keep",
      epochs: 3,
    });
    expect(ended).toBe("diverged");
    expect(problem).toMatch(/became .* at step|became .* before step/);
    expect(best.epoch).toBe(0);
    expect(bytes).toBe(folded);
  });

  it("leaves weights as they are that the trained output does not read", async () => {
    const initializers = {
      trunk: float32(
        Array.from({ length: 12 }, (_, i) => Math.sin(i)),
        [4, 3],
      ),
      own: float32([0.5, -0.2, 0.1, 0.4, 0.3, -0.6], [3, 2]),
      other: float32([1, 2, 3], [3, 1]),
    };
    const nodes = [
      node("MatMul", ["x", "trunk"], {}, ["h"]),
      node("MatMul", ["h", "own"], {}, ["logits"]),
      node("MatMul", ["h", "other"], {}, ["score"]),
    ];
    const file = fileOf({
      inputs: { x: float32(Array(32).fill(0), [8, 4]) },
      initializers,
      nodes,
      outputs: ["logits", "score"],
    });
    const inputs = float32(
      Array.from({ length: 32 }, (_, i) => Math.cos(i * i)),
      [8, 4],
    );
    const labels = { shape: [8], data: BigInt64Array.from([0n, 1n, 1n, 0n, 1n, 0n, 0n, 1n]) };
    const result = await fineTune(file, {
      data: { inputs, labels },
      validation: { inputs, labels },
      output: "logits",
      optimizer: createOptimizer("adamw", { weightDecay: 0.5 }),
      learningRate: 0.1,
      epochs: 2,
      runtime: "javascript",
    });
    expect(result.parameters).toMatchObject({ trained: 18, frozen: 3 });
    expect(result.best.epoch).toBeGreaterThan(0);
    expect(fromOnnx(result.bytes).params.other).toEqual(fromOnnx(file).params.other);
  });

  it("trains a ResNet that PyTorch has folded", async () => {
    const net = networks.find(({ name, mode }) => name === "ResNet" && mode === "eval");
    for (const file of Object.values(net?.folded ?? {}).map(fileBytes)) {
      const { inputs, outputs } = fromOnnx(file);
      const shape = (inputs[0].shape ?? []).slice(1).map((n) => (typeof n === "number" ? n : 16));
      const size = shape.reduce((a, b) => a * b, 24);
      const x = {
        shape: [24, ...shape],
        data: Float32Array.from({ length: size }, (_, i) => Math.sin(i * i)),
      };
      const labels = { shape: [24], data: BigInt64Array.from({ length: 24 }, (_, i) => BigInt(i % 3)) };
      const result = await fineTune(file, {
        data: { inputs: x, labels },
        validation: { inputs: x, labels },
        output: outputs[0],
        learningRate: 3e-3,
        epochs: 4,
        batchSize: 12,
        runtime: "javascript",
      });
      expect(result.restored.filter(({ changed }) => changed).length).toBeGreaterThan(2);
      expect(result.differences.restored).toBeLessThan(1e-5);
      expect(result.differences.folded).toBeLessThan(1e-5);
      expect(result.best.validation.loss).toBeLessThan(result.history[0].validation.loss);
      expect(operators(result.bytes)).toEqual(operators(file));
    }
  });
});

const wrong: [string, Partial<FineTuneOptions>, new (...args: never) => Error, string][] = [
  [
    "a label beyond the classes",
    {
      data: { ...few.data, labels: { shape: [48], data: new BigInt64Array(48).fill(10n, 30, 31) } },
      validation: 0.5,
    },
    DataError,
    "fineTune: the labels must be classes in 0..9, as the model has 10 outputs; example 30 has label 10.",
  ],
  [
    "other numbers of labels",
    { data: { ...few.data, labels: images({ to: 7 }).labels } },
    ShapeError,
    "as many labels as inputs",
  ],
  ["numbers as classes", { data: { ...few.data, labels: few.data.inputs } }, DTypeError, "choose mse."],
  [
    "data of another shape",
    { data: { ...few.data, inputs: few.data.labels } },
    ShapeError,
    '"x" must be float32',
  ],
  [
    "an unknown loss",
    { loss: "mae" as never },
    OptionError,
    "loss must be one of crossEntropy, binaryCrossEntropy, mse",
  ],
  ["an unknown optimizer", { optimizer: "adan" as never }, OptionError, "optimizer must be one of gd, sgd,"],
  [
    "an unknown output",
    { output: "logits" },
    OptionError,
    'the output "logits" is not one of the model\'s; it has y.',
  ],
  [
    "a pattern that selects nothing",
    { freeze: ["first"] },
    OptionError,
    'the pattern "first" selects none of first.weight, second.weight, head.weight, head.bias, first.bias, second.bias. Did you mean "first*"?',
  ],
  ["everything frozen", { freeze: ["*"] }, OptionError, "nothing is left to train"],
  ["no data", { data: undefined as never }, OptionError, "data must be given"],
  ["a share of 1", { validation: 1 }, OptionError, "validation must be"],
  ["an unknown option", { rate: 1 } as never, OptionError, 'fineTune has no option "rate"'],
  [
    "a tolerance that rounding exceeds",
    { tolerance: 1e-12 },
    DataError,
    "restoring the batch norms changes an output by",
  ],
];

describe("fineTune refuses", () => {
  it.each(wrong)("%s", async (_, options, type, message) => {
    const made = fineTune(folded, { ...few, ...options });
    await expect(made).rejects.toThrow(message);
    await expect(made).rejects.toBeInstanceOf(type);
  });

  it("a file of two inputs, and bytes that are none", async () => {
    const x = float32([1, 2]);
    const two = fileOf({ inputs: { x, z: x }, nodes: [node("Add", ["x", "z"])] });
    await expect(fineTune(two, few)).rejects.toThrow(
      "must have one input, which gets the data; it has x, z.",
    );
    await expect(fineTune(Uint8Array.of(1, 2), few)).rejects.toThrow("not a readable ONNX model");
  });
});

describe("fine-tuning a file with zeros", () => {
  const x = float32(
    Array.from({ length: 128 }, (_, i) => Math.sin(i)),
    [32, 4],
  );
  const classes = { shape: [32], data: BigInt64Array.from({ length: 32 }, (_, i) => BigInt(i % 2)) };
  const brief = { learningRate: 0.1, epochs: 2, runtime: "javascript" } as const;

  it("keeps those of pruned weights, but trains a layer of zeros alone", async () => {
    const { bytes, best, parameters } = await fineTune(pruned(), {
      data: { inputs: x, labels: classes },
      ...brief,
    });
    expect(best.epoch).toBeGreaterThan(0);
    expect(parameters).toMatchObject({ trained: 16, zeros: 4 });
    const { params } = fromOnnx(bytes);
    expect([...params.onnx__w.data].map((v) => v === 0)).toEqual(
      [...fromOnnx(pruned()).params.onnx__w.data].map((v) => v === 0),
    );
    expect([...params.b.data].some((v) => v !== 0)).toBe(true);
  });

  it("takes names as they are in the file for what is frozen", async () => {
    const { bytes, parameters } = await fineTune(pruned(), {
      data: { inputs: x, labels: classes },
      freeze: ["onnx::w"],
      ...brief,
    });
    expect(parameters).toEqual({ trained: 8, frozen: 8, zeros: 0 });
    expect(fromOnnx(bytes).params.onnx__w).toEqual(fromOnnx(pruned()).params.onnx__w);
  });

  it("takes classes 0 and 1 as the targets of one output", async () => {
    const { history } = await fineTune(pruned(1), {
      data: { inputs: x, labels: classes },
      loss: "binaryCrossEntropy",
      ...brief,
    });
    expect(history.length).toBe(3);
  });
});
