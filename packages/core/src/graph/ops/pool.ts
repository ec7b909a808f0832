import { requireShape, type Shape, sizeOf } from "../../array.js";
import { DTypeError, OptionError, ShapeError } from "../../errors.js";
import { requireFlags, requireKnown } from "../../options.js";
import { Affine, Index } from "../index-expression.js";
import type { KernelWriter } from "../javascript-rule.js";
import { ints, type OnnxEmitter, text } from "../onnx-rule.js";
import {
  apply,
  formatShape,
  formatType,
  isFloat,
  type Op,
  requireTensor,
  sameShape,
  type Tensor,
} from "../tensor.js";
import { div, mul } from "./arithmetic.js";
import { conv2d, guarded } from "./conv.js";
import {
  type Pair,
  poolOptions,
  resolvePair,
  resolveWindow,
  type WindowOptions,
  windowLength,
} from "./conv-attributes.js";
import { fill } from "./leaf.js";
import {
  emitMaxima,
  emitSelection,
  emitWiden,
  geometry,
  type PoolAttributes,
  tileRows,
  tiles,
} from "./pool-tiles.js";
import { mean } from "./reduce.js";
import { reshape } from "./reshape.js";
import { scatterAdd } from "./scatter.js";

function pooledShape(x: Shape, { kernel, stride, padding, dilation }: PoolAttributes): Shape {
  return [
    x[0],
    x[1],
    windowLength(x[2], kernel[0], stride[0], padding[0], padding[2], dilation[0]),
    windowLength(x[3], kernel[1], stride[1], padding[1], padding[3], dilation[1]),
  ];
}

function checkImage(op: string, x: Tensor, attrs: PoolAttributes): Shape {
  if (!isFloat(x.dtype)) throw new DTypeError(`${op} takes floats; got ${formatType(x)}.`);
  if (x.rank !== 4) {
    throw new ShapeError(`${op} takes images [batch, channels, height, width]; got ${formatShape(x.shape)}.`);
  }
  const shape = pooledShape(x.shape, attrs);
  if (shape.some((n) => n < 1)) {
    throw new ShapeError(
      `${op}: the window [${attrs.kernel}] is larger than the image ${formatShape(x.shape)}.`,
    );
  }
  return shape;
}

/**
 * Loops over the windows of x; gives the body the largest element and its flat offset. The first wins a tie; a NaN is
 * larger than all numbers, and the last one of a window wins, as in PyTorch.
 */
function forEachWindow(
  w: KernelWriter,
  xShape: Shape,
  yShape: Shape,
  input: number,
  { kernel, stride, padding, dilation }: PoolAttributes,
  body: (at: Index, largest: string, offset: string) => void,
): void {
  w.loop(yShape[0], (n) => {
    w.loop(yShape[1], (c) => {
      w.loop(yShape[2], (i) => {
        w.loop(yShape[3], (j) => {
          const largest = w.fresh("m");
          const offset = w.fresh("p");
          w.line(`let ${largest}=-Infinity,${offset}=-1;`);
          w.loop(kernel[0], (a) => {
            const row = i.times(stride[0]).plus(a.times(dilation[0])).plus(-padding[0]);
            guarded(w, row, xShape[2], () => {
              w.loop(kernel[1], (b) => {
                const column = j.times(stride[1]).plus(b.times(dilation[1])).plus(-padding[1]);
                guarded(w, column, xShape[3], () => {
                  const place = Index.multi(xShape, [n, c, row, column]);
                  const value = w.fresh("v");
                  w.line(`const ${value}=${w.read(input, place)};`);
                  w.line(
                    `if(${value}>${largest}||${value}!==${value}||${offset}<0){${largest}=${value};${offset}=${place.flat};}`,
                  );
                });
              });
            });
          });
          body(Index.multi(yShape, [n, c, i, j]), largest, offset);
        });
      });
    });
  });
}

/** Values and flat offsets. */
function emitWithIndices(e: OnnxEmitter, x: string, attrs: PoolAttributes): string[] {
  return e.emitAll("MaxPool", [x], geometry(attrs), { results: 2 });
}

const maxPoolOp: Op<PoolAttributes> = {
  name: "maxPool2d",
  infer: ([x], attrs) => ({ shape: checkImage("maxPool2d", x, attrs), dtype: x.dtype }),
  vjp: (g, { inputs: [x] }, attrs) => [apply(poolPutOp, [g, x], attrs)],
  js: {
    kernel(w, node, attrs) {
      forEachWindow(w, node.inputs[0].shape, node.shape, 0, attrs, (at, largest) => w.store(at, largest));
    },
  },
  onnx: { emit: (e, [x], _node, attrs) => emitMaxima(e, x, attrs) },
  flops: ({ size }, { kernel }) => size * kernel[0] * kernel[1],
};

