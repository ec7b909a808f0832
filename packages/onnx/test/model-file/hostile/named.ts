// Files that ask for too much, each in a way of its own.

import { type AttributeValue, int, type OnnxGraph, type OnnxNode, string, tensor } from "isoloss/internal";
import { fileOf, float32, int64, node, tensorOf } from "isoloss-test-support/nn/onnx/support";
import { ProtoWriter } from "../../../../core/src/runtime/onnx/protobuf.js";
import { graph, ints } from "../../../../core/src/runtime/onnx/schema.js";

const x = float32([1, 2, 3, 4], [2, 2]);
const image = float32([1, 2, 3, 4], [1, 1, 2, 2]);
const large = 2 ** 40;
const huge = 2 ** 53 - 1;

/** One node that reads x, and tensors that are in the file. */
const one = (
  opType: string,
  operands: Record<string, ReturnType<typeof float32>> = {},
  attributes: Record<string, AttributeValue> = {},
  input = x,
  outputs: readonly string[] = ["y"],
): Uint8Array =>
  fileOf({
    inputs: { x: input },
    initializers: operands,
    nodes: [node(opType, ["x", ...Object.keys(operands)], attributes, outputs)],
    outputs: [outputs[0]],
  });

const inner = (
  outputs: readonly string[],
  nodes: readonly OnnxNode[],
  inputs: readonly string[] = [],
): OnnxGraph => ({
  name: "inner",
  inputs: inputs.map((name) => ({ name })),
  outputs: outputs.map((name) => ({ name })),
  initializers: [],
  nodes,
});

const anIf = (then: OnnxGraph, otherwise: OnnxGraph): OnnxNode =>
  node("If", ["c"], { then_branch: graph(then), else_branch: graph(otherwise) });

