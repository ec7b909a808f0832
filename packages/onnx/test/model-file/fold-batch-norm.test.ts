import type { NdArray } from "isoloss";
import { float, int, type OnnxNode } from "isoloss/internal";
import { decodeModel, encodeModel } from "isoloss/onnx";
import { fileOf, float32, node } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { graph } from "../../../core/src/runtime/onnx/schema.js";
import { fromOnnx } from "../../src/import/from-onnx.js";
import { compareModels } from "../../src/model-file/compare/compare-models.js";
import { foldBatchNorm } from "../../src/model-file/prepare/fold-batch-norm.js";

const norm = {
  gamma: float32([2, 3]),
  beta: float32([1, -1]),
  mean: float32([0.5, 1]),
  variance: float32([4, 9]),
};
const normNames = ["gamma", "beta", "mean", "variance"];
const x4 = float32(Array(8).fill(1), [1, 2, 2, 2]);
const x2 = float32([1, 2], [1, 2]);

interface Case {
  readonly x?: NdArray;
  readonly weights: Readonly<Record<string, NdArray>>;
  readonly nodes: readonly OnnxNode[];
  readonly outputs?: readonly string[];
  readonly opset?: number;
}

/** Layers from `x` to `z`, then a batch norm without epsilon of factors 1 and 1, then what follows. */
const file = ({ x = x4, weights, nodes, ...rest }: Case, after: readonly OnnxNode[] = []) =>
  fileOf({
    inputs: { x },
    initializers: { ...norm, ...weights },
    nodes: [...nodes, node("BatchNormalization", ["z", ...normNames], { epsilon: float(0) }), ...after],
    ...rest,
  });

/** Parameters of the folded file, and what is left in it. */
function folded(bytes: Uint8Array) {
  const result = foldBatchNorm(bytes);
  return {
    ...result,
    params: fromOnnx(result.bytes).params,
    nodes: decodeModel(result.bytes).graph.nodes.map(({ opType }) => opType),
    stored: decodeModel(result.bytes).graph.initializers.map(({ name }) => name),
  };
}

const kernel = float32([1, 2, 3, 4], [2, 2, 1, 1]);

