import type { ImportedModel } from "isoloss";
import {
  astype,
  compileJavaScript,
  createTrainer,
  DTypeError,
  digits,
  type NdArray,
  namedArrays,
  OptionError,
  sgd,
  simplify,
  takeRows,
  torchGenerator,
  trace,
} from "isoloss";
import { decodeModel, encodeModel } from "isoloss/onnx";
import { constant } from "isoloss/ops";
import { Builder } from "isoloss-test-support/model-file/builder";
import { expectAsExported, fileBytes, networks } from "isoloss-test-support/nn/onnx/exported";
import { fileOf, float32, node } from "isoloss-test-support/nn/onnx/support";
import { sampledRows } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { fromOnnx } from "../../src/import/from-onnx.js";
import { trainable } from "../../src/import/trainable.js";
import { withParams } from "../../src/model-file/edit/with-params.js";

/** A batch norm of two channels and its file. */
const norm = (attributes = {}) =>
  fileOf({
    inputs: { x: float32([0, 0, 0, 0, 0, 0], [3, 2]) },
    initializers: {
      scale: float32([2, -1]),
      shift: float32([0.5, 1]),
      mean: float32([1, -1]),
      variance: float32([4, 0.25]),
    },
    nodes: [node("BatchNormalization", ["x", "scale", "shift", "mean", "variance"], attributes)],
  });

/** What a file computes with a state, in training or evaluation, by JavaScript. */
function run(bytes: Uint8Array, x: NdArray, training: boolean, only = (_: string) => true) {
  const model = fromOnnx(bytes);
  const state = Object.fromEntries(Object.entries(model.state).filter(([name]) => only(name)));
  const { graph } = trace(({ p, s, x }) => model.applyWithState(p, { x }, { state: s, training }), {
    p: model.params,
    s: state,
    x,
  });
  const arrays = namedArrays({ p: model.params, s: state, x });
  return compileJavaScript(simplify(graph)).runSync(arrays);
}

const x = float32([1, 2, 3, 6, 5, 1], [3, 2]);
const numbers = ({ data }: NdArray) => Array.from(data, Number);

describe("an imported model in training", () => {
  it("normalizes by the batch and updates the running statistics, by hand", () => {
    // Channel 0: 1, 3, 5, of mean 3, variance 8/3 and unbiased variance 4; channel 1: 2, 6, 1, of mean 3, 14/3 and 7.
    const results = run(norm(), x, true);
    numbers(results["output.y"]).forEach((y, i) => {
      const [scale, shift, v] = [[2, -1][i % 2], [0.5, 1][i % 2], [8 / 3, 14 / 3][i % 2]];
      expect(y).toBeCloseTo((scale * (Number(x.data[i]) - 3)) / Math.sqrt(v + 1e-5) + shift, 5);
    });
    expect(numbers(results["state.mean"])[0]).toBeCloseTo(0.9 * 1 + 0.1 * 3, 6);
    expect(numbers(results["state.mean"])[1]).toBeCloseTo(0.9 * -1 + 0.1 * 3, 6);
    expect(numbers(results["state.variance"])[0]).toBeCloseTo(0.9 * 4 + 0.1 * 4, 5);
    expect(numbers(results["state.variance"])[1]).toBeCloseTo(0.9 * 0.25 + 0.1 * 7, 5);
  });

  it("uses the file's momentum", () => {
    const results = run(norm({ momentum: { kind: "float", value: 0.5 } }), x, true);
    expect(numbers(results["state.mean"])).toEqual([2, 1]);
  });

  it("uses the running statistics in evaluation, or where they are left out of the state", () => {
    const evaluated = run(norm(), x, false);
    expect(numbers(evaluated["state.mean"])).toEqual([1, -1]);
    const kept = run(norm(), x, true, () => false);
    expect(kept["output.y"]).toEqual(evaluated["output.y"]);
    const half = run(norm(), x, true, (name) => name === "mean");
    expect(half["output.y"]).toEqual(evaluated["output.y"]);
  });

  it("updates one after the other where a layer is applied twice, and leaves shared statistics as they are", () => {
    const initializers = {
      scale: float32([1, 1]),
      shift: float32([0, 0]),
      mean: float32([0, 0]),
      variance: float32([1, 1]),
    };
    const apply = (from: string, to: string, shift = "shift") =>
      node("BatchNormalization", [from, "scale", shift, "mean", "variance"], {}, [to]);
    const twice = fileOf({ inputs: { x }, initializers, nodes: [apply("x", "h"), apply("h", "y")] });
    const [first] = numbers(run(twice, x, true)["state.mean"]);
    // 0.1 * 3 after the first; the second sees a mean of 0.
    expect(first).toBeCloseTo(0.9 * 0.3, 6);
    const shared = fileOf({
      inputs: { x },
      initializers: { ...initializers, other: float32([1, 1]) },
      nodes: [apply("x", "h"), apply("h", "y", "other")],
    });
    expect(fromOnnx(shared).state).toEqual({});
    // A tensor that is a shift, too, as where an exporter stores equal numbers once.
    const both = fileOf({ inputs: { x }, initializers, nodes: [apply("x", "y", "mean")] });
    expect(Object.keys(fromOnnx(both).state)).toEqual(["variance"]);
    expect(run(both, x, true)["output.y"]).toEqual(run(both, x, false)["output.y"]);
  });

  it.each([[false], [true]])("reads statistics in Constant nodes: %s", (constants) => {
    const b = new Builder({ constants });
    const bytes = b.bytes(["batch", 2], b.batchNorm("x", 2));
    const { state, params } = fromOnnx(bytes);
    expect(Object.keys(state)).toEqual(["mean2", "variance3"]);
    expect(Object.keys(params)).toEqual(["scale0", "shift1"]);
    expect(numbers(run(bytes, x, true)["state.mean2"])[0]).toBeCloseTo(
      0.9 * Number(state.mean2.data[0]) + 0.1 * 3,
      5,
    );
  });
});

