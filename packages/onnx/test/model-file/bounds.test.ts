import type { NdArray } from "isoloss";
import { float, type OnnxNode, tensor } from "isoloss/internal";
import { decodeModel } from "isoloss/onnx";
import { fileOf, float32, int64, node } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { fromOnnx } from "../../src/import/from-onnx.js";
import { compareModels } from "../../src/model-file/compare/compare-models.js";
import { withParams } from "../../src/model-file/edit/with-params.js";
import { liftBounds, lowerBounds } from "../../src/model-file/prepare/bounds.js";

const image = float32(Array(12).fill(1), [1, 3, 2, 2]);
const numbers = { low: float32([0], []), high: float32([6], []), below: float32([-0.4], []) };
const kernel = float32([1, 2, 3, 4, 5, 6], [2, 3, 1, 1]);

/** A convolution to `z` of two channels, then some nodes. */
const bounded = (
  nodes: readonly OnnxNode[],
  opset = 18,
  initializers: Readonly<Record<string, NdArray>> = {},
) =>
  fileOf({
    inputs: { x: image },
    initializers: { ...numbers, ...initializers, w: kernel },
    nodes: [node("Conv", ["x", "w"], {}, ["z"]), ...nodes],
    opset,
  });

/** Nodes of a file after its first, as text. */
const nodesOf = (bytes: Uint8Array) =>
  decodeModel(bytes)
    .graph.nodes.slice(1)
    .map(({ opType, inputs, outputs }) => `${opType}(${inputs.join(", ")}) -> ${outputs.join(", ")}`);

const relu6 = [{ ...node("Clip", ["z", "low", "high"]), name: "relu6" }];

describe("lifting bounds", () => {
  it("makes a bound of each channel a parameter that broadcasts over the places", async () => {
    const before = bounded(relu6);
    const { bytes, report } = liftBounds(before);
    expect(nodesOf(bytes)).toEqual(["Relu(z) -> y_relu", "Min(y_relu, y_cap) -> y"]);
    expect(fromOnnx(bytes).params.y_cap).toEqual(float32([6, 6], [1, 2, 1, 1]));
    expect(report).toEqual([
      { node: "relu6", opType: "Clip", changed: true, note: "Relu and Min with bounds of 2 channels" },
    ]);
    expect((await compareModels(before, bytes)).largest).toBe(0);
  });

  it.each<[string, readonly OnnxNode[], number, readonly string[]]>([
    [
      "Clip with attributes",
      [node("Clip", ["z"], { min: float(0), max: float(6) })],
      9,
      ["Relu(z) -> y_relu", "Min(y_relu, y_cap) -> y"],
    ],
    [
      "Clip with numbers of Constant nodes",
      [
        node("Constant", [], { value_float: float(0) }, ["zero"]),
        node("Constant", [], { value_float: float(6) }, ["six"]),
        node("Clip", ["z", "zero", "six"]),
      ],
      18,
      ["Relu(z) -> y_relu", "Min(y_relu, y_cap) -> y"],
    ],
    [
      "Clip with numbers that Casts make of Constant nodes, as PyTorch exports ReLU6",
      [
        node("Constant", [], { value: tensor({ name: "", ...int64([0], []), dtype: "int64" }) }, ["zero"]),
        node("Cast", ["zero"], { to: { kind: "int", value: 1 } }, ["zero32"]),
        node("Constant", [], { value_float: float(6) }, ["six"]),
        node("Cast", ["six"], { to: { kind: "int", value: 1 } }, ["six32"]),
        node("Clip", ["z", "zero32", "six32"]),
      ],
      18,
      ["Relu(z) -> y_relu", "Min(y_relu, y_cap) -> y"],
    ],
    [
      "Clip from another number",
      [node("Clip", ["z", "below", "high"])],
      13,
      ["Max(z, y_floor) -> y_max", "Min(y_max, y_cap) -> y"],
    ],
    ["Clip without an upper bound", [node("Clip", ["z", "low"])], 13, ["Relu(z) -> y"]],
    ["Clip without a lower bound", [node("Clip", ["z", "", "high"])], 13, ["Min(z, y_cap) -> y"]],
    ["Max with a number", [node("Max", ["below", "z"])], 13, ["Max(z, y_floor) -> y"]],
    ["Min with a number", [node("Min", ["z", "high"])], 13, ["Min(z, y_cap) -> y"]],
  ])("knows %s", async (_, nodes, opset, expected) => {
    const before = bounded(nodes, opset);
    const { bytes } = liftBounds(before);
    expect(nodesOf(bytes)).toEqual(expected);
    expect((await compareModels(before, bytes, { seed: 1 })).largest).toBe(0);
  });

  it("follows a value to its layer through additions, pools and norms, and puts linear layers' channels last", () => {
    const through = bounded(
      [
        node("Relu", ["z"], {}, ["r"]),
        node("GlobalAveragePool", ["r"], {}, ["p"]),
        node("Add", ["p", "shift"], {}, ["s"]),
        node("Mul", ["s", "r"], {}, ["m"]),
        node("Concat", ["m", "z"], { axis: { kind: "int", value: 1 } }, ["c"]),
        node("Clip", ["c", "low", "high"], {}),
      ],
      18,
      { shift: float32([1, 2], [2, 1, 1]) },
    );
    expect(fromOnnx(liftBounds(through).bytes).params.y_cap.shape).toEqual([1, 4, 1, 1]);
    const linear = fileOf({
      inputs: { x: float32([1, 2], [1, 1, 2]) },
      initializers: { ...numbers, w: float32([1, 2, 3, 4], [2, 2]) },
      nodes: [node("MatMul", ["x", "w"], {}, ["z"]), ...relu6],
    });
    expect(fromOnnx(liftBounds(linear).bytes).params.y_cap.shape).toEqual([2]);
  });

  it.each<[string, readonly OnnxNode[], number?]>([
    [
      "the number of channels of t is not known",
      [node("Transpose", ["z"], {}, ["t"]), node("Clip", ["t", "low", "high"])],
    ],
    ["its bound h is no stored number", [node("Neg", ["high"], {}, ["h"]), node("Clip", ["z", "low", "h"])]],
    ["it has no bounds", [node("Clip", ["z"])]],
    [
      "Min and Max broadcast from operator set 8 on only",
      [node("Clip", ["z"], { min: float(0), max: float(6) })],
      7,
    ],
  ])("leaves a Clip where %s", (note, nodes, opset) => {
    const before = bounded(nodes, opset);
    const { bytes, report } = liftBounds(before);
    expect(report).toMatchObject([{ opType: "Clip", changed: false, note }]);
    expect(bytes).toEqual(before);
  });

  it("leaves integers", () => {
    const before = fileOf({
      inputs: { x: int64([1, 2], [1, 2]) },
      initializers: { low: int64([0], []) },
      nodes: [node("Clip", ["x", "low"])],
    });
    expect(liftBounds(before).report).toMatchObject([
      { changed: false, note: "its bound low is no stored number" },
    ]);
  });
});