describe("folding a batch norm", () => {
  // By hand: f = gamma / sqrt(variance) = [1, 1] by the numbers above, but for gamma = [4, 6]: f = [2, 2].
  const doubled = { gamma: float32([4, 6]) };

  it("reads equal tensors that are shared through Identity nodes, as in a network that is not trained yet", () => {
    const shared = (name: string, from: string) => node("Identity", [from], {}, [name]);
    const names = ["gamma", "zeros", "mean2", "variance2"];
    const { nodes, stored, params } = folded(
      fileOf({
        inputs: { x: x4 },
        initializers: { gamma: float32([1, 1]), zeros: float32([0, 0]), w: kernel },
        nodes: [
          ...[shared("mean2", "zeros"), shared("variance", "gamma"), shared("variance2", "variance")],
          node("Conv", ["x", "w", "mean2"], {}, ["z"]),
          node("BatchNormalization", ["z", ...names], { epsilon: float(3) }),
        ],
      }),
    );
    expect(nodes).toEqual(["Conv"]);
    expect(stored).toHaveLength(2);
    expect([...params.w.data]).toEqual([0.5, 1, 1.5, 2]);
  });

  it("into a convolution with a bias scales its filters and moves the bias", async () => {
    const before = file({
      weights: { ...doubled, w: kernel, b: float32([10, 20]) },
      nodes: [node("Conv", ["x", "w", "b"], {}, ["z"])],
    });
    const { params, nodes, stored, report, bytes } = folded(before);
    // b' = beta + (b - mean) f = [1 + 9.5 * 2, -1 + 19 * 2].
    expect(params).toEqual({ w: float32([2, 4, 6, 8], [2, 2, 1, 1]), b: float32([20, 37]) });
    expect([nodes, stored]).toEqual([["Conv"], ["w", "b"]]);
    expect(report).toEqual([
      { node: "y", opType: "BatchNormalization", changed: true, note: "folded into Conv y" },
    ]);
    expect((await compareModels(before, bytes)).largest).toBeLessThan(1e-6);
  });

  it("gives a layer without a bias one", () => {
    const { params } = folded(
      file({
        weights: { ...doubled, "conv.weight": kernel },
        nodes: [node("Conv", ["x", "conv.weight"], {}, ["z"])],
      }),
    );
    expect(params["conv.bias"]).toEqual(float32([0, -3]));
  });

  it("keeps a bias that others read, and scales a copy", () => {
    const shared = file({
      weights: { ...doubled, w: kernel, b: float32([10, 20]) },
      nodes: [node("Conv", ["x", "w", "b"], {}, ["z"]), node("Neg", ["b"], {}, ["other"])],
      outputs: ["y", "other"],
    });
    expect(folded(shared).params).toMatchObject({ b: float32([10, 20]), w_bias: float32([20, 37]) });
  });

  it("into a transposed convolution with groups scales by the channel of each group", async () => {
    const before = file({
      weights: { gamma: float32([4, 9]), w: float32([1, 2], [2, 1, 1, 1]) },
      nodes: [node("ConvTranspose", ["x", "w"], { group: int(2) }, ["z"])],
    });
    const { params, bytes } = folded(before);
    expect(params.w).toEqual(float32([2, 6], [2, 1, 1, 1]));
    expect((await compareModels(before, bytes)).largest).toBeLessThan(1e-6);
  });

  it.each<[string, Case, Readonly<Record<string, NdArray>>]>([
    [
      "a Gemm that scales its bias",
      {
        x: x2,
        weights: { ...doubled, w: float32([1, 2, 3, 4], [2, 2]), b: float32([5, 10]) },
        nodes: [node("Gemm", ["x", "w", "b"], { alpha: float(3), beta: float(2) }, ["z"])],
      },
      // b' = (beta + (2 b - mean) f) / 2 = [1 + 9.5 * 2, -1 + 19 * 2] / 2.
      { w: float32([2, 4, 6, 8], [2, 2]), b: float32([10, 18.5]) },
    ],
    [
      "a Gemm with a transposed weight and one number as bias",
      {
        x: x2,
        weights: { gamma: float32([4, 9]), w: float32([1, 2, 3, 4], [2, 2]), b: float32([10], []) },
        nodes: [node("Gemm", ["x", "w", "b"], { transB: int(1) }, ["z"])],
      },
      // f = [2, 3]; b' = [1 + 9.5 * 2, -1 + 9 * 3].
      { w: float32([2, 4, 9, 12], [2, 2]), w_bias: float32([20, 26]) },
    ],
    [
      "a MatMul and an Add",
      {
        x: x2,
        weights: { ...doubled, w: float32([1, 2, 3, 4], [2, 2]), b: float32([10, 20], [1, 2]) },
        nodes: [node("MatMul", ["x", "w"], {}, ["xw"]), node("Add", ["b", "xw"], {}, ["z"])],
      },
      { w: float32([2, 4, 6, 8], [2, 2]), b: float32([20, 37], [1, 2]) },
    ],
    [
      "a convolution and an Add",
      {
        weights: { ...doubled, w: kernel, b: float32([10, 20], [2, 1, 1]) },
        nodes: [node("Conv", ["x", "w"], {}, ["c"]), node("Add", ["c", "b"], {}, ["z"])],
      },
      { w: float32([2, 4, 6, 8], [2, 2, 1, 1]), b: float32([20, 37], [2, 1, 1]) },
    ],
    [
      "a convolution and an Add of one number",
      {
        weights: { ...doubled, w: kernel, b: float32([10], [1, 1, 1, 1]) },
        nodes: [node("Conv", ["x", "w"], {}, ["c"]), node("Add", ["c", "b"], {}, ["z"])],
      },
      // b' = [1 + 9.5 * 2, -1 + 9 * 2].
      { w: float32([2, 4, 6, 8], [2, 2, 1, 1]), w_bias: float32([20, 17], [2, 1, 1]) },
    ],
    [
      "a MatMul alone, to which it adds an Add",
      {
        x: x2,
        weights: { ...doubled, w: float32([1, 2, 3, 4], [2, 2]) },
        nodes: [node("MatMul", ["x", "w"], {}, ["z"])],
      },
      { w: float32([2, 4, 6, 8], [2, 2]), w_bias: float32([0, -3]) },
    ],
  ])("goes into %s", async (_, own, expected) => {
    const before = file(own);
    const { params, bytes } = folded(before);
    expect(params).toEqual(expected);
    expect((await compareModels(before, bytes)).largest).toBeLessThan(1e-6);
  });

  it("rounds to the float16 of the file, and leaves what goes beyond it", () => {
    const half = (name: string, bits: readonly number[], shape: readonly number[] = [bits.length]) => ({
      name,
      dtype: "float16" as const,
      shape,
      data: Uint16Array.from(bits),
    });
    const [one, three, large] = [0x3c00, 0x4200, 0x7bff];
    const halves = (gamma: number) =>
      encodeModel({
        irVersion: 8,
        opsets: [{ domain: "", version: 18 }],
        producer: "test",
        metadata: {},
        graph: {
          name: "halves",
          inputs: [{ name: "x", dtype: "float16", shape: [1, 1, 2, 2] }],
          outputs: [{ name: "y" }],
          initializers: [
            half("w", [three], [1, 1, 1, 1]),
            ...[half("gamma", [gamma]), half("beta", [0]), half("mean", [0]), half("variance", [three])],
          ],
          nodes: [node("Conv", ["x", "w"], {}, ["z"]), node("BatchNormalization", ["z", ...normNames], {})],
        },
      });
    // 3 / sqrt(3) = 1.7320508, which is 1.7324 in float16: 0x3eee.
    expect(decodeModel(foldBatchNorm(halves(one)).bytes).graph.initializers[0].data).toEqual(
      Uint16Array.of(0x3eee),
    );
    expect(foldBatchNorm(halves(large)).report[0]).toMatchObject({
      changed: false,
      note: "its new weights are beyond the range of float16",
    });
  });
});

