// Small networks of the kinds that are quantized.

import { int } from "isoloss/internal";
import { ints } from "../../../core/src/runtime/onnx/schema.js";
import { Builder, type BuildOptions } from "../../model-file/builder.js";

const image = ["batch", 3, 8, 8] as const;

export interface NetworkRow {
  readonly bytes: (options?: BuildOptions) => Uint8Array;
  /** Shape of an input of one example. */
  readonly shape: readonly number[];
}

/** Convolutions with Relu, a MaxPool and a classifier. */
function plain(options?: BuildOptions): Uint8Array {
  const b = new Builder(options);
  const first = b.node("Relu", [b.conv("x", 3, 8, { size: 3, bias: true })]);
  const pool = b.node("MaxPool", [first], { kernel_shape: ints([2, 2]), strides: ints([2, 2]) });
  const second = b.node("Relu", [b.conv(pool, 8, 8, { size: 3, bias: true })]);
  return b.bytes(image, b.linear(b.node("Flatten", [second]), 8 * 16, 5));
}

/** Depthwise and pointwise convolutions with ReLU6. */
function depthwise(options?: BuildOptions): Uint8Array {
  const b = new Builder(options);
  let x = b.clip(b.conv("x", 3, 8, { size: 3, bias: true }));
  for (let i = 0; i < 2; i++) {
    x = b.clip(b.conv(x, 8, 8, { size: 3, group: 8, bias: true }));
    x = b.clip(b.conv(x, 8, 8, { bias: true }));
  }
  return b.bytes(image, b.linear(b.node("Flatten", [b.node("GlobalAveragePool", [x])]), 8, 5));
}

/** Two residual blocks. */
function residual(options?: BuildOptions): Uint8Array {
  const b = new Builder(options);
  let x = b.node("Relu", [b.conv("x", 3, 6, { size: 3, bias: true })]);
  for (let i = 0; i < 2; i++) {
    const inner = b.conv(b.node("Relu", [b.conv(x, 6, 6, { size: 3, bias: true })]), 6, 6, { bias: true });
    x = b.node("Relu", [b.node("Add", [x, inner])]);
  }
  return b.bytes(image, b.linear(b.node("Flatten", [b.node("GlobalAveragePool", [x])]), 6, 5));
}

/** Branches that are joined, with sigmoids of their own. */
function joined(options?: BuildOptions): Uint8Array {
  const b = new Builder(options);
  const left = b.node("Relu", [b.conv("x", 3, 4, { size: 3, bias: true })]);
  const right = b.node("LeakyRelu", [b.conv("x", 3, 4, { bias: true })]);
  const both = b.node("Concat", [left, right], { axis: int(1) });
  const gate = b.node("Sigmoid", [b.conv(both, 8, 8, { bias: true })]);
  const last = b.conv(b.node("Mul", [both, gate]), 8, 4, { size: 3, bias: true });
  const pool = b.node("AveragePool", [last], { kernel_shape: ints([2, 2]), strides: ints([2, 2]) });
  return b.bytes(image, b.linear(b.node("Flatten", [pool]), 4 * 16, 5));
}

/** Gemm and MatMul with biases of their own. */
function perceptron(options?: BuildOptions): Uint8Array {
  const b = new Builder(options);
  const first = b.node("Relu", [b.linear("x", 16, 12)]);
  const second = b.node("Relu", [b.product(first, 12, 12)]);
  const third = b.node("Relu", [b.product(second, 12, 12, { bias: false })]);
  return b.bytes(["batch", 16], b.product(third, 12, 5, { bias: false }));
}

export const networks: Readonly<Record<string, NetworkRow>> = {
  plain: { bytes: plain, shape: [3, 8, 8] },
  depthwise: { bytes: depthwise, shape: [3, 8, 8] },
  residual: { bytes: residual, shape: [3, 8, 8] },
  joined: { bytes: joined, shape: [3, 8, 8] },
  perceptron: { bytes: perceptron, shape: [16] },
};
