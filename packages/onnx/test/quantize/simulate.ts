// The arithmetic of a quantized file in plain loops over float64: what each operator says, without any runtime.

import type { OnnxNode } from "isoloss/internal";
import type { OnnxModel } from "isoloss/onnx";

interface Plain {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

type Operator = (inputs: readonly Plain[], node: OnnxNode) => Plain;

const ints = ({ attributes }: OnnxNode, name: string, otherwise: readonly number[]): readonly number[] => {
  const given = attributes[name];
  return given?.kind === "ints" ? given.value : otherwise;
};
const number = ({ attributes }: OnnxNode, name: string, otherwise: number): number => {
  const given = attributes[name];
  return given?.kind === "int" || given?.kind === "float" ? given.value : otherwise;
};
const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const filled = (shape: readonly number[], f: (i: number) => number): Plain => ({
  shape,
  data: Array.from({ length: sizeOf(shape) }, (_, i) => f(i)),
});
const each =
  (f: (x: number, ...others: number[]) => number): Operator =>
  ([x, ...others]) =>
    filled(x.shape, (i) => f(x.data[i], ...others.map(({ data }) => data[data.length === 1 ? 0 : i])));

/** Ties to even. */
function rounded(x: number): number {
  const low = Math.floor(x);
  if (x - low !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}

/** An index of the scale of an element. */
function scaleIndex({ shape }: Plain, scale: Plain, node: OnnxNode): (i: number) => number {
  if (scale.data.length === 1) return () => 0;
  const axis = number(node, "axis", 1);
  const inner = sizeOf(shape.slice(axis + 1));
  return (i) => Math.floor(i / inner) % shape[axis];
}

/** Windows of a convolution or pool over [batch, channels, height, width]. */
function windows(x: Plain, node: OnnxNode, kernel: readonly number[]) {
  const [strideY, strideX] = ints(node, "strides", [1, 1]);
  const [top, left, bottom, right] = ints(node, "pads", [0, 0, 0, 0]);
  const [, , height, width] = x.shape;
  const at = (n: number, c: number, y: number, k: number, xx: number, l: number): number => {
    const [row, column] = [y * strideY + k - top, xx * strideX + l - left];
    if (row < 0 || row >= height || column < 0 || column >= width) return 0;
    return x.data[((n * x.shape[1] + c) * height + row) * width + column];
  };
  const size = (from: number, pad: number, k: number, stride: number) =>
    Math.floor((from + pad - k) / stride) + 1;
  return {
    at,
    outHeight: size(height, top + bottom, kernel[0], strideY),
    outWidth: size(width, left + right, kernel[1], strideX),
  };
}

const conv: Operator = ([x, w, b], node) => {
  const [out, perGroup, kh, kw] = w.shape;
  const group = number(node, "group", 1);
  const { at, outHeight, outWidth } = windows(x, node, [kh, kw]);
  return filled([x.shape[0], out, outHeight, outWidth], (i) => {
    const [xx, y] = [i % outWidth, Math.floor(i / outWidth) % outHeight];
    const o = Math.floor(i / (outWidth * outHeight)) % out;
    const n = Math.floor(i / (outWidth * outHeight * out));
    let sum = b?.data[o] ?? 0;
    for (let c = 0; c < perGroup; c++) {
      const from = Math.floor(o / (out / group)) * perGroup + c;
      for (let k = 0; k < kh; k++) {
        for (let l = 0; l < kw; l++) {
          sum += at(n, from, y, k, xx, l) * w.data[((o * perGroup + c) * kh + k) * kw + l];
        }
      }
    }
    return sum;
  });
};

const pool =
  (combine: (values: readonly number[]) => number): Operator =>
  ([x], node) => {
    const [kh, kw] = ints(node, "kernel_shape", [x.shape[2], x.shape[3]]);
    const { at, outHeight, outWidth } = windows(x, node, [kh, kw]);
    const [batch, channels] = x.shape;
    return filled([batch, channels, outHeight, outWidth], (i) => {
      const [xx, y] = [i % outWidth, Math.floor(i / outWidth) % outHeight];
      const c = Math.floor(i / (outWidth * outHeight)) % channels;
      const n = Math.floor(i / (outWidth * outHeight * channels));
      const places = Array.from({ length: kh * kw }, (_, p) => [Math.floor(p / kw), p % kw]);
      return combine(places.map(([k, l]) => at(n, c, y, k, xx, l)));
    });
  };

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

const product: Operator = ([x, w, b], node) => {
  const isTransposed = number(node, "transB", 0) === 1;
  const [inner, out] = isTransposed ? [w.shape[1], w.shape[0]] : w.shape;
  return filled([x.shape[0], out], (i) => {
    const [row, o] = [Math.floor(i / out), i % out];
    let sum = b?.data[o] ?? 0;
    for (let k = 0; k < inner; k++) {
      sum += x.data[row * inner + k] * w.data[isTransposed ? o * inner + k : k * out + o];
    }
    return sum;
  });
};

const concat: Operator = (parts) => {
  const [{ shape }] = parts;
  const rows = parts.map((part) => part.data.length / shape[0]);
  const data = Array.from({ length: shape[0] }, (_, n) =>
    parts.flatMap((part, p) => part.data.slice(n * rows[p], (n + 1) * rows[p])),
  );
  const channels = parts.reduce((sum, part) => sum + part.shape[1], 0);
  return { shape: [shape[0], channels, ...shape.slice(2)], data: data.flat() };
};

const operators: Readonly<Record<string, Operator>> = {
  Add: each((a, b) => a + b),
  AveragePool: pool(mean),
  Clip: each((x, low, high) => Math.min(Math.max(x, low), high)),
  Concat: concat,
  Conv: conv,
  DequantizeLinear: ([q, scale, zero], node) => {
    const at = scaleIndex(q, scale, node);
    return filled(q.shape, (i) => (q.data[i] - zero.data[at(i)]) * scale.data[at(i)]);
  },
  Flatten: ([x]) => ({ ...x, shape: [x.shape[0], x.data.length / x.shape[0]] }),
  Gemm: product,
  GlobalAveragePool: pool(mean),
  LeakyRelu: ([x], node) =>
    filled(x.shape, (i) => Math.max(x.data[i], number(node, "alpha", 0.01) * x.data[i])),
  MatMul: product,
  MaxPool: pool((values) => Math.max(...values)),
  Mul: each((a, b) => a * b),
  Relu: each((x) => Math.max(x, 0)),
  Sigmoid: each((x) => 1 / (1 + Math.exp(-x))),
};

/** All values of a quantized file for an input, by name; `low` and `high` are the ends of the activations' type. */
export function simulated(
  { graph }: OnnxModel,
  x: Plain,
  [low, high]: readonly [number, number],
): ReadonlyMap<string, Plain> {
  const values = new Map<string, Plain>([["x", x]]);
  for (const { name, shape, data } of graph.initializers) {
    values.set(name, { shape, data: Array.from(data as Float32Array, Number) });
  }
  const quantize: Operator = ([from, scale, zero]) =>
    filled(from.shape, (i) =>
      Math.min(Math.max(rounded(from.data[i] / scale.data[0]) + zero.data[0], low), high),
    );
  for (const node of graph.nodes) {
    const operator = node.opType === "QuantizeLinear" ? quantize : operators[node.opType];
    const inputs = node.inputs.map((name) => values.get(name) as Plain);
    values.set(node.outputs[0], operator(inputs, node));
  }
  return values;
}
