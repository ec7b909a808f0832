// R. Keys, "Cubic convolution interpolation", IEEE TASSP 29 (1981); the modes of ONNX's Resize.
import { sizeOf, type Tensor } from "isoloss";
import { isFloat, ownEntry, resolveAxis } from "isoloss/internal";
import { add, constant, matmul, reshape } from "isoloss/ops";
import type { Call, Operator } from "../call.js";
import { floats, picked, range } from "./reductions.js";

/** An element of an axis and its weight. */
interface Tap {
  readonly index: number;
  readonly weight: number;
}

/** The elements of an axis whose weighted sum is each element of the result. */
type Rows = readonly (readonly Tap[])[];

/** An interpolating function, zero outside -support..support. */
interface Kernel {
  readonly support: number;
  weight(distance: number): number;
}

const linearKernel: Kernel = { support: 1, weight: (t) => Math.max(1 - Math.abs(t), 0) };

/** Keys' cubic, with the slope `a` at distance 1. */
const cubicKernel = (a: number): Kernel => ({
  support: 2,
  weight(distance) {
    const t = Math.abs(distance);
    if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
    return t < 2 ? a * (((t - 5) * t + 8) * t - 4) : 0;
  },
});

const clamp = (i: number, n: number): number => Math.min(Math.max(i, 0), n - 1);

