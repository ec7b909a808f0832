// Every operator that is read, against ONNX Runtime on the same bytes.
import { describe, expect, it } from "vitest";
import { astype, dtypeOf, type NdArray } from "../../../src/array.js";
import { operators } from "../../../src/nn/onnx/operators/operators.js";
import { float, floats, int, ints, type OnnxNode, string, tensor } from "../../../src/runtime/onnx/schema.js";
import { bools, distinct, uniform } from "../../graph/ops/op-case.js";
import { relativeError } from "../../graph/ops/op-derivatives.js";
import { type Arrays, fileOf, float32, int64, node, runImported, runOrt, tensorOf } from "./support.js";

const single = (x: NdArray) => astype(x, "float32");
const [x, other, column] = [uniform(1, [2, 3, 4]), uniform(2, [2, 3, 4]), uniform(3, [3, 1])].map(single);
const positive = single(uniform(4, [2, 3, 4], 0.5, 2));
const image = single(distinct(5, [2, 4, 7, 6])[0]);
const sequence = single(distinct(6, [2, 4, 9])[0]);
const channels = ["scale", "shift", "mean"].map((_, k) => single(uniform(7 + k, [4], 0.5, 1.5)));

interface Case {
  readonly inputs?: Arrays;
  readonly initializers?: Arrays;
  readonly node: OnnxNode;
  readonly opset?: number;
}

type Attributes = OnnxNode["attributes"];

/** Operands a, b, ... that are given at run time. */
function given(
  opType: string,
  operands: readonly NdArray[],
  attributes: Attributes = {},
  opset?: number,
): Case {
  const names = operands.map((_, k) => String.fromCharCode(97 + k));
  return {
    inputs: Object.fromEntries(operands.map((array, k) => [names[k], array])),
    node: node(opType, names, attributes),
    ...(opset === undefined ? {} : { opset }),
  };
}

/** An operand x at run time, further ones in the file; null: left out. */
function withFile(
  opType: string,
  operand: NdArray,
  stored: readonly (NdArray | null)[],
  attributes: Attributes = {},
  opset?: number,
): Case {
  const names = stored.map((array, k) => (array ? `s${k}` : ""));
  return {
    inputs: { x: operand },
    initializers: Object.fromEntries(stored.flatMap((array, k) => (array ? [[names[k], array]] : []))),
    node: node(opType, ["x", ...names], attributes),
    ...(opset === undefined ? {} : { opset }),
  };
}

const unary = (opType: string, operand: NdArray = x, attributes: Attributes = {}) =>
  given(opType, [operand], attributes);

const reduced = (opType: string, operand: NdArray = x) => [
  withFile(opType, operand, [int64([0, -1])], { keepdims: int(0) }),
  withFile(opType, operand, [], {}),
  withFile(opType, operand, [], { noop_with_empty_axes: int(1) }),
  given(opType, [operand], { axes: ints([1]), ...(opType === "ReduceSum" ? {} : { keepdims: int(1) }) }, 12),
];

