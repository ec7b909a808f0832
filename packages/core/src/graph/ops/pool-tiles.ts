import { allocate, type NdArray, type Shape } from "../../array.js";
import { float, int, ints, type OnnxEmitter, type OnnxValue, onnxType } from "../onnx-rule.js";
import type { Tensor, Type } from "../tensor.js";
import type { Window } from "./conv-attributes.js";

// Max pooling's derivative in ONNX for windows that tile the image. MaxPool's own index output is ten times
// slower than its values, and missing on WebGPU; comparing the image with its repeated maxima gives the same
// places.

export interface PoolAttributes extends Window {
  readonly kernel: readonly [number, number];
}

/** Windows that neither overlap nor leave gaps nor cross the border. */
export function tiles(x: Shape, { kernel, stride, padding, dilation }: PoolAttributes): boolean {
  return [0, 1].every(
    (d) =>
      kernel[d] === stride[d] &&
      dilation[d] === 1 &&
      padding[d] === 0 &&
      padding[d + 2] === 0 &&
      x[2 + d] % kernel[d] === 0,
  );
}

export function geometry({ kernel, stride, padding, dilation }: PoolAttributes): Record<string, OnnxValue> {
  return {
    kernel_shape: ints(kernel),
    strides: ints(stride),
    pads: ints(padding),
    dilations: ints(dilation),
  };
}

/** The maxima of all windows. */
export function emitMaxima(e: OnnxEmitter, x: string, attrs: PoolAttributes): string {
  return e.emit("MaxPool", [x], geometry(attrs));
}

/** The image as rows of windows: [rows of windows, rows in a window, width]. */
export function tileRows([n, c, h, w]: Shape, { kernel }: PoolAttributes): Shape {
  return [(n * c * h) / kernel[0], kernel[0], w];
}

/**
 * Repeats pooled elements along their rows: [n, c, h, w] to [n c h, 1, w k]; broadcasting repeats them over
 * the rows of a window. Multiplies by a 0/1 matrix, since copying single elements is slower.
 */
export function emitWiden(
  e: OnnxEmitter,
  y: string,
  { shape, dtype }: Type,
  { kernel }: PoolAttributes,
): string {
  const [n, c, h, w] = shape;
  const k = kernel[1];
  if (k === 1) return e.emit("Reshape", [y, e.indices([n * c * h, 1, w])]);
  const block = largestDivisor(w, 32);
  const repeat = allocate(dtype, block * block * k);
  for (let i = 0; i < block; i++) for (let j = 0; j < k; j++) repeat[i * block * k + i * k + j] = 1;
  const blocks = e.emit("Reshape", [y, e.indices([(n * c * h * w) / block, block])]);
  const wide = e.emit("MatMul", [blocks, e.constant({ shape: [block, block * k], data: repeat })]);
  return e.emit("Reshape", [wide, e.indices([n * c * h, 1, w * k])]);
}

/** The largest divisor up to a limit; the number itself if that divisor is 1. */
function largestDivisor(n: number, limit: number): number {
  for (let d = Math.min(n, limit); d > 1; d--) if (n % d === 0) return d;
  return n;
}

/** In {@link tileRows} form: 1 at the first largest element of each window, 0 elsewhere. */
export function emitSelection(e: OnnxEmitter, x: string, image: Tensor, attrs: PoolAttributes): string {
  const { kernel } = attrs;
  const [n, c, h, w] = image.shape;
  const pooled = { shape: [n, c, h / kernel[0], w / kernel[1]], dtype: image.dtype };
  const rows = e.emit("Reshape", [x, e.indices(tileRows(image.shape, attrs))]);
  const ranks = allocate(image.dtype, kernel[0] * w);
  for (let a = 0; a < kernel[0]; a++) {
    for (let j = 0; j < w; j++) ranks[a * w + j] = kernel[0] * kernel[1] - a * kernel[1] - (j % kernel[1]);
  }
  const largest = (of: string) => {
    const images = of === rows ? x : e.emit("Reshape", [of, e.indices(image.shape)]);
    return emitWiden(e, emitMaxima(e, images, attrs), pooled, attrs);
  };
  return emitFirstLargest(e, rows, { shape: [1, kernel[0], w], data: ranks }, largest, image.dtype);
}

/**
 * 1 at the first largest element of each window, 0 elsewhere, given a function that repeats a window's
 * maximum for its elements. Elements equal to their maximum get a rank that decreases from first to last, so
 * the largest rank in a window belongs to the first such element.
 */
export function emitFirstLargest(
  e: OnnxEmitter,
  x: string,
  ranks: NdArray,
  largest: (of: string) => string,
  dtype: Tensor["dtype"],
): string {
  const ranked = e.emit("Mul", [emitEqual(e, x, largest(x), dtype), e.constant(ranks)]);
  return emitEqual(e, ranked, largest(ranked), dtype);
}

/** 1 where a = b, else 0, for a <= b. */
function emitEqual(e: OnnxEmitter, a: string, b: string, dtype: Tensor["dtype"]): string {
  if (dtype !== "float32" || e.portable) {
    return e.emit("Cast", [e.emit("Equal", [a, b])], { to: int(onnxType[dtype]) });
  }
  // Clipping 1 + steep (a - b) to [0, 1] is faster than comparing, since the result is already a float.
  return e.emit("HardSigmoid", [e.emit("Sub", [a, b])], { alpha: float(3e38), beta: float(1) });
}