const maxPoolIndicesOp: Op<PoolAttributes> = {
  name: "maxPoolIndices2d",
  infer: ([x], attrs) => ({ shape: checkImage("maxPoolIndices2d", x, attrs), dtype: "int64" }),
  js: {
    kernel(w, node, attrs) {
      forEachWindow(w, node.inputs[0].shape, node.shape, 0, attrs, (at, _largest, offset) =>
        w.store(at, offset),
      );
    },
  },
  onnx: { emit: (e, [x], _node, attrs) => emitWithIndices(e, x, attrs)[1] },
  flops: ({ size }, { kernel }) => size * kernel[0] * kernel[1],
};

/** Adds g at the place of the largest element of each window of x: the transpose of {@link poolTakeOp}. */
const poolPutOp: Op<PoolAttributes> = {
  name: "poolPut",
  infer: ([g, x]) => ({ shape: x.shape, dtype: g.dtype }),
  vjp: (u, { inputs: [, x] }, attrs) => [apply(poolTakeOp, [u, x], attrs), undefined],
  js: {
    kernel(w, node, attrs) {
      const [g, x] = node.inputs;
      w.line(`${w.result("")}.fill(0);`);
      forEachWindow(w, x.shape, g.shape, 1, attrs, (at, _largest, offset) => {
        w.line(`${w.result(offset)}+=${w.read(0, at)};`);
      });
    },
  },
  onnx: { emit: emitPoolPut },
  flops: ({ inputs: [g] }, { kernel }) => g.size * kernel[0] * kernel[1],
};

/** The elements of z at the places of the largest elements of x's windows. */
const poolTakeOp: Op<PoolAttributes> = {
  name: "poolTake",
  infer: ([z, x], attrs) => ({ shape: pooledShape(x.shape, attrs), dtype: z.dtype }),
  vjp: (u, { inputs: [, x] }, attrs) => [apply(poolPutOp, [u, x], attrs), undefined],
  js: {
    kernel(w, node, attrs) {
      const [z, x] = node.inputs;
      forEachWindow(w, x.shape, node.shape, 1, attrs, (at, _largest, offset) => {
        w.store(at, w.read(0, Index.flat(z.shape, Affine.variable(offset))));
      });
    },
  },
  onnx: { emit: emitPoolTake },
  flops: ({ size }, { kernel }) => size * kernel[0] * kernel[1],
};

function emitPoolPut(e: OnnxEmitter, [g, x]: readonly string[], node: Tensor, attrs: PoolAttributes): string {
  const [gradient, image] = node.inputs;
  if (tiles(node.shape, attrs) && !e.indexed(image)) {
    const chosen = emitSelection(e, x, image, attrs);
    const put = e.emit("Mul", [chosen, emitWiden(e, g, gradient, attrs)]);
    return e.emit("Reshape", [put, e.indices(node.shape)]);
  }
  const indices = emitWithIndices(e, x, attrs)[1];
  if (tiles(node.shape, attrs) && node.dtype === "float32") {
    return e.emit("MaxUnpool", [g, indices, e.indices(node.shape)], {
      kernel_shape: ints(attrs.kernel),
      strides: ints(attrs.stride),
    });
  }
  const zeros = e.emit("Expand", [e.scalar(0, node.dtype), e.indices([node.size])]);
  const flat = [indices, g].map((v) => e.emit("Reshape", [v, e.indices([gradient.size])]));
  const added = e.emit("ScatterElements", [zeros, ...flat], { reduction: text("add") });
  return e.emit("Reshape", [added, e.indices(node.shape)]);
}

function emitPoolTake(
  e: OnnxEmitter,
  [z, x]: readonly string[],
  node: Tensor,
  attrs: PoolAttributes,
): string {
  const [source, image] = node.inputs;
  // ONNX Runtime has AveragePool in float32 only.
  if (tiles(image.shape, attrs) && !e.indexed(image) && node.dtype === "float32") {
    const chosen = emitSelection(e, x, image, attrs);
    const rows = e.emit("Reshape", [z, e.indices(tileRows(image.shape, attrs))]);
    const kept = e.emit("Mul", [chosen, rows]);
    const means = e.emit("AveragePool", [e.emit("Reshape", [kept, e.indices(image.shape)])], {
      kernel_shape: ints(attrs.kernel),
      strides: ints(attrs.stride),
    });
    return e.emit("Mul", [means, e.scalar(attrs.kernel[0] * attrs.kernel[1], node.dtype)]);
  }
  const indices = emitWithIndices(e, x, attrs)[1];
  const flat = e.emit("Reshape", [z, e.indices([source.size])]);
  return e.emit("Gather", [flat, indices]);
}

