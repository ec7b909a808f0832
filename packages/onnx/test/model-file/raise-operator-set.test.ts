import { opened } from "isoloss-test-support/model-file/builder";
// Nodes of older operator sets, and what ONNX Runtime computes for them before and after.

import { astype, type NdArray } from "isoloss";
import { float, int, type OnnxNode, string } from "isoloss/internal";
import { decodeModel, encodeModel } from "isoloss/onnx";
import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { fileOf, float32, node, runOrt } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { floats, ints } from "../../../core/src/runtime/onnx/schema.js";
import { GraphEditor } from "../../src/model-file/edit/graph-editor.js";
import { raiseOperatorSet } from "../../src/model-file/prepare/raise-operator-set.js";

function raised(bytes: Uint8Array, opset: number): Uint8Array {
  const editor = new GraphEditor("test", opened(bytes));
  raiseOperatorSet("test", editor, opset);
  return editor.finish().bytes;
}

interface Case {
  readonly opset: number;
  readonly nodes: readonly OnnxNode[];
  readonly initializers?: Readonly<Record<string, NdArray>>;
  readonly outputs?: readonly string[];
}

const x = astype(uniform(1, [2, 3, 4, 4], -2, 2), "float32");
const cases: Readonly<Record<string, Case>> = {
  Clip: { opset: 10, nodes: [node("Clip", ["x"], { min: float(-0.5), max: float(0.5) })] },
  "Clip without a lower bound": { opset: 10, nodes: [node("Clip", ["x"], { max: float(0.5) })] },
  "Clip without an upper bound": { opset: 10, nodes: [node("Clip", ["x"], { min: float(0.5) })] },
  Dropout: { opset: 10, nodes: [node("Dropout", ["x"], { ratio: float(0.3) })] },
  Slice: {
    opset: 9,
    nodes: [node("Slice", ["x"], { axes: ints([1, 3]), starts: ints([1, 0]), ends: ints([3, -1]) })],
  },
  "Slice without axes": { opset: 9, nodes: [node("Slice", ["x"], { starts: ints([1]), ends: ints([2]) })] },
  "Squeeze and Unsqueeze": {
    opset: 12,
    nodes: [
      node("Unsqueeze", ["x"], { axes: ints([0, 3]) }, ["wide"]),
      node("Squeeze", ["wide"], { axes: ints([3]) }),
    ],
  },
  "Squeeze of all axes of size 1": {
    opset: 11,
    nodes: [node("Unsqueeze", ["x"], { axes: ints([0]) }, ["wide"]), node("Squeeze", ["wide"])],
  },
  Split: {
    opset: 11,
    nodes: [node("Split", ["x"], { axis: int(1), split: ints([1, 2]) }, ["y", "z"])],
    outputs: ["y", "z"],
  },
  "Split in equal parts": {
    opset: 13,
    nodes: [node("Split", ["x"], { axis: int(3) }, ["y", "z"])],
    outputs: ["y", "z"],
  },
  RoiAlign: {
    opset: 11,
    nodes: [node("RoiAlign", ["x", "boxes", "of"], { output_height: int(2), output_width: int(2) })],
    initializers: {
      boxes: { shape: [2, 4], data: Float32Array.of(0.2, 0.3, 2.6, 3.1, 1, 0, 3, 2.5) },
      of: { shape: [2], data: BigInt64Array.of(0n, 1n) },
    },
  },
  Pad: { opset: 10, nodes: [node("Pad", ["x"], { pads: ints([0, 0, 1, 0, 0, 0, 0, 2]), value: float(3) })] },
  "Pad by reflection": {
    opset: 10,
    nodes: [node("Pad", ["x"], { pads: ints([0, 0, 1, 0, 0, 0, 0, 2]), mode: string("reflect") })],
  },
  TopK: {
    opset: 9,
    nodes: [node("TopK", ["x"], { k: int(2), axis: int(3) }, ["y", "places"])],
    outputs: ["y", "places"],
  },
  ReduceSum: { opset: 12, nodes: [node("ReduceSum", ["x"], { axes: ints([1, 2]), keepdims: int(0) })] },
  ReduceMean: { opset: 13, nodes: [node("ReduceMean", ["x"], { axes: ints([-1]) })] },
  ReduceL2: { opset: 11, nodes: [node("ReduceL2", ["x"], { axes: ints([2]) })] },
  "ReduceMax over all axes": { opset: 11, nodes: [node("ReduceMax", ["x"])] },
  Softmax: { opset: 12, nodes: [node("Softmax", ["x"])] },
  "Softmax over the last two axes": { opset: 11, nodes: [node("Softmax", ["x"], { axis: int(2) })] },
  "Softmax over the last axis": { opset: 11, nodes: [node("LogSoftmax", ["x"], { axis: int(3) })] },
  "Softmax over the last axis from the end": {
    opset: 11,
    nodes: [node("Softmax", ["x"], { axis: int(-1) })],
  },
  Upsample: {
    opset: 9,
    nodes: [node("Upsample", ["x", "scales"], { mode: string("nearest") })],
    initializers: { scales: float32([1, 1, 2, 3]) },
  },
  "Upsample with an attribute": {
    opset: 8,
    nodes: [node("Upsample", ["x"], { scales: floats([1, 1, 2, 2]), mode: string("linear") })],
  },
  Resize: {
    opset: 10,
    nodes: [node("Resize", ["x", "scales"], { mode: string("nearest") })],
    initializers: { scales: float32([1, 1, 1.5, 2]) },
  },
  ...Object.fromEntries(
    [
      [1, 1, 0.6, 0.5],
      [1, 1, 0.3, 0.8],
      [1, 2, 1.5, 2],
      [1, 1, 1.5, 0.5],
    ].map((scales) => [
      `Resize by ${scales}`,
      {
        opset: 10,
        nodes: [node("Resize", ["x", "scales"], { mode: string("nearest") })],
        initializers: { scales: float32(scales) },
      },
    ]),
  ),
  "Resize by 1.5 and 0.75, linear": {
    opset: 10,
    nodes: [node("Resize", ["x", "scales"], { mode: string("linear") })],
    initializers: { scales: float32([1, 1, 1.5, 0.75]) },
  },
  BatchNormalization: {
    opset: 8,
    nodes: [node("BatchNormalization", ["x", "scale", "scale", "scale", "scale"], { spatial: int(1) })],
    initializers: { scale: float32([1, 2, 3]) },
  },
  "what is the same": {
    opset: 8,
    nodes: [node("Relu", ["x"], {}, ["r"]), node("Flatten", ["r"], { axis: int(2) })],
  },
};

