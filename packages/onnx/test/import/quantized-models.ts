// Models that quantize, compute with quantized numbers, and dequantize.
import { astype, type NdArray } from "isoloss";
import { int } from "isoloss/internal";
import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { type FileOptions, float32, int64, node } from "isoloss-test-support/nn/onnx/support";
import { ints } from "../../../core/src/runtime/onnx/schema.js";

const single = (x: NdArray) => astype(x, "float32");
const x = single(uniform(1, [2, 3, 4], -3, 3));
const scalar = (value: number): NdArray => float32([value], []);
const cast = (from: string, to: string, code: number) => node("Cast", [from], { to: int(code) }, [to]);
const [uint8, int8, int32, int64Code] = [2, 3, 6, 7];

const integer = (seed: number, shape: readonly number[], low: number, high: number): NdArray =>
  astype({ ...single(uniform(seed, shape, low, high)) }, "int64");

/** Quantizes and shows the integers. */
const quantize = (
  scale: NdArray,
  zero: NdArray,
  code: number,
  attributes: Parameters<typeof node>[2] = {},
  opset = 21,
): FileOptions => ({
  inputs: { x },
  initializers: { scale, zero },
  nodes: [
    cast("zero", "z", code),
    node("QuantizeLinear", ["x", "scale", "z"], attributes, ["q"]),
    cast("q", "y", int64Code),
  ],
  opset,
});

const dequantize = (
  scale: NdArray,
  zero: NdArray,
  code: number,
  attributes: Parameters<typeof node>[2] = {},
): FileOptions => ({
  inputs: { x: integer(2, [2, 3, 4], -100, 100) },
  initializers: { scale, zero },
  nodes: [
    cast("zero", "z", code),
    cast("x", "q", code),
    node("DequantizeLinear", ["q", "scale", "z"], attributes),
  ],
  opset: 21,
});

const byAxis = float32([0.01, 0.02, 0.05]);
const zeros = int64([3, -5, 100]);

const image = integer(3, [1, 2, 5, 4], 0, 255);
const filters = integer(4, [3, 2, 3, 3], -127, 127);
const [left, right] = [integer(5, [2, 3, 4], 0, 255), integer(6, [4, 3], -127, 127)];

/** By the operator that a model is about. */
export const quantizedModels: Readonly<Record<string, readonly FileOptions[]>> = {
  QuantizeLinear: [
    quantize(scalar(0.02), int64([128], []), uint8),
    quantize(scalar(0.01), int64([-3], []), int8),
    quantize(byAxis, zeros, int8, { axis: int(1) }),
    quantize(byAxis, zeros, int8, { axis: int(1) }, 13),
    quantize(single(uniform(7, [2, 2, 4], 0.01, 0.1)), integer(8, [2, 2, 4], -9, 9), int8, {
      axis: int(1),
      block_size: int(2),
    }),
    {
      inputs: { x },
      initializers: { scale: scalar(0.03) },
      nodes: [node("QuantizeLinear", ["x", "scale"], {}, ["q"]), cast("q", "y", int64Code)],
    },
  ],
  DequantizeLinear: [
    dequantize(scalar(0.02), int64([7], []), int8),
    dequantize(byAxis, zeros, int8, { axis: int(-2) }),
    dequantize(single(uniform(7, [2, 2, 4], 0.01, 0.1)), integer(8, [2, 2, 4], -9, 9), int8, {
      axis: int(1),
      block_size: int(2),
    }),
    {
      ...dequantize(float32([0.5, 2, 0.25]), int64([1, -2, 3]), int8, { axis: int(0), block_size: int(2) }),
      inputs: { x: int64([1, 2, -3, 4, 50, 60]) },
    },
    {
      inputs: { x },
      initializers: { scale: scalar(0.03), zero: int64([9], []) },
      nodes: [
        cast("zero", "z", int8),
        node("QuantizeLinear", ["x", "scale", "z"], {}, ["q"]),
        node("DequantizeLinear", ["q", "scale", "z"]),
      ],
    },
  ],
  DynamicQuantizeLinear: [x, float32([0, 0, 0])].map((operand) => ({
    inputs: { x: operand },
    nodes: [
      node("DynamicQuantizeLinear", ["x"], {}, ["q", "scale", "zero"]),
      cast("q", "y", int64Code),
      cast("zero", "z", int64Code),
    ],
    outputs: ["y", "scale", "z"],
  })),
  MatMulInteger: [
    {
      inputs: { a: left, b: right, v: int64([100], []), w: int64([3, -4, 5]) },
      nodes: [
        ...["a", "v"].map((name) => cast(name, `${name}8`, uint8)),
        ...["b", "w"].map((name) => cast(name, `${name}8`, int8)),
        node("MatMulInteger", ["a8", "b8", "v8", "w8"], {}, ["s"]),
        cast("s", "y", int64Code),
      ],
    },
  ],
  QLinearMatMul: [
    {
      inputs: { a: left, b: right, v: int64([100], []), w: int64([3, -4, 5]), u: int64([120], []) },
      initializers: { sa: scalar(0.02), sb: float32([0.01, 0.02, 0.03]), sy: scalar(0.5) },
      nodes: [
        ...["a", "v", "u"].map((name) => cast(name, `${name}8`, uint8)),
        ...["b", "w"].map((name) => cast(name, `${name}8`, int8)),
        node("QLinearMatMul", ["a8", "sa", "v8", "b8", "sb", "w8", "sy", "u8"], {}, ["q"]),
        cast("q", "y", int64Code),
      ],
    },
  ],
  ConvInteger: [
    {
      inputs: { x: image, w: filters, v: int64([100], []) },
      nodes: [
        cast("x", "x8", uint8),
        cast("v", "v8", uint8),
        node("Cast", ["w"], { to: int(uint8) }, ["w8"]),
        node("ConvInteger", ["x8", "w8", "v8"], { pads: ints([1, 0, 0, 1]), strides: ints([2, 1]) }, ["s"]),
        cast("s", "y", int64Code),
      ],
    },
  ],
  QLinearConv: [
    {
      inputs: { x: image },
      initializers: {
        w: filters,
        v: int64([100], []),
        zw: int64([0, 0, 0]),
        u: int64([9], []),
        b: int64([500, -300, 0]),
        sx: scalar(0.02),
        sw: float32([0.01, 0.02, 0.03]),
        sy: scalar(0.7),
      },
      nodes: [
        ...["x", "v", "u"].map((name) => cast(name, `${name}8`, uint8)),
        ...["w", "zw"].map((name) => cast(name, `${name}8`, int8)),
        cast("b", "b32", int32),
        node(
          "QLinearConv",
          ["x8", "sx", "v8", "w8", "sw", "zw8", "sy", "u8", "b32"],
          { pads: ints([1, 1, 1, 1]) },
          ["q"],
        ),
        cast("q", "y", int64Code),
      ],
    },
  ],
};