/** A file exported in training mode as it would be in evaluation mode. */
function inEvaluation(bytes: Uint8Array): Uint8Array {
  const model = decodeModel(bytes);
  const nodes = model.graph.nodes.map((own) => {
    if (own.opType !== "BatchNormalization") return own;
    const { training_mode: _, ...attributes } = own.attributes;
    return { ...own, attributes, outputs: own.outputs.slice(0, 1) };
  });
  return encodeModel({ ...model, graph: { ...model.graph, nodes } });
}

/** The model whose `apply` is that of training. */
const inTraining = (model: ImportedModel): ImportedModel => ({
  ...model,
  apply: (params, inputs) => {
    const state = Object.fromEntries(Object.entries(model.state).map(([name, a]) => [name, constant(a)]));
    return model.applyWithState(params, inputs, { state, training: true }).output;
  },
});

const normalized = networks.filter(({ name }) => /^(ResNet|MobileNet|DenseNet|U-Net)$/.test(name));
const inMode = (wanted: string) =>
  sampledRows(normalized.filter(({ mode }) => mode === wanted)).map(
    (golden) => [golden.name, golden] as const,
  );

describe("a network of PyTorch", () => {
  it.each(inMode("train"))("has its outputs and gradients of training mode: %s", (_, golden) => {
    for (const file of Object.values(golden.files)) {
      const bytes = inEvaluation(fileBytes(file));
      const { state } = expectAsExported(golden, bytes, inTraining);
      expect(Object.keys(state).length).toBeGreaterThan(0);
    }
  });

  it.each(inMode("eval"))("has the buffers of its batch norms as state, by their names: %s", (_, golden) => {
    for (const file of Object.values(golden.files)) {
      const { state, params } = fromOnnx(fileBytes(file));
      const buffers = Object.keys(params).flatMap((name) => {
        const layer = name.slice(0, name.lastIndexOf("."));
        const isNorm = golden.gradients[name]?.shape.length === 1 && name.endsWith(".weight");
        return isNorm ? [`${layer}.running_mean`, `${layer}.running_var`] : [];
      });
      expect(buffers.length).toBeGreaterThan(0);
      expect(Object.keys(state).sort()).toEqual(buffers.sort());
    }
  });
});