export interface PoolOptions extends WindowOptions {
  /** Size of the window. */
  readonly kernel: Pair;
}

function resolvePool<T extends PoolOptions>(
  op: string,
  options: T,
  known: readonly (string & keyof T)[] = poolOptions,
): PoolAttributes {
  requireKnown(op, options, known, `${op}(x, { kernel: 2 })`);
  const { kernel, stride = kernel, padding, dilation } = options;
  const size = resolvePair(op, "kernel", kernel, 1);
  const window = resolveWindow(op, { stride, padding, dilation });
  if (window.padding.some((p, d) => 2 * p > size[d % 2])) {
    throw new OptionError(`${op}: padding [${window.padding}] may be at most half of the kernel [${size}].`);
  }
  return { kernel: size, ...window };
}

/**
 * Largest element of each window; NaN where there is one, which ONNX Runtime leaves out. The gradient goes to the first
 * largest element of a window, or to its last NaN, as in PyTorch.
 * Prefer `relu(maxPool2d(x))` to `maxPool2d(relu(x))`: the value and the derivatives in x are equal, and relu
 * works on fewer elements.
 *
 * @param x images [batch, channels, height, width]
 * @param options `kernel`; `stride` (default: the kernel), `padding`, `dilation`
 */
export function maxPool2d(x: Tensor, options: PoolOptions): Tensor {
  requireTensor("maxPool2d", x);
  return apply(maxPoolOp, [x], resolvePool("maxPool2d", options));
}

/**
 * Values and places of the largest elements together, for a decoder that unpools: both take the first element
 * of a tie.
 */
export function maxPoolWithIndices2d(x: Tensor, options: PoolOptions): { values: Tensor; indices: Tensor } {
  const attrs = resolvePool("maxPoolWithIndices2d", options);
  return { values: apply(maxPoolOp, [x], attrs), indices: apply(maxPoolIndicesOp, [x], attrs) };
}

/** Places of the largest elements of {@link maxPool2d}, as flat offsets into `x`: int64, for {@link maxUnpool2d}. */
export function maxPoolIndices2d(x: Tensor, options: PoolOptions): Tensor {
  return apply(maxPoolIndicesOp, [x], resolvePool("maxPoolIndices2d", options));
}

/**
 * Puts pooled elements back in the places they came from, with zeros elsewhere (SegNet's decoder).
 *
 * @param indices from {@link maxPoolIndices2d}; with overlapping windows, elements of the same place are
 *   summed
 * @param shape shape of the image before pooling
 */
export function maxUnpool2d(y: Tensor, indices: Tensor, shape: Shape): Tensor {
  for (const operand of [y, indices]) requireTensor("maxUnpool2d", operand);
  requireShape("maxUnpool2d", shape);
  if (indices.dtype !== "int64") {
    throw new DTypeError(
      `maxUnpool2d: places must be int64; got ${formatType(indices)}. Take them from maxPoolIndices2d.`,
    );
  }
  if (!sameShape(y.shape, indices.shape)) {
    throw new ShapeError(
      `maxUnpool2d: elements ${formatShape(y.shape)} and their places ${formatShape(indices.shape)} must have one shape.`,
    );
  }
  const flat = scatterAdd(reshape(y, [y.size]), reshape(indices, [y.size]), { size: sizeOf(shape) });
  return reshape(flat, shape);
}

/**
 * Mean of each window.
 *
 * @param options as {@link maxPool2d}; `countPadding`: whether the mean counts padding (default true, as in
 *   PyTorch)
 */
export function avgPool2d(x: Tensor, options: PoolOptions & { countPadding?: boolean | undefined }): Tensor {
  requireTensor("avgPool2d", x);
  const attrs = resolvePool("avgPool2d", options, [...poolOptions, "countPadding"]);
  const { countPadding = true } = options;
  requireFlags("avgPool2d", { countPadding });
  const [n, c, h, w] = checkImage("avgPool2d", x, attrs);
  const [kh, kw] = attrs.kernel;
  if (tiles(x.shape, attrs)) {
    return mean(reshape(x, [n, c, h, kh, w, kw]), { axes: [3, 5] });
  }
  const { stride, padding, dilation } = attrs;
  const total = (image: Tensor) =>
    conv2d(image, fill([1, 1, kh, kw], 1, x.dtype), { stride, padding, dilation });
  const sums = reshape(total(reshape(x, [n * c, 1, ...x.shape.slice(2)])), [n, c, h, w]);
  if (countPadding) return mul(sums, 1 / (kh * kw));
  return div(sums, total(fill([1, 1, ...x.shape.slice(2)], 1, x.dtype)));
}