const cases: Readonly<Record<string, readonly Case[]>> = {
  Abs: [unary("Abs")],
  Add: [given("Add", [x, column])],
  And: [given("And", [bools(1, [2, 3]), bools(2, [3])])],
  ArgMax: [unary("ArgMax", x, { axis: int(1) }), unary("ArgMax", x, { axis: int(-1), keepdims: int(0) })],
  Asinh: [unary("Asinh")],
  AveragePool: [
    unary("AveragePool", image, {
      kernel_shape: ints([2, 3]),
      strides: ints([2, 1]),
      pads: ints([1, 0, 0, 1]),
    }),
    unary("AveragePool", image, {
      kernel_shape: ints([3, 3]),
      pads: ints([1, 1, 1, 1]),
      count_include_pad: int(1),
    }),
    unary("AveragePool", sequence, {
      kernel_shape: ints([3]),
      strides: ints([2]),
      auto_pad: string("SAME_UPPER"),
    }),
  ],
  BatchNormalization: [
    withFile("BatchNormalization", image, [...channels, single(uniform(20, [4], 0.5, 2))], {
      epsilon: float(0.25),
    }),
    withFile("BatchNormalization", sequence, [...channels, single(uniform(20, [4], 0.5, 2))]),
  ],
  Cast: [
    unary("Cast", x, { to: int(7) }),
    unary("Cast", bools(3, [4]), { to: int(1) }),
    unary("Cast", int64([0, -2, 3]), { to: int(9) }),
  ],
  Ceil: [unary("Ceil")],
  Celu: [unary("Celu", x, { alpha: float(0.5) })],
  Clip: [
    withFile("Clip", x, [null, float32([0.5], [])]),
    withFile("Clip", x, [float32([-0.5], [])]),
    given("Clip", [x], { min: float(-1), max: float(0.25) }, 10),
  ],
  Concat: [given("Concat", [x, other], { axis: int(-2) })],
  Constant: [
    { node: node("Constant", [], { value: tensor(tensorOf("t", float32([1, 2], [1, 2]))) }) },
    { node: node("Constant", [], { value_float: float(0.5) }) },
    { node: node("Constant", [], { value_floats: floats([0.5, 2]) }) },
    { node: node("Constant", [], { value_int: int(3) }) },
    { node: node("Constant", [], { value_ints: ints([3, -1]) }) },
  ],
  ConstantOfShape: [
    { initializers: { s: int64([2, 3]) }, node: node("ConstantOfShape", ["s"]) },
    {
      initializers: { s: int64([2]) },
      node: node("ConstantOfShape", ["s"], { value: tensor(tensorOf("t", int64([7]))) }),
    },
  ],
  Conv: [
    withFile("Conv", image, [single(uniform(30, [6, 2, 3, 2])), single(uniform(31, [6]))], {
      group: int(2),
      strides: ints([2, 1]),
      pads: ints([1, 0, 2, 1]),
      dilations: ints([1, 2]),
    }),
    withFile("Conv", image, [single(uniform(32, [3, 4, 3, 3]))], {
      auto_pad: string("SAME_LOWER"),
      strides: ints([2, 2]),
    }),
    withFile("Conv", image, [single(uniform(32, [3, 4, 3, 3]))], { auto_pad: string("VALID") }),
    withFile("Conv", sequence, [single(uniform(33, [5, 4, 3])), single(uniform(34, [5]))], {
      strides: ints([2]),
      pads: ints([1, 2]),
    }),
  ],
  ConvTranspose: [
    withFile("ConvTranspose", image, [single(uniform(35, [4, 3, 3, 2])), single(uniform(36, [3]))], {
      strides: ints([2, 3]),
      pads: ints([1, 0, 0, 1]),
      output_padding: ints([1, 0]),
    }),
    withFile("ConvTranspose", sequence, [single(uniform(37, [4, 2, 3]))], {
      strides: ints([2]),
      group: int(2),
    }),
  ],
  Cos: [unary("Cos")],
  Cosh: [unary("Cosh")],
  CumSum: [
    withFile("CumSum", x, [int64([1], [])]),
    withFile("CumSum", x, [int64([-1], [])], { exclusive: int(1), reverse: int(1) }),
  ],
  Div: [given("Div", [x, positive]), given("Div", [int64([7, -7]), int64([2, 2])])],
  Dropout: [unary("Dropout"), withFile("Dropout", x, [float32([0.5], [])])],
  Elu: [unary("Elu", x, { alpha: float(0.5) })],
  Equal: [given("Equal", [int64([1, 2, 3]), int64([1, 0, 3])])],
  Erf: [unary("Erf")],
  Exp: [unary("Exp")],
  Expand: [withFile("Expand", column, [int64([2, 1, 4])])],
  Flatten: [
    unary("Flatten"),
    unary("Flatten", x, { axis: int(0) }),
    unary("Flatten", x, { axis: int(-1) }),
    unary("Flatten", x, { axis: int(3) }),
  ],
  Floor: [unary("Floor")],
  Gather: [
    withFile("Gather", x, [int64([2, -1, 0, 0], [2, 2])], { axis: int(1) }),
    withFile("Gather", x, [int64([-2], [])], { axis: int(2) }),
    given("Gather", [x, int64([1, -1])]),
  ],
  Gelu: [
    { ...unary("Gelu"), opset: 20 },
    { ...unary("Gelu", x, { approximate: string("tanh") }), opset: 20 },
  ],
  Gemm: [
    given("Gemm", [uniform(40, [3, 2]), uniform(41, [4, 3]), uniform(42, [4])].map(single), {
      transA: int(1),
      transB: int(1),
      alpha: float(0.5),
      beta: float(-2),
    }),
    given("Gemm", [uniform(40, [3, 2]), uniform(43, [2, 5])].map(single)),
  ],
  GlobalAveragePool: [unary("GlobalAveragePool", image), unary("GlobalAveragePool", sequence)],
  GlobalMaxPool: [unary("GlobalMaxPool", image)],
  Greater: [given("Greater", [x, other])],
  GreaterOrEqual: [given("GreaterOrEqual", [int64([1, 2]), int64([2, 2])])],
  GroupNormalization: [
    { ...withFile("GroupNormalization", image, channels.slice(0, 2), { num_groups: int(2) }), opset: 21 },
  ],
  HardSigmoid: [unary("HardSigmoid"), unary("HardSigmoid", x, { alpha: float(0.5), beta: float(0.25) })],
  HardSwish: [unary("HardSwish")],
  Identity: [unary("Identity")],
  InstanceNormalization: [
    withFile("InstanceNormalization", image, channels.slice(0, 2), { epsilon: float(0.1) }),
  ],
  LayerNormalization: [
    withFile("LayerNormalization", x, [single(uniform(50, [3, 4])), single(uniform(51, [3, 4]))], {
      axis: int(1),
      epsilon: float(0.1),
    }),
    withFile("LayerNormalization", x, [single(uniform(50, [4]))]),
  ],
  LeakyRelu: [unary("LeakyRelu"), unary("LeakyRelu", x, { alpha: float(0.25) })],
  Less: [given("Less", [x, other])],
  LessOrEqual: [given("LessOrEqual", [int64([1, 2]), int64([2, 1])])],
  Log: [unary("Log", positive)],
  LogSoftmax: [unary("LogSoftmax", x, { axis: int(1) }), { ...unary("LogSoftmax"), opset: 12 }],
  MatMul: [
    given("MatMul", [uniform(60, [2, 3, 4]), uniform(61, [4, 5])].map(single)),
    given("MatMul", [uniform(60, [2, 3, 4]), uniform(62, [4])].map(single)),
    given("MatMul", [uniform(62, [4]), uniform(63, [2, 4, 3])].map(single)),
    given("MatMul", [uniform(62, [4]), uniform(64, [4])].map(single)),
  ],
  Max: [given("Max", [x, other, column]), given("Max", [x])],
  MaxPool: [
    unary("MaxPool", image, { kernel_shape: ints([3, 2]), strides: ints([2, 1]), pads: ints([1, 0, 1, 1]) }),
    unary("MaxPool", image, { kernel_shape: ints([3, 2]), strides: ints([2, 2]), ceil_mode: int(1) }),
    unary("MaxPool", sequence, { kernel_shape: ints([2]), dilations: ints([2]) }),
  ],
  Mean: [given("Mean", [x, other, column])],
  Min: [given("Min", [x, other])],
  Mish: [unary("Mish")],
  Mul: [given("Mul", [x, column])],
  Neg: [unary("Neg")],
  Not: [unary("Not", bools(4, [5]))],
  Or: [given("Or", [bools(1, [6]), bools(2, [6])])],
  Pad: [
    withFile("Pad", x, [int64([0, 1, 2, 1, 0, 0]), float32([0.5], [])]),
    withFile("Pad", x, [int64([1, -1]), null, int64([2])]),
    given("Pad", [x], { pads: ints([0, 1, 0, 0, 0, 1]), value: float(2) }, 10),
  ],
  Pow: [
    withFile("Pow", x, [float32([3], [])]),
    withFile("Pow", x, [int64([2], [])]),
    given("Pow", [positive, x]),
  ],
  PRelu: [withFile("PRelu", image, [single(uniform(70, [4, 1, 1]))])],
  Range: [
    {
      initializers: { a: int64([1], []), b: int64([8], []), c: int64([3], []) },
      node: node("Range", ["a", "b", "c"]),
    },
  ],
  Reciprocal: [unary("Reciprocal", positive)],
  ReduceL1: reduced("ReduceL1"),
  ReduceL2: reduced("ReduceL2"),
  ReduceLogSum: reduced("ReduceLogSum", positive),
  ReduceLogSumExp: reduced("ReduceLogSumExp"),
  ReduceMax: reduced("ReduceMax"),
  ReduceMean: reduced("ReduceMean"),
  ReduceMin: reduced("ReduceMin"),
  ReduceSum: reduced("ReduceSum"),
  ReduceSumSquare: reduced("ReduceSumSquare"),
  Relu: [unary("Relu")],
  Reshape: [
    withFile("Reshape", x, [int64([0, -1, 2])]),
    withFile("Reshape", { shape: [0, 3], data: new Float32Array(0) }, [int64([3, 0])], { allowzero: int(1) }),
  ],
  Selu: [unary("Selu")],
  Shape: [
    unary("Shape"),
    unary("Shape", x, { start: int(1) }),
    unary("Shape", x, { start: int(-2), end: int(-1) }),
  ],
  Sigmoid: [unary("Sigmoid")],
  Sign: [unary("Sign")],
  Sin: [unary("Sin")],
  Sinh: [unary("Sinh")],
  Size: [unary("Size")],
  Slice: [
    withFile("Slice", x, [int64([1, 0]), int64([9, -1]), int64([1, -1]), int64([1, 2])]),
    withFile("Slice", x, [int64([-1]), int64([-(2 ** 40)]), int64([2]), int64([-2])]),
    withFile("Slice", x, [int64([0, 1]), { shape: [2], data: BigInt64Array.of(2n ** 63n - 1n, 2n) }]),
    given("Slice", [x], { starts: ints([1]), ends: ints([3]), axes: ints([2]) }, 9),
  ],
  Softmax: [unary("Softmax"), unary("Softmax", x, { axis: int(0) }), { ...unary("Softmax"), opset: 11 }],
  Softplus: [unary("Softplus")],
  Softsign: [unary("Softsign")],
  Split: [
    {
      ...withFile("Split", x, [int64([1, 3])], { axis: int(2) }),
      node: node("Split", ["x", "s0"], { axis: int(2) }, ["y", "z"]),
    },
    { inputs: { x }, node: node("Split", ["x"], { axis: int(1), num_outputs: int(2) }, ["y", "z"]) },
    {
      inputs: { x },
      node: node("Split", ["x"], { axis: int(-1), split: ints([3, 1]) }, ["y", "z"]),
      opset: 12,
    },
  ],
  Sqrt: [unary("Sqrt", positive)],
  Squeeze: [
    unary("Squeeze", column),
    withFile("Squeeze", column, [int64([-1])]),
    given("Squeeze", [column], { axes: ints([1]) }, 12),
  ],
  Sub: [given("Sub", [x, column])],
  Sum: [given("Sum", [x, other, column])],
  Tanh: [unary("Tanh")],
  ThresholdedRelu: [unary("ThresholdedRelu", x, { alpha: float(0.5) })],
  Tile: [withFile("Tile", x, [int64([2, 1, 3])])],
  Transpose: [unary("Transpose"), unary("Transpose", x, { perm: ints([1, 2, 0]) })],
  Unsqueeze: [
    withFile("Unsqueeze", column, [int64([0, -1])]),
    given("Unsqueeze", [column], { axes: ints([1, 3]) }, 12),
  ],
  Where: [given("Where", [bools(5, [3, 1]), x, column])],
};

it("every operator that is read has a case", () => {
  expect(Object.keys(cases).sort()).toEqual([...operators.keys()].sort());
});

const rows = Object.entries(cases).flatMap(([name, list]) => list.map((c, k) => [name, k + 1, c] as const));

describe("what ONNX Runtime computes on the same bytes is computed by", () => {
  it.each(rows)("%s, case %i", async (_, __, { node: operator, inputs = {}, initializers = {}, opset }) => {
    const outputs = [...operator.outputs];
    const bytes = fileOf({
      inputs,
      initializers,
      nodes: [operator],
      outputs,
      ...(opset === undefined ? {} : { opset }),
    });
    const [expected, actual] = [await runOrt(bytes, inputs), runImported(bytes, inputs)];
    expect(Object.keys(actual)).toEqual(outputs);
    for (const name of outputs) {
      expect(actual[name].shape).toEqual(expected[name].shape);
      expect(dtypeOf(actual[name])).toBe(dtypeOf(expected[name]));
      expect(relativeError(actual[name], expected[name])).toBeLessThan(2e-6);
    }
  });
});