/** How ties and fractions are rounded to the nearest element. */
const roundings: Readonly<Record<string, (at: number) => number>> = {
  round_prefer_floor: (at) => Math.ceil(at - 0.5),
  round_prefer_ceil: (at) => Math.floor(at + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** The element nearest to a place on an axis of n. */
const nearestTap = (at: number, n: number, round: (at: number) => number): Tap[] => [
  { index: clamp(round(at), n), weight: 1 },
];

/**
 * The elements around a place on an axis of n with their weights, which sum to 1. Beyond the ends the first
 * and last element are repeated, unless they are excluded.
 *
 * @param stretch 1, or less to widen the kernel against aliasing
 */
function kernelTaps(
  at: number,
  n: number,
  kernel: Kernel,
  { stretch, excludesOutside }: { readonly stretch: number; readonly excludesOutside: boolean },
): Tap[] {
  const origin = Math.floor(at);
  const first = Math.floor(-kernel.support / stretch) + 1;
  const taps = range(2 - 2 * first).map((k) => ({
    index: origin + first + k,
    weight: kernel.weight((origin + first + k - at) * stretch),
  }));
  const kept = excludesOutside ? taps.filter(({ index }) => index >= 0 && index < n) : taps;
  const total = kept.reduce((sum, { weight }) => sum + weight, 0);
  return kept.map(({ index, weight }) => ({ index: clamp(index, n), weight: weight / total }));
}

/** Weighted sums of the elements of one axis: they are picked if each is one element, else a product with a matrix. */
function interpolated(x: Tensor, axis: number, rows: Rows): Tensor {
  if (rows.every((taps) => taps.length === 1 && taps[0].weight === 1)) {
    return picked(
      x,
      axis,
      rows.map(([{ index }]) => index),
    );
  }
  const n = x.shape[axis];
  const matrix = new Float64Array(rows.length * n);
  rows.forEach((taps, i) => {
    for (const { index, weight } of taps) matrix[i * n + index] += weight;
  });
  const weights = constant({ shape: [rows.length, n], data: matrix }, x.dtype);
  const [lead, behind] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  const product =
    behind.length === 0 && lead.length > 0
      ? matmul(x, weights, { transposeB: true })
      : matmul(weights, reshape(x, [...lead, n, sizeOf(behind)]));
  return reshape(product, [...lead, rows.length, ...behind]);
}

/** How an axis is resized. */
interface Axis {
  readonly axis: number;
  readonly from: number;
  readonly to: number;
  readonly scale: number;
  /** The part that is cropped, in units of the axis. */
  readonly crop: readonly [number, number];
}

/**
 * Where element i of the result lies on the operand's axis, by the standard's name of the transformation. As in
 * the standard's reference implementation the result's length need not be whole.
 */
const transformations: Readonly<Record<string, (i: number, axis: Axis) => number>> = {
  half_pixel: (i, { scale }) => (i + 0.5) / scale - 0.5,
  half_pixel_symmetric(i, { from, to, scale }) {
    const offset = (from / 2) * (1 - to / (from * scale));
    return offset + (i + 0.5) / scale - 0.5;
  },
  pytorch_half_pixel: (i, { to, scale }) => (to > 1 ? (i + 0.5) / scale - 0.5 : 0),
  align_corners: (i, { from, scale }) => (i === 0 ? 0 : (i * (from - 1)) / (from * scale - 1)),
  asymmetric: (i, { scale }) => i / scale,
  tf_crop_and_resize(i, { from, scale, crop: [start, end] }) {
    const length = from * scale;
    if (length <= 1) return 0.5 * (start + end) * (from - 1);
    return start * (from - 1) + (i * (end - start) * (from - 1)) / (length - 1);
  },
};

/** The elements, with their weights, around a place on an axis. */
type Sampling = (at: number, axis: Axis) => readonly Tap[];

function samplingOf(call: Call, mode: string): Sampling {
  const [x, opset] = [call.tensor(0), call.opset];
  if (mode === "nearest") {
    // The first operator sets do not say how to round; ONNX Runtime rounds up where it shrinks.
    if (opset < 11) return (at, { from, scale }) => nearestTap(at, from, scale < 1 ? Math.ceil : Math.floor);
    const name = call.text("nearest_mode", "round_prefer_floor");
    const round = ownEntry(roundings, name) ?? call.fail(`nearest_mode "${name}" is unknown`);
    return (at, { from }) => nearestTap(at, from, round);
  }
  const kernels = { linear: linearKernel, cubic: cubicKernel(call.float("cubic_coeff_a", -0.75)) };
  if (mode !== "linear" && mode !== "cubic") {
    return call.fail(`the mode must be nearest, linear or cubic; it is "${mode}"`);
  }
  if (!isFloat(x.dtype)) return call.fail(`the mode ${mode} takes floats; cast the operand`);
  const isSmoothed = call.int("antialias", 0) === 1;
  const excludesOutside = call.int("exclude_outside", 0) === 1;
  return (at, { from, scale }) =>
    kernelTaps(at, from, kernels[mode], { stretch: isSmoothed ? Math.min(scale, 1) : 1, excludesOutside });
}

function resized(call: Call, axes: readonly Axis[], transformation: string): Tensor {
  const place =
    ownEntry(transformations, transformation) ??
    call.fail(`the transformation "${transformation}" is unknown`);
  const mode = call.text("mode", "nearest");
  // The name in the first operator sets.
  const sample = samplingOf(call, call.opset < 7 && mode === "bilinear" ? "linear" : mode);
  const crops = transformation === "tf_crop_and_resize";
  const maps = axes
    .filter(({ from, to, scale }) => crops || from !== to || scale !== 1)
    .map((axis) => {
      const isOutside = (at: number) => crops && (at < 0 || at > axis.from - 1);
      // Each place has a list of elements with their weights.
      call.listed(8 * axis.to);
      const rows = range(axis.to).map((i) => {
        // In float32, as in ONNX Runtime: 17 / 1.7 is 10, though 1.7 in float32 is a little more.
        const at = Math.fround(place(i, axis));
        return isOutside(at) ? [] : sample(at, axis);
      });
      return { ...axis, rows };
    });
  const result = maps.reduce((x, { axis, rows }) => interpolated(x, axis, rows), call.tensor(0));
  return extrapolated(call, result, maps, call.float("extrapolation_value", 0));
}

/** Adds a value where a cropped region is outside the operand: there all weights are zero. */
function extrapolated(
  call: Call,
  x: Tensor,
  maps: readonly { readonly axis: number; readonly rows: Rows }[],
  value: number,
): Tensor {
  const isInside = maps.every(({ rows }) => rows.every((taps) => taps.length > 0));
  if (value === 0 || isInside) return x;
  const shape = x.shape.map((n, d) => (maps.some(({ axis }) => axis === d) ? n : 1));
  const outside = maps.reduce<readonly boolean[]>(
    (flags, { axis, rows }) => {
      const behind = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
      return flags.map((flag, i) => flag || rows[Math.floor(i / behind) % rows.length].length === 0);
    },
    Array<boolean>(call.listed(sizeOf(shape))).fill(false),
  );
  const values = outside.map((flag) => (flag ? value : 0));
  return add(x, floats(values, x, shape));
}

/** The scale of each axis and its length after resizing, from sizes. */
function fromSizes(call: Call, lengths: readonly number[], sizes: readonly number[]) {
  const scales = sizes.map((n, k) => n / lengths[k]);
  const policy = call.text("keep_aspect_ratio_policy", "stretch");
  if (policy === "stretch") return { scales, sizes };
  const scale = policy === "not_larger" ? Math.min(...scales) : Math.max(...scales);
  return { scales: scales.map(() => scale), sizes: lengths.map((n) => Math.floor(scale * n + 0.5)) };
}

/** Products in float32, as in ONNX Runtime: 7 / 3 is a little less there, and yet three of it are 7. */
const fromScales = (lengths: readonly number[], scales: readonly number[]) => ({
  scales,
  sizes: scales.map((scale, k) => Math.floor(Math.fround(scale * lengths[k]))),
});

function resize(call: Call): Tensor {
  const x = call.tensor(0);
  const given = (index: number) => {
    const list = call.known(index);
    return list && list.length > 0 ? list : undefined;
  };
  const isOld = call.opset < 11;
  const scales = given(isOld ? 1 : 2);
  const sizes = isOld ? undefined : given(3);
  const axes = (call.ints("axes") ?? range(x.rank)).map((a) => resolveAxis(a, x.rank, "Resize"));
  const lengths = axes.map((axis) => x.shape[axis]);
  const count = (scales ?? sizes ?? call.fail("there are no scales and no sizes")).length;
  if (count !== axes.length) return call.fail(`there are ${count} scales or sizes for ${axes.length} axes`);
  const wanted = sizes ? fromSizes(call, lengths, sizes) : fromScales(lengths, scales ?? []);
  const transformation = call.text("coordinate_transformation_mode", isOld ? "asymmetric" : "half_pixel");
  const region = transformation === "tf_crop_and_resize" ? given(1) : undefined;
  return resized(
    call,
    axes.map((axis, k) => ({
      axis,
      from: lengths[k],
      to: wanted.sizes[k],
      scale: wanted.scales[k],
      crop: region ? [region[k], region[k + axes.length]] : [0, 1],
    })),
    transformation,
  );
}

/** In operator sets 1 to 6 the scales of height and width are attributes, from 7 on the scales of all axes. */
function scalesOf(call: Call): readonly number[] {
  if (call.opset < 7) return [1, 1, call.float("height_scale", 1), call.float("width_scale", 1)];
  return call.attribute("scales", "floats") ?? call.known(1) ?? call.fail("there are no scales");
}

function upsample(call: Call): Tensor {
  const x = call.tensor(0);
  const given = scalesOf(call);
  const { scales, sizes } = fromScales(x.shape, given);
  const axes = x.shape.map(
    (from, axis): Axis => ({ axis, from, to: sizes[axis], scale: scales[axis], crop: [0, 1] }),
  );
  return resized(call, axes, "asymmetric");
}

export const resizing: Readonly<Record<string, Operator>> = { Resize: resize, Upsample: upsample };