/** If inside If, written from the inside out: the encoder would not survive it. */
function nestedIfs(depth: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let size = 0;
  const around = (field: number, write: (w: ProtoWriter) => void = () => {}) => {
    const w = new ProtoWriter();
    write(w);
    const tag = w.size;
    w.int(field, size);
    const part = w.finish();
    // The length of what is inside, whose bytes are there already, instead of an integer.
    part[tag] += 2;
    parts.push(part);
    size += part.length;
  };
  for (let level = 0; level < depth; level++) {
    around(6, (w) => w.string(1, "then_branch"));
    around(5, (w) => {
      w.string(1, "c");
      w.string(2, "y");
      w.string(4, "If");
    });
    around(1);
  }
  around(7);
  const file = new Uint8Array(size);
  let at = 0;
  for (const part of parts.reverse()) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

/** Branches that depend on an input, in a branch, some levels deep: 2^levels traces if each level takes two. */
export function branching(levels: number): Uint8Array {
  const plain = inner(["y"], [node("Neg", ["x"])]);
  let body = plain;
  for (let k = 0; k < levels; k++) body = inner(["y"], [anIf(body, plain)]);
  return fileOf({ inputs: { x, c: { shape: [], data: Uint8Array.of(1) } }, nodes: body.nodes });
}

const loop = (body: OnnxGraph): OnnxNode => node("Loop", ["trips", "", "x"], { body: graph(body) });

/** A step that doubles what is carried along an axis: its type changes, so that the steps are written out. */
const doubling = inner(
  ["going", "after"],
  [
    node("Concat", ["before", "before"], { axis: int(0) }, ["after"]),
    node("Identity", ["on"], {}, ["going"]),
  ],
  ["step", "on", "before"],
);
const halving = inner(
  ["going", "after"],
  [node("Mul", ["before", "before"], {}, ["after"]), node("Identity", ["on"], {}, ["going"])],
  ["step", "on", "before"],
);
const looped = (trips: number, body: OnnxGraph): Uint8Array =>
  fileOf({ inputs: { x }, initializers: { trips: int64([trips], []) }, nodes: [loop(body)] });

/** Loops inside loops, whose bodies would be traced 1000^levels times. */
function nestedLoops(levels: number): Uint8Array {
  let body = doubling;
  for (let k = 0; k < levels; k++) {
    const nodes = [
      node("Loop", ["trips", "", "before"], { body: graph(body) }, ["deeper"]),
      node("Slice", ["deeper", "zero", "two"], {}, ["part"]),
      node("Concat", ["part", "part"], { axis: int(0) }, ["after"]),
      node("Identity", ["on"], {}, ["going"]),
    ];
    body = inner(["going", "after"], nodes, ["step", "on", "before"]);
  }
  return fileOf({
    inputs: { x },
    initializers: { trips: int64([3], []), zero: int64([0]), two: int64([2]) },
    nodes: [loop(body)],
  });
}

/** Constants that are computed while the model is traced: sums of ones, of which the last is a shape. */
const foldingBomb = (size: number): Uint8Array =>
  fileOf({
    inputs: { x },
    initializers: { size: int64([size]), axis: int64([0], []), one: int64([1]) },
    nodes: [
      node("ConstantOfShape", ["size"], { value: tensor(tensorOf("", int64([1]))) }, ["ones"]),
      node("CumSum", ["ones", "axis"], {}, ["sums"]),
      node("ReduceSum", ["sums"], { keepdims: int(0) }, ["total"]),
      node("Reshape", ["total", "one"], {}, ["shape"]),
      node("Expand", ["x", "shape"]),
    ],
  });

/** Bytes of files, and what the refusal says. */
export const namedFiles: Readonly<Record<string, readonly [bytes: () => Uint8Array, message: RegExp]>> = {
  "If in If, 10,000 deep": [() => nestedIfs(10_000), /nested deeper than 100/],
  "a Loop of 2^53 steps": [() => looped(huge, halving), /steps|elements/],
  "a Loop of 2^40 steps": [() => looped(large, halving), /steps|elements/],
  "a Loop of 2^53 steps that doubles its value": [() => looped(huge, doubling), /elements/],
  "Loops in Loops": [() => nestedLoops(12), /traced/],
  "ConstantOfShape of 2^40": [() => foldingBomb(large), /elements/],
  "a sum of 2^30 constants that is a shape": [() => foldingBomb(2 ** 30), /elements/],
  "Expand to 2^53": [() => one("Expand", { shape: int64([huge, 1, 1]) }), /elements/],
  "Expand to 2^80": [() => one("Expand", { shape: int64([large, large, 1, 1]) }), /elements/],
  "Expand to -1": [() => one("Expand", { shape: int64([-5, 2]) }), /./],
  "Tile by 2^40": [() => one("Tile", { repeats: int64([large, 1]) }), /elements/],
  "Tile by -1": [() => one("Tile", { repeats: int64([-1, 1]) }), /./],
  "Tile by too few numbers": [() => one("Tile", { repeats: int64([2]) }), /one number for each/],
  "Pad by 2^40": [() => one("Pad", { pads: int64([large, 0, 0, 0]) }), /elements/],
  "Pad by reflections of 2^40": [
    () => one("Pad", { pads: int64([large, 0, 0, 0]) }, { mode: string("reflect") }),
    /elements/,
  ],
  "Pad with a mode that is a name of every object": [
    () => one("Pad", { pads: int64([1, 0, 0, 0]) }, { mode: string("constructor") }),
    /mode/,
  ],
  "Resize to 2^40": [
    () =>
      fileOf({
        inputs: { x: image },
        initializers: { sizes: int64([1, 1, large, 2]) },
        nodes: [node("Resize", ["x", "", "", "sizes"])],
      }),
    /elements/,
  ],
  "Resize by infinity": [
    () =>
      fileOf({
        inputs: { x: image },
        initializers: { scales: float32([1, 1, Number.POSITIVE_INFINITY, Number.NaN]) },
        nodes: [node("Resize", ["x", "", "scales"])],
      }),
    /./,
  ],
  "Upsample to 2^40": [
    () =>
      fileOf({
        inputs: { x: image },
        initializers: { scales: float32([1, 1, large, 1]) },
        nodes: [node("Upsample", ["x", "scales"])],
        opset: 9,
      }),
    /elements/,
  ],
  "an empty input with an axis of 2^53": [
    () =>
      fileOf({ inputs: { x: { shape: [huge, 0], data: new Float32Array() } }, nodes: [node("Neg", ["x"])] }),
    /elements/,
  ],
  "Upsample of nothing to 2^21": [
    () =>
      fileOf({
        inputs: { x: float32([], [0, 1, 1, 1]) },
        initializers: { scales: float32([1, 1, 2 ** 21, 1]) },
        nodes: [node("Upsample", ["x", "scales"])],
        opset: 9,
      }),
    /elements/,
  ],
  "Range to 2^40": [
    () =>
      fileOf({
        initializers: { a: int64([0], []), b: int64([large], []), c: int64([1], []) },
        nodes: [node("Range", ["a", "b", "c"])],
      }),
    /elements/,
  ],
  "Range by 0": [
    () =>
      fileOf({
        initializers: { a: int64([0], []), b: int64([5], []), c: int64([0], []) },
        nodes: [node("Range", ["a", "b", "c"])],
      }),
    /./,
  ],
  "EyeLike of a huge input": [
    () =>
      fileOf({
        nodes: [node("ConstantOfShape", ["s"], {}, ["z"]), node("EyeLike", ["z"])],
        initializers: { s: int64([2 ** 20, 2 ** 20]) },
      }),
    /elements/,
  ],
  "OneHot of depth 2^40": [
    () =>
      fileOf({
        inputs: { x: int64([0, 1]) },
        initializers: { depth: int64([large], []), values: float32([0, 1]) },
        nodes: [node("OneHot", ["x", "depth", "values"])],
      }),
    /elements/,
  ],
  "Split into 2^40": [() => one("Split", {}, { num_outputs: int(large) }), /./],
  "Split by negative sizes": [() => one("Split", { split: int64([-1, 3]) }, {}, x, ["y", "z"]), /parts/],
  "DepthToSpace with a block of 0": [() => one("DepthToSpace", {}, { blocksize: int(0) }, image), /./],
  "SpaceToDepth with a block of -1": [() => one("SpaceToDepth", {}, { blocksize: int(-1) }, image), /./],
  "HannWindow of 2^40": [
    () => fileOf({ initializers: { n: int64([large], []) }, nodes: [node("HannWindow", ["n"])] }),
    /elements/,
  ],
  "MaxPool with a kernel of 2^40": [
    () => one("MaxPool", {}, { kernel_shape: ints([large, 1]), pads: ints([large, 0, large, 0]) }, image),
    /./,
  ],
  "MaxPool with strides of 0": [
    () => one("MaxPool", {}, { kernel_shape: ints([1, 1]), strides: ints([0, 0]) }, image),
    /./,
  ],
  "AveragePool with negative dilations": [
    () => one("AveragePool", {}, { kernel_shape: ints([2, 2]), dilations: ints([-1, -1]) }, image),
    /./,
  ],
  "Conv with pads of 2^40": [
    () => one("Conv", { w: image }, { pads: ints([large, large, large, large]) }, image),
    /elements/,
  ],
  "Conv in 0 groups": [() => one("Conv", { w: image }, { group: int(0) }, image), /./],
  "ConvTranspose with strides of 2^40": [
    () => one("ConvTranspose", { w: image }, { strides: ints([large, large]) }, image),
    /./,
  ],
  "RoiAlign to 2^40": [
    () =>
      one(
        "RoiAlign",
        { rois: float32([0, 0, 1, 1], [1, 4]), which: int64([0]) },
        { output_height: int(large) },
        image,
      ),
    /elements/,
  ],
  "TopK of 2^40": [() => one("TopK", { k: int64([large]) }, {}, x, ["y", "z"]), /./],
  "Unsqueeze with an axis twice": [() => one("Unsqueeze", { axes: int64([0, 0]) }), /./],
  "Reshape with -1 twice": [() => one("Reshape", { shape: int64([-1, -1]) }), /./],
  "Reshape to 2^53": [() => one("Reshape", { shape: int64([huge, huge]) }), /./],
  "Constant without a value": [() => fileOf({ nodes: [node("Constant", [])] }), /holds no tensor/],
  "an operator named constructor": [() => one("constructor"), /not supported/],
  "a value that depends on itself": [
    () => fileOf({ nodes: [node("Neg", ["b"], {}, ["a"]), node("Neg", ["a"], {}, ["b"])], outputs: ["a"] }),
    /./,
  ],
  "a node that is its own operand": [() => fileOf({ nodes: [node("Neg", ["y"])] }), /./],
  "an axis of 2^40": [() => one("Concat", {}, { axis: int(large) }), /./],
  "LRN over 2^40 channels": [() => one("LRN", {}, { size: int(large) }, image), /elements/],
  "LRN over 2^20 channels": [() => one("LRN", {}, { size: int(2 ** 20) }, image), /traced/],
  "Tile by 2^20": [() => one("Tile", { repeats: int64([2 ** 20, 1]) }), /traced/],
  "AffineGrid of 2^60 pixels": [
    () =>
      one(
        "AffineGrid",
        { size: int64([1, 1, 2 ** 30, 2 ** 30]) },
        {},
        float32([1, 0, 0, 0, 1, 0], [1, 2, 3]),
      ),
    /elements/,
  ],
  "Trilu of 2^40 elements": [
    () =>
      fileOf({
        initializers: { s: int64([2 ** 15, 2 ** 15]) },
        nodes: [node("ConstantOfShape", ["s"], {}, ["z"]), node("Trilu", ["z"])],
      }),
    /elements/,
  ],
  "DFT of 2^40 samples": [
    () => one("DFT", { n: int64([2 ** 24], []) }, {}, float32([1, 2, 3, 4], [1, 4, 1])),
    /elements/,
  ],
  "GridSample with a padding that is a name of every object": [
    () =>
      one("GridSample", { grid: float32([0, 0], [1, 1, 1, 2]) }, { padding_mode: string("toString") }, image),
    /padding_mode/,
  ],
  "Resize with a rounding that is a name of every object": [
    () =>
      fileOf({
        inputs: { x: image },
        initializers: { scales: float32([1, 1, 2, 2]) },
        nodes: [node("Resize", ["x", "", "scales"], { nearest_mode: string("hasOwnProperty") })],
      }),
    /nearest_mode/,
  ],
  "Sum of nothing": [() => fileOf({ nodes: [node("Sum", [])] }), /no operands/],
  "Mean of nothing": [() => fileOf({ nodes: [node("Mean", [])] }), /no operands/],
  "Adam without operands": [
    () => fileOf({ nodes: [{ ...node("Adam", []), domain: "ai.onnx.preview.training" }] }),
    /0 operands/,
  ],
  "an integer divided by zero": [
    () =>
      fileOf({
        inputs: { x: int64([1]) },
        initializers: { zero: int64([0]) },
        nodes: [node("Div", ["x", "zero"])],
      }),
    /divided by zero/,
  ],
};