describe("lowering bounds", () => {
  it.each([9, 13])("is the way back in operator set %i", async (opset) => {
    const clip =
      opset === 9
        ? [node("Clip", ["z"], { min: float(-0.5), max: float(6) })]
        : [node("Clip", ["z", "below", "high"])];
    const before = bounded(clip, opset);
    const { bytes, report } = lowerBounds(liftBounds(before).bytes);
    expect(decodeModel(bytes).graph.nodes.map(({ opType }) => opType)).toEqual(["Conv", "Clip"]);
    expect(report).toMatchObject([{ opType: "Min", changed: true }]);
    expect((await compareModels(before, bytes)).largest).toBe(0);
    const { params } = fromOnnx(bytes);
    expect(Object.keys(params)).toEqual(["w"]);
  });

  it("makes Min and Max with one number of those that no other bound belongs to", () => {
    const before = bounded([
      node("Max", ["z", "below"], {}, ["m"]),
      node("Neg", ["m"], {}, ["n"]),
      node("Min", ["n", "high"]),
    ]);
    const { bytes, report } = lowerBounds(liftBounds(before).bytes);
    expect(nodesOf(bytes)).toEqual(["Max(z, m_bound) -> m", "Neg(m) -> n", "Min(n, y_bound) -> y"]);
    expect(report.map(({ note }) => note)).toEqual(["one bound, 6", "one bound, -0.4"]);
  });

  it("leaves bounds that differ, and those that broadcast the value", () => {
    const lifted = liftBounds(bounded(relu6)).bytes;
    const moved = withParams(lifted, { y_cap: float32([6, 5], [1, 2, 1, 1]) });
    expect(lowerBounds(moved)).toEqual({
      bytes: moved,
      report: [{ node: "relu6", opType: "Min", changed: false, note: "its bounds differ, from 5 to 6" }],
    });
    const wide = { cap: float32([1, 1], [2, 1, 1, 1]) };
    expect(lowerBounds(bounded([node("Min", ["z", "cap"])], 18, wide)).report).toMatchObject([
      { changed: false, note: "z is not known to have the bounds' channels" },
    ]);
  });

  it("keeps an inner bound that others read", () => {
    const shared = bounded(
      [node("Relu", ["z"], {}, ["r"]), node("Min", ["r", "cap"], {}, ["m"]), node("Add", ["r", "m"])],
      18,
      {
        cap: float32([2, 2], [2, 1, 1]),
      },
    );
    expect(nodesOf(lowerBounds(shared).bytes)).toEqual([
      "Relu(z) -> r",
      "Min(r, m_bound) -> m",
      "Add(r, m) -> y",
    ]);
  });
});
