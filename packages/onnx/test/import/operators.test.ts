// Every operator that is read, against ONNX Runtime on the same bytes.

import { astype, dtypeOf, type NdArray } from "isoloss";
import { float, int, string, tensor } from "isoloss/internal";
import { bools, distinct, integers, uniform } from "isoloss-test-support/graph/ops/op-case";
import { relativeError } from "isoloss-test-support/graph/ops/op-derivatives";
import {
  fileOf,
  float32,
  int64,
  node,
  runImported,
  runOrt,
  tensorOf,
} from "isoloss-test-support/nn/onnx/support";
import { sampledRows } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { floats, ints } from "../../../core/src/runtime/onnx/schema.js";
import { operators } from "../../src/import/operators/operators.js";
import { attentionCases } from "./attention-cases.js";
import { indexCases, searchCases } from "./index-cases.js";
import { integerCases, microsoftCases } from "./microsoft-cases.js";
import { normCases } from "./norm-cases.js";
import { numberCases, numberModels } from "./number-cases.js";
import { type Attributes, type Case, given, withFile } from "./operator-case.js";
import { quantizedModels } from "./quantized-models.js";
import { recurrentCases } from "./recurrent-cases.js";
import { resizeCases } from "./resize-cases.js";
import { alignedCases, samplingCases } from "./sampling-cases.js";
import { sequenceModels } from "./sequence-models.js";
import { windowCases } from "./window-cases.js";

const single = (x: NdArray) => astype(x, "float32");
const [x, other, column] = [uniform(1, [2, 3, 4]), uniform(2, [2, 3, 4]), uniform(3, [3, 1])].map(single);
const positive = single(uniform(4, [2, 3, 4], 0.5, 2));
const signed = int64([1, -5, -4, 2, 3, 3], [1, 2, 3]);
const image = single(distinct(5, [2, 4, 7, 6])[0]);

const unary = (opType: string, operand: NdArray = x, attributes: Attributes = {}) =>
  given(opType, [operand], attributes);

const reduced = (opType: string, operand: NdArray = x) => [
  withFile(opType, operand, [int64([0, -1])], { keepdims: int(0) }),
  withFile(opType, operand, [], {}),
  withFile(opType, operand, [], { noop_with_empty_axes: int(1) }),
  given(opType, [operand], { axes: ints([1]), ...(opType === "ReduceSum" ? {} : { keepdims: int(1) }) }, 12),
];

