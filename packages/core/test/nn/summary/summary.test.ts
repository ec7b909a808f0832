// What a model is made of, against counts by hand.

import { messagePassing, segnet } from "isoloss-benchmarks";
import { fromOnnx } from "isoloss-onnx";
import { describe, expect, it } from "vitest";
import { type NdArray, zeros } from "../../../src/array.js";
import { OptionError, ShapeError } from "../../../src/errors.js";
import { cast, mul, sub } from "../../../src/graph/ops/arithmetic.js";
import { exp, sqrt } from "../../../src/graph/ops/elementary.js";
import { gather } from "../../../src/graph/ops/gather.js";
import { argmax } from "../../../src/graph/ops/reduce.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { torchGenerator } from "../../../src/math/mt19937.js";
import type { Model, Stateless } from "../../../src/nn/model.js";
import { convnet } from "../../../src/nn/models/convnet.js";
import { lenet } from "../../../src/nn/models/lenet.js";
import { mlp } from "../../../src/nn/models/mlp.js";
import { multiConvnet } from "../../../src/nn/models/multi-convnet.js";
import type { MultiHeadParams } from "../../../src/nn/models/multi-head.js";
import {
  type LenetHeadParams,
  type LenetTrunkParams,
  multiLenet,
} from "../../../src/nn/models/multi-lenet.js";
import { recurrentClassifier } from "../../../src/nn/models/recurrent-classifier.js";
import { sequenceTransformer } from "../../../src/nn/models/sequence-transformer.js";
import { unet } from "../../../src/nn/models/unet.js";
import { type Summary, summary, summaryText } from "../../../src/nn/summary/summary.js";
import { toOnnx } from "../../../src/runtime/onnx/export.js";
import { namedArrays } from "../../../src/tree.js";

const rowsOf = ({ layers }: Summary) =>
  layers.map(({ name, output, parameters, multiplyAdds }) => [name, output, parameters, multiplyAdds]);