describe.each(Object.entries(cases))("%s", (_, { opset, nodes, ...rest }) => {
  it.each([13, 21])("computes the same in operator set %i", async (newer) => {
    const before = fileOf({ inputs: { x }, nodes, opset, ...rest });
    const after = raised(before, newer);
    expect(decodeModel(after).opsets).toEqual([{ domain: "", version: Math.max(opset, newer) }]);
    expect(await runOrt(after, { x })).toEqual(await runOrt(before, { x }));
  });
});

it("bounds and values of pads have the operand's type", async () => {
  const wide = astype(x, "float64");
  const nodes = [node("Pad", ["x"], { pads: ints([0, 0, 1, 0, 0, 0, 0, 2]), value: float(3) })];
  const before = fileOf({ inputs: { x: wide }, nodes, opset: 10 });
  expect(await runOrt(raised(before, 13), { x: wide })).toEqual(await runOrt(before, { x: wide }));
});

it("a newer file keeps its operator set", () => {
  const nodes = [node("Relu", ["x"])];
  expect(decodeModel(raised(fileOf({ inputs: { x }, nodes, opset: 18 }), 13)).opsets[0].version).toBe(18);
});

it("stored tensors of old files are no inputs any more, so that they are constants", async () => {
  const w = float32([1, 2, 3, 4], [4, 1]);
  const nodes = [node("MatMul", ["x", "w"])];
  const model = decodeModel(fileOf({ inputs: { x, w }, initializers: { w }, nodes, opset: 8 }));
  const after = raised(encodeModel({ ...model, irVersion: 3 }), 13);
  expect(decodeModel(after).graph.inputs.map(({ name }) => name)).toEqual(["x"]);
  expect(decodeModel(after).irVersion).toBe(8);
  expect(Object.keys(await runOrt(after, { x }))).toEqual(["y"]);
});

it.each<[string, number, readonly OnnxNode[], RegExp]>([
  ["of sets with other sums", 6, [node("Relu", ["x"])], /sets before 7 are not converted/],
  [
    "with a mask",
    10,
    [node("Dropout", ["x"], {}, ["y", "m"])],
    /Dropout "y" is not converted: its mask changed/,
  ],
  [
    "with nearest values at unknown places",
    10,
    [node("Resize", ["x", "x"], { mode: string("nearest") })],
    /its scales are unknown, or enlarge one axis and shrink another/,
  ],
  [
    "that normalizes places",
    8,
    [node("BatchNormalization", ["x", "x", "x", "x", "x"], { spatial: int(0) })],
    /every place/,
  ],
])("a file %s is refused", (_, opset, nodes, message) => {
  const bytes = fileOf({ inputs: { x }, nodes, opset });
  expect(() => raised(bytes, 13)).toThrow(message);
  expect(() => raised(bytes, 13)).toThrow(/convert_version\(model, 13\)/);
});