/** Digits as images [n, 1, 8, 8]. */
const images = (count: number) => {
  const { images: all, labels } = digits();
  const rows = [...Array(count).keys()];
  const { data } = takeRows(all, rows);
  return { inputs: { shape: [count, 1, 8, 8], data }, labels: takeRows(labels, rows) };
};

/** A convolution with a batch norm, relu and a linear layer, and the file's names. */
function network() {
  const b = new Builder({ seed: 3 });
  const h = b.node("Relu", [b.batchNorm(b.conv("x", 1, 6, { size: 3 }), 6)]);
  const flat = b.node("Flatten", [b.node("GlobalAveragePool", [h])]);
  return b.bytes(["batch", 1, 8, 8], b.product(flat, 6, 10));
}

describe("trainable", () => {
  const settings = { data: images(64), optimizer: sgd(), learningRate: 0.1, batchSize: 16 };

  it("trains a file with its batch norms, and the result is written back", async () => {
    const bytes = network();
    const imported = fromOnnx(bytes);
    const trainer = await createTrainer({ ...settings, model: trainable(imported) });
    await trainer.run({ steps: 40 });
    const { loss } = trainer.history;
    expect(loss.at(-1)).toBeLessThan(loss[0]);
    const { params, state } = trainer.current;
    for (const name of Object.keys(imported.state)) {
      expect(numbers(state[name])).not.toEqual(numbers(imported.state[name]));
    }
    const after = withParams(bytes, { ...params, ...state });
    const again = await createTrainer({ ...settings, model: trainable(fromOnnx(after)) });
    expect(await again.evaluate(settings.data)).toEqual(await trainer.evaluate(settings.data));
    await trainer.dispose();
    await again.dispose();
  });

  it("leaves frozen parameters and statistics as they are", async () => {
    const imported = fromOnnx(network());
    const names = [...Object.keys(imported.params), ...Object.keys(imported.state)];
    const kept = names.filter((name) => /^(w0|scale|shift|mean|variance)/.test(name));
    const model = trainable(imported, { freeze: (name) => kept.includes(name) });
    const trainer = await createTrainer({ ...settings, model });
    await trainer.run({ steps: 3 });
    const { params, state } = trainer.current;
    expect(Object.keys({ ...params, ...state }).sort()).toEqual(
      names.filter((n) => !kept.includes(n)).sort(),
    );
    await trainer.dispose();
  });

  it("refuses what it cannot train, with what to write", () => {
    const imported = fromOnnx(network());
    expect(() => trainable({} as never)).toThrow("Write trainable(fromOnnx(bytes)).");
    expect(() => trainable(imported, { output: "logits" })).toThrow(
      `trainable: the output "logits" is not one of the model's; it has ${imported.outputs}.`,
    );
    const bare = fileOf({ inputs: { x: float32([1], [1]) }, nodes: [node("Relu", ["x"])] });
    expect(() => trainable(fromOnnx(bare))).toThrow(
      "must have parameters of floats; it has none. If it is quantized,",
    );
    expect(() => trainable(imported, { freeze: () => true })).toThrow("nothing is left to train: all of w0,");
    expect(() => trainable(imported, { freeze: "w0" as never })).toThrow(OptionError);
    expect(() => trainable(imported, { frozen: [] } as never)).toThrow('no option "frozen"');
    const two = fileOf({ inputs: { x, z: x }, nodes: [node("Add", ["x", "z"])] });
    expect(() => trainable(fromOnnx(two))).toThrow("the input must be named; it has x, z.");
    expect(() => trainable(fromOnnx(two), { input: "x" })).toThrow("must have one input");
    const float64 = { dtype: "float64" } as const;
    expect(() => trainable(imported).init(torchGenerator(0), float64)).toThrow(DTypeError);
    expect(trainable(fromOnnx(network(), float64)).init(torchGenerator(0), float64).params.w0.data).toEqual(
      astype(imported.params.w0, "float64").data,
    );
  });
});
