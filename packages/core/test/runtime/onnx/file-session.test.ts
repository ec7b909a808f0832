import { node } from "isoloss-test-support/nn/onnx/support";
import { expect, it } from "vitest";
import { encodeModel } from "../../../src/entries/onnx.js";
import { dtypeCode } from "../../../src/runtime/onnx/dtypes.js";
import { holdsFloat16 } from "../../../src/runtime/onnx/file-session.js";
import {
  graph,
  int,
  type OnnxDType,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  tensor,
} from "../../../src/runtime/onnx/schema.js";

const halves: OnnxTensor = { name: "w", dtype: "float16", shape: [1], data: new Uint16Array(1) };

/** A graph whose values are float32 but for what is given. */
const graphOf = (nodes: readonly OnnxNode[], dtype: OnnxDType = "float32"): OnnxGraph => ({
  name: "graph",
  inputs: [{ name: "x", dtype, shape: [1] }],
  outputs: [{ name: "y", dtype, shape: [1] }],
  initializers: [{ name: "b", dtype: "float32", shape: [1], data: new Float32Array(1) }],
  nodes,
});

const own = graphOf([node("Relu", ["x"])]);
const stored = { ...own, initializers: [halves] };
const cast = (dtype: OnnxDType) => graphOf([node("Cast", ["x"], { to: int(dtypeCode(dtype)) })]);
const branch = (inner: OnnxGraph) => graphOf([node("If", ["x"], { then_branch: graph(inner) })]);

it.each<readonly [string, OnnxGraph, boolean]>([
  ["float32 alone", own, false],
  ["a stored tensor", stored, true],
  ["a Constant", graphOf([node("Constant", [], { value: tensor(halves) })]), true],
  ["an input", graphOf([node("Relu", ["x"])], "float16"), true],
  ["a Cast", cast("float16"), true],
  ["a Cast to another type", cast("float64"), false],
  ["a number that is the type's", graphOf([node("Softmax", ["x"], { axis: int(10) })]), false],
  ["a branch", branch(stored), true],
  ["a branch of float32", branch(own), false],
])("finds float16 in %s", (_, graph, expected) => {
  const model = { irVersion: 8, opsets: [{ domain: "", version: 18 }], producer: "", metadata: {}, graph };
  expect(holdsFloat16(encodeModel(model))).toBe(expected);
});