describe("a batch norm is left", () => {
  const conv = [node("Conv", ["x", "w"], {}, ["z"])];
  const weights = { w: kernel };

  it.each<[string, Case, (readonly OnnxNode[])?]>([
    [
      "its input is a result of Relu: it is no Conv, ConvTranspose, Gemm or MatMul",
      { weights, nodes: [node("Conv", ["x", "w"], {}, ["c"]), node("Relu", ["c"], {}, ["z"])] },
    ],
    [
      "its input z has other readers",
      { weights, nodes: conv, outputs: ["y", "n"] },
      [node("Neg", ["z"], {}, ["n"])],
    ],
    ["its input z has other readers", { weights, nodes: conv, outputs: ["y", "z"] }],
    [
      "its input is a result of Conv: its weight w is used elsewhere, too",
      { weights, nodes: conv, outputs: ["y", "u"] },
      [node("Conv", ["x", "w"], {}, ["u"])],
    ],
    [
      "its input is a result of Conv: its weight v is computed",
      { weights, nodes: [node("Neg", ["w"], {}, ["v"]), node("Conv", ["x", "v"], {}, ["z"])] },
    ],
    [
      "its input is a result of Gemm: its beta is 0",
      {
        x: x2,
        weights: { w: float32([1, 2, 3, 4], [2, 2]), b: float32([1, 1]) },
        nodes: [node("Gemm", ["x", "w", "b"], { beta: float(0) }, ["z"])],
      },
    ],
    [
      "its input is a result of Gemm: its bias has the shape [2, 1], not one number a channel",
      {
        x: x2,
        weights: { w: float32([1, 2, 3, 4], [2, 2]), b: float32([1, 1], [2, 1]) },
        nodes: [node("Gemm", ["x", "w", "b"], {}, ["z"])],
      },
    ],
    [
      "its input is a result of MatMul: its result is not known to have two axes",
      {
        x: float32([1, 2, 3, 4], [1, 2, 2]),
        weights: { w: float32([1, 2, 3, 4], [2, 2]) },
        nodes: [node("MatMul", ["x", "w"], {}, ["z"])],
      },
    ],
    ["a variance is not positive", { weights: { ...weights, variance: float32([1, 0]) }, nodes: conv }],
    [
      "its input is a result of Conv: its bias b is computed",
      {
        weights: { ...weights, a: float32([1, 2]) },
        nodes: [node("Neg", ["a"], {}, ["b"]), node("Conv", ["x", "w", "b"], {}, ["z"])],
      },
    ],
  ])("where %s", (note, own, after) => {
    const before = file(own, after);
    const { report, bytes } = foldBatchNorm(before);
    expect(report).toEqual([{ node: "y", opType: "BatchNormalization", changed: false, note }]);
    expect(decodeModel(bytes)).toEqual(decodeModel(before));
  });

  it("where it is an input of the model, in training mode, or read inside a node", () => {
    const direct = fileOf({
      inputs: { z: x4 },
      initializers: norm,
      nodes: [node("BatchNormalization", ["z", ...normNames])],
    });
    expect(foldBatchNorm(direct).report[0].note).toBe("its input is an input of the model");
    const training = fileOf({
      inputs: { x: x4 },
      initializers: { ...norm, w: kernel },
      nodes: [
        ...conv,
        node("BatchNormalization", ["z", ...normNames], { training_mode: int(1) }, ["y", "m", "v"]),
      ],
    });
    expect(foldBatchNorm(training).report[0].note).toBe("it is in training mode");
    const branch = {
      name: "b",
      inputs: [],
      outputs: [{ name: "o" }],
      initializers: [],
      nodes: [node("Neg", ["z"], {}, ["o"])],
    };
    const captured = file({ weights, nodes: conv, outputs: ["y", "c"] }, [
      node("If", ["flag"], { then_branch: graph(branch), else_branch: graph(branch) }, ["c"]),
    ]);
    expect(foldBatchNorm(captured).report[0].note).toBe("its input z has other readers");
  });
});
