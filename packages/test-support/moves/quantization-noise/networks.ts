// Random networks with ReLU6, ReLU, depthwise and grouped convolutions, residuals and products.

import { type BatchTensors, type NdArray, sizeOf, type Tensor } from "isoloss";
import { createRng, type Rng } from "isoloss/data";
import {
  add,
  conv2d,
  convTranspose2d,
  flattenFrom,
  matmul,
  mean,
  minimum,
  relu,
  relu6,
  reshape,
  transpose,
} from "isoloss/ops";

export type Params = Readonly<Record<string, NdArray>>;

export interface Network {
  readonly params: Params;
  readonly apply: (params: Readonly<Record<string, Tensor>>, batch: BatchTensors) => Tensor;
  readonly batches: (count: number, seed?: number) => { x: NdArray }[];
}

const normals = (rng: Rng, shape: readonly number[], scale: number): NdArray => ({
  shape,
  data: Float64Array.from({ length: sizeOf(shape) }, () => scale * rng.normal()),
});

export interface NetworkOptions {
  /** Bound of activations: undefined for ReLU. */
  readonly bound?: number;
  /** Standard deviation of the logarithms of channels' factors, which a scaling takes away again. */
  readonly spread?: number;
  /** Whether the last layers see the mean of all pixels or, each by itself, the pixels. Default true. */
  readonly pooled?: boolean;
  /** Factor of the numbers of channels; default 1. */
  readonly width?: number;
}

/** Convolutions of all kinds with a residual, then a hidden layer. */
export function convolutional(
  seed: number,
  { bound, spread = 1, pooled = true, width = 1 }: NetworkOptions = {},
): Network {
  const rng = createRng(seed);
  const params: Record<string, NdArray> = {};
  /** A weight whose output channels have a factor each, and whose inputs have its inverse. */
  let before: readonly number[] | undefined;
  const weight = (
    name: string,
    shape: readonly number[],
    fanIn: number,
    { outAxis = 0, inAxis = 1, isHidden = true, isDepthwise = false } = {},
  ) => {
    const out = shape[outAxis] as number;
    const factors = Array.from({ length: out }, () => (isHidden ? Math.exp(spread * rng.normal()) : 1));
    const made = normals(rng, shape, Math.sqrt(2 / fanIn));
    const strides = shape.map((_, d) => sizeOf(shape.slice(d + 1)));
    const at = (k: number, d: number) => Math.floor(k / (strides[d] as number)) % (shape[d] as number);
    const data = (made.data as Float64Array).map((v, k) => {
      const o = at(k, outAxis);
      const i = isDepthwise ? o : at(k, inAxis);
      return (v * (factors[o] as number)) / (before?.[i] ?? 1);
    });
    params[`${name}.weight`] = { shape, data };
    const bias = normals(rng, [out], 0.2);
    params[`${name}.bias`] = {
      shape: [out],
      data: (bias.data as Float64Array).map((v, o) => v * (factors[o] as number)),
    };
    before = isHidden ? factors : undefined;
  };
  const [a, b, c, d] = [6 * width, 4 * width, 8 * width, 10 * width];
  weight("first", [a, 2, 3, 3], 18);
  weight("depthwise", [a, 1, 3, 3], 9, { isDepthwise: true });
  weight("narrow", [b, a, 1, 1], a, { isHidden: false });
  weight("wide", [c, b, 1, 1], b);
  weight("back", [b, c, 3, 3], 9 * c, { isHidden: false });
  weight("up", [b, a, 2, 2], b, { outAxis: 1, inAxis: 0 });
  weight("hidden", [a, d], a, { outAxis: 1, inAxis: 0 });
  weight("last", [3, d], d, { isHidden: false });
  const activate = (z: Tensor) =>
    bound === undefined ? relu(z) : bound === 6 ? relu6(z) : minimum(relu(z), bound);
  const apply: Network["apply"] = (p, { x }) => {
    const bias = (name: string) => reshape(p[`${name}.bias`] as Tensor, [-1, 1, 1]);
    const conv = (h: Tensor, name: string, options = {}) =>
      add(conv2d(h, p[`${name}.weight`] as Tensor, options), bias(name));
    const first = activate(conv(x as Tensor, "first", { padding: 1 }));
    const deep = activate(conv(first, "depthwise", { padding: 1, groups: a }));
    const narrow = conv(deep, "narrow");
    const wide = activate(conv(narrow, "wide"));
    const sum = add(narrow, conv(wide, "back", { padding: 1 }));
    const up = activate(add(convTranspose2d(sum, p["up.weight"] as Tensor, { stride: 2 }), bias("up")));
    const pixels = pooled
      ? flattenFrom(mean(up, { axes: [2, 3] }), 1)
      : reshape(transpose(up, [0, 2, 3, 1]), [-1, a]);
    const hidden = activate(add(matmul(pixels, p["hidden.weight"] as Tensor), p["hidden.bias"] as Tensor));
    return add(matmul(hidden, p["last.weight"] as Tensor, { transposeB: true }), p["last.bias"] as Tensor);
  };
  const batches: Network["batches"] = (count, own = 1) => {
    const draw = createRng(1000 * seed + own);
    return Array.from({ length: count }, () => ({ x: normals(draw, [16, 2, 6, 6], 1) }));
  };
  return { params, apply, batches };
}

/** Layers without windows: x W' + b and an activation, and a last layer. */
export function dense(
  seed: number,
  { bound, spread = 1, sizes = [5, 8, 7, 3] }: NetworkOptions & { readonly sizes?: readonly number[] } = {},
): Network {
  const rng = createRng(seed);
  const params: Record<string, NdArray> = {};
  const count = sizes.length - 1;
  let before = Array.from({ length: sizes[0] as number }, () => 1);
  for (let k = 0; k < count; k++) {
    const [n, m] = [sizes[k] as number, sizes[k + 1] as number];
    const factors = Array.from({ length: m }, () => (k + 1 < count ? Math.exp(spread * rng.normal()) : 1));
    const own = (v: number, o: number) => v * (factors[o] as number);
    const weight = normals(rng, [m, n], Math.sqrt(2 / n)).data as Float64Array;
    const bias = normals(rng, [m], 0.2).data as Float64Array;
    params[`${k}.weight`] = {
      shape: [m, n],
      data: weight.map((v, i) => own(v, Math.floor(i / n)) / (before[i % n] as number)),
    };
    params[`${k}.bias`] = { shape: [m], data: bias.map(own) };
    before = factors;
  }
  const apply: Network["apply"] = (p, { x }) => {
    let h = x as Tensor;
    for (let k = 0; k < count; k++) {
      const z = add(matmul(h, p[`${k}.weight`] as Tensor, { transposeB: true }), p[`${k}.bias`] as Tensor);
      if (k + 1 === count) return z;
      h = bound === undefined ? relu(z) : bound === 6 ? relu6(z) : minimum(relu(z), bound);
    }
    return h;
  };
  const batches: Network["batches"] = (times, own = 1) => {
    const draw = createRng(1000 * seed + own);
    return Array.from({ length: times }, () => ({ x: normals(draw, [64, sizes[0] as number], 1) }));
  };
  return { params, apply, batches };
}