const cases: Readonly<Record<string, readonly Case[]>> = {
  ...attentionCases,
  ...indexCases,
  ...searchCases,
  Abs: [unary("Abs")],
  Add: [given("Add", [x, column])],
  And: [given("And", [bools(1, [2, 3]), bools(2, [3])])],
  Asinh: [unary("Asinh")],
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
  Cos: [unary("Cos")],
  Cosh: [unary("Cosh")],
  CumSum: [
    withFile("CumSum", x, [int64([1], [])]),
    withFile("CumSum", x, [int64([-1], [])], { exclusive: int(1), reverse: int(1) }),
  ],
  Div: [given("Div", [x, positive]), given("Div", [int64([7, -7]), int64([2, 2])])],
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
  Greater: [given("Greater", [x, other])],
  GreaterOrEqual: [given("GreaterOrEqual", [int64([1, 2]), int64([2, 2])])],
  HardSigmoid: [unary("HardSigmoid"), unary("HardSigmoid", x, { alpha: float(0.5), beta: float(0.25) })],
  HardSwish: [unary("HardSwish")],
  Identity: [unary("Identity")],
  LeakyRelu: [unary("LeakyRelu"), unary("LeakyRelu", x, { alpha: float(0.25) })],
  Less: [given("Less", [x, other])],
  LessOrEqual: [given("LessOrEqual", [int64([1, 2]), int64([2, 1])])],
  LRN: [
    unary("LRN", image, { size: int(3) }),
    unary("LRN", image, { size: int(5), alpha: float(0.5), beta: float(0.6), bias: float(2) }),
  ],
  Log: [unary("Log", positive)],
  LogSoftmax: [unary("LogSoftmax", x, { axis: int(1) }), { ...unary("LogSoftmax"), opset: 12 }],
  MatMul: [
    given("MatMul", [uniform(60, [2, 3, 4]), uniform(61, [4, 5])].map(single)),
    given("MatMul", [uniform(60, [2, 3, 4]), uniform(62, [4])].map(single)),
    given("MatMul", [uniform(62, [4]), uniform(63, [2, 4, 3])].map(single)),
    given("MatMul", [uniform(62, [4]), uniform(64, [4])].map(single)),
  ],
  Max: [given("Max", [x, other, column]), given("Max", [x])],
  Mean: [given("Mean", [x, other, column])],
  Min: [given("Min", [x, other])],
  Mish: [unary("Mish")],
  Mul: [given("Mul", [x, column])],
  Neg: [unary("Neg")],
  Not: [unary("Not", bools(4, [5]))],
  Or: [given("Or", [bools(1, [6]), bools(2, [6])])],
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
  ReduceL1: [...reduced("ReduceL1"), ...reduced("ReduceL1", signed)],
  ReduceL2: [...reduced("ReduceL2"), ...reduced("ReduceL2", signed)],
  ReduceLogSum: reduced("ReduceLogSum", positive),
  ReduceLogSumExp: [
    ...reduced("ReduceLogSumExp"),
    given(
      "ReduceLogSumExp",
      [float32([-Infinity, -Infinity, 1, -Infinity, Infinity, 1], [3, 2])],
      {
        axes: ints([1]),
      },
      13,
    ),
  ],
  ReduceMax: [...reduced("ReduceMax"), ...reduced("ReduceMax", integers(80, [2, 3, 4], 9))],
  ReduceMean: [...reduced("ReduceMean"), ...reduced("ReduceMean", signed)],
  ReduceMin: [
    ...reduced("ReduceMin"),
    ...reduced("ReduceMin", integers(80, [2, 3, 4], 9)),
    { ...withFile("ReduceMin", bools(6, [2, 3, 4]), [int64([1])]), opset: 20 },
  ],
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
  ...integerCases,
  ...microsoftCases,
  ...normCases,
  ...numberCases,
  ...recurrentCases,
  ...resizeCases,
  ...samplingCases,
  ...windowCases,
};

it("every operator that is read has a case", () => {
  const withGraphs = ["If", "Loop", "Scan"]; // in control.test.ts
  const tables = [cases, sequenceModels, numberModels, quantizedModels];
  const names = new Set([...tables.flatMap(Object.keys), ...withGraphs]);
  // Steps of optimizers: training.test.ts.
  const compared = [...operators.keys()].filter((name) => !name.startsWith("ai.onnx."));
  expect([...names].sort()).toEqual(compared.sort());
});

const rows = [cases, alignedCases]
  .flatMap(Object.entries<readonly Case[]>)
  .flatMap(([name, list]) => list.map((c, k) => [name, k + 1, c] as const));

describe("what ONNX Runtime computes on the same bytes is computed by", () => {
  it.each(sampledRows(rows))(
    "%s, case %i",
    async (_, __, { node: operator, inputs = {}, initializers = {}, kinds = {}, opset }) => {
      const outputs = operator.outputs.filter((name) => name !== "");
      const bytes = fileOf({
        inputs,
        initializers,
        nodes: [operator],
        outputs,
        kinds,
        ...(opset === undefined ? {} : { opset }),
      });
      const [expected, actual] = [await runOrt(bytes, inputs, kinds), runImported(bytes, inputs)];
      expect(Object.keys(actual)).toEqual(outputs);
      for (const name of outputs) {
        expect(actual[name].shape).toEqual(expected[name].shape);
        expect(dtypeOf(actual[name])).toBe(dtypeOf(expected[name]));
        expect(relativeError(actual[name], expected[name])).toBeLessThan(2e-6);
      }
    },
  );
});