describe("summary", () => {
  it("counts a perceptron: products of weights, and an addition and a ReLU an element", () => {
    const s = summary(mlp({ sizes: [784, 16, 10] }), [2, 784]);
    expect(rowsOf(s)).toEqual([
      ["layers.0", [2, 16], 784 * 16 + 16, 2 * 784 * 16],
      ["layers.1", [2, 10], 16 * 10 + 10, 2 * 16 * 10],
    ]);
    expect(s.layers.map(({ operations }) => operations)).toEqual([
      ["matmul", "add", "relu"],
      ["matmul", "add"],
    ]);
    expect(s.parameters).toBe(12730);
    expect(s.multiplyAdds).toBe(2 * 12704);
    expect(s.flops).toBe(2 * (2 * 12704 + 16 + 16 + 10));
    expect(s.outputs).toEqual({ result: [2, 10] });
    expect(s.memory.parameters).toBe(4 * 12730);
  });

  it("counts LeNet: 61,706 parameters, and a kernel for each pixel and channel", () => {
    // LeCun et al., 1998, with ReLU and images of 28 x 28 that are padded nowhere: planes of 24, 12, 8 and 4.
    const s = summary(lenet({ imageSize: [28, 28] }), [1, 1, 28, 28]);
    const counts = [24 * 24 * 6 * 25, 8 * 8 * 16 * 6 * 25, 256 * 120, 120 * 84, 84 * 10];
    expect(s.layers.map(({ multiplyAdds }) => multiplyAdds)).toEqual(counts);
    const sizes = [6 * 25 + 6, 16 * 6 * 25 + 16, 256 * 120 + 120, 120 * 84 + 84, 84 * 10 + 10];
    expect(s.layers.map(({ parameters }) => parameters)).toEqual(sizes);
    expect(s.layers[0].output).toEqual([1, 6, 12, 12]);
  });

  it("counts a GRU: three gates of each element, for all steps of its loop", () => {
    const model = recurrentClassifier({ inputs: 3, width: 4, classes: 2 });
    const s = summary(model, [5, 7, 3]);
    expect(s.parameters).toBe(12 * 3 + 12 * 4 + 2 * 12 + 4 * 2 + 2);
    expect(s.multiplyAdds).toBe(5 * 7 * (12 * 3 + 12 * 4) + 5 * 4 * 2);
    expect(s.layers.map(({ name }) => name)).toEqual(["layers.0.forward", "linear"]);
  });

  it("counts the new models' parameters", () => {
    // Pairs of convolutions with norms, up-convolutions of 2 x 2, the head of 1 x 1.
    const pair = (a: number, b: number) => 9 * a * b + 2 * b + 9 * b * b + 2 * b;
    const ups = (a: number, b: number) => 4 * a * b + b + pair(2 * b, b);
    const network = summary(unet(), [1, 1, 16, 16]);
    expect(network.parameters).toBe(
      pair(1, 16) + pair(16, 32) + pair(32, 64) + ups(64, 32) + ups(32, 16) + 16 * 2 + 2,
    );
    expect(network.state).toBe(2 * (2 * (16 + 32 + 64) + 2 * (32 + 16)));
    const block = 3 * 32 * 32 + 32 * 32 + 3 * 32 * 64 + 2 * 32;
    const transformer = summary(sequenceTransformer({ tokens: 50, perElement: true }), spec([2, 6], "int64"));
    expect(transformer.parameters).toBe(50 * 32 + 2 * block + 32 + 32 * 10);
    expect(transformer.outputs).toEqual({ result: [2, 6, 10] });
  });

  it("is of models with several outputs and of states", () => {
    const { outputs } = summary(segnet({ channels: [4, 6], classes: 5 }), [1, 3, 8, 8]);
    expect(outputs).toEqual({ classes: [1, 5, 8, 8], depth: [1, 1, 8, 8] });
    const normed = summary(convnet({ imageSize: [8, 8], stages: [[4]], norm: "batch" }), [2, 1, 8, 8]);
    expect(normed.state).toBe(8);
    expect(normed.layers.map(({ name }) => name)).toEqual(["convs.0", "norms.0", "linear"]);
  });

  it("is of an imported model as of the one that was exported", () => {
    const model = mlp({ sizes: [8, 6, 3] });
    const { params } = model.init(torchGenerator(0));
    const { graph } = trace(({ p, x }) => ({ logits: model.apply(p, x).output }), {
      p: params,
      x: spec([2, 8]),
    });
    const imported = fromOnnx(toOnnx(graph, { constants: namedArrays({ p: params }) }));
    const [own, read] = [summary(model, [2, 8]), summary(imported, { x: [2, 8] })];
    expect(read.layers.map(({ name }) => name)).toEqual(["p.layers.0", "p.layers.1"]);
    expect(rowsOf(read).map(([, ...row]) => row)).toEqual(rowsOf(own).map(([, ...row]) => row));
    expect(read.outputs).toEqual({ logits: [2, 3] });
    expect(() => summary(imported, {})).toThrow(/takes its inputs' shapes by name, { x }/);
  });

  it("says how to write a model of several tasks, whose init returns its parameters alone", () => {
    const model = multiLenet({ heads: { a: 10 } });
    expect(() => summary(model as never, [1, 1, 28, 28])).toThrow(
      "init must return { params, state }; got an object with shared, heads. Write { init: (rng) => ({ params: model.init(rng), state: {} })",
    );
    const written: Model<MultiHeadParams<LenetTrunkParams, LenetHeadParams>, Stateless, unknown> = {
      init: (rng) => ({ params: model.init(rng), state: {} }),
      apply: (params, x, context) => ({ output: model.apply(params, x, context), state: {} }),
    };
    // 21330 shared, 3060 of a head of 10 classes.
    expect(summary(written, [1, 1, 28, 28]).parameters).toBe(24390);
  });

  it("counts statistics to the norm that they are of, where they lie elsewhere in the state", () => {
    const heads = { a: 1 };
    const { layers } = summary(multiConvnet({ heads, stages: [[4]], hidden: [5] }), [2, 3, 8, 8]);
    const names = [
      "shared.convs.0.conv",
      "shared.convs.0.norm",
      "shared.hidden.0.linear",
      "shared.hidden.0.norm",
    ];
    expect(layers.map(({ name }) => name)).toEqual([...names, "heads.a"]);
    // Scale and shift of each of 5 channels (a sum, a root of 10, a quotient, a product, a difference), used on 2 x 5 numbers; ReLU.
    expect(layers[3].flops).toBe(5 * (1 + 10 + 1 + 1 + 1) + 3 * 2 * 5);
  });

  it("is of models whose outputs are integers, or floats of two types", () => {
    const w = zeros([3]);
    const of = (make: (y: Tensor) => unknown): Model<{ w: NdArray }, Stateless, unknown> => ({
      init: () => ({ params: { w }, state: {} }),
      apply: (p, x) => ({ output: make(mul(x, p.w)), state: {} }),
    });
    const classes = of((y) => argmax(y));
    expect(summary(classes, [2, 3]).outputs).toEqual({ result: [2] });
    const both = of((y) => ({ y, precise: cast(y, "float64") }));
    expect(summary(both, [2, 3]).outputs).toEqual({ y: [2, 3], precise: [2, 3] });
  });

  it("shows a layer by the name of what comes before any, too", () => {
    const model: Model<{ input: { weight: NdArray }; head: { w: NdArray } }> = {
      init: () => ({ params: { input: { weight: zeros([2, 2]) }, head: { w: zeros([2]) } }, state: {} }),
      apply: (p, x) => ({ output: mul(gather(p.input.weight, x, { axis: 0 }), p.head.w), state: {} }),
    };
    const { layers } = summary(model, spec([2, 3], "int64"));
    expect(layers.map(({ name, parameters }) => [name, parameters])).toEqual([
      ["input", 4],
      ["head", 2],
    ]);
  });

  it("counts what is computed with carried values alone to a layer, with its operations", () => {
    const w = zeros([3]);
    const model: Model<Record<"a" | "b", { w: NdArray }>, { stats: { s: NdArray } }> = {
      init: () => ({ params: { a: { w }, b: { w } }, state: { stats: { s: w } } }),
      apply: (p, x, { state }) => {
        const t = sqrt(state.stats.s);
        return { output: mul(mul(exp(sub(x, t)), p.a.w), mul(t, p.b.w)), state };
      },
    };
    const { layers } = summary(model, [2, 3]);
    expect(layers.map(({ name, operations }) => [name, operations])).toEqual([
      ["a", ["mul"]],
      ["b", ["sub", "exp", "mul"]],
    ]);
  });

  it("says what it takes", () => {
    expect(() => summary(mlp({ sizes: [8, 3] }), 8 as never)).toThrow(OptionError);
    expect(() => summary(mlp({ sizes: [8, 3] }), [2, 7])).toThrow(ShapeError);
    expect(() => summary(messagePassing as never, [2, 7])).toThrow(OptionError);
  });
});

describe("summaryText", () => {
  it("is a table with the sums below", () => {
    expect(summaryText(summary(mlp({ sizes: [784, 16, 10] }), [1, 784]))).toBe(
      [
        "layer     operations       output   parameters  multiply-adds",
        "layers.0  matmul add relu  [1, 16]      12,560         12,544",
        "layers.1  matmul add       [1, 10]         170            160",
        "",
        "12,730 parameters; output [1, 10]",
        "12,704 multiply-adds, 25,450 FLOPs",
        // The gradients are there at once in the end: four bytes a parameter.
        "a training step needs 102 kB: 50.9 kB of parameters, 50.9 kB of results and gradients",
      ].join("\n"),
    );
  });
});
