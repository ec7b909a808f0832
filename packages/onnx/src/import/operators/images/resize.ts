import type { Tensor } from "isoloss";
import { sizeOf } from "isoloss";
import { isFloat, ownEntry, resolveAxis } from "isoloss/internal";
import { add, constant } from "isoloss/ops";
import type { Call, Operator } from "../../call.js";
import { range } from "../axes.js";
import {
  cubicKernel,
  interpolated,
  kernelTaps,
  linearKernel,
  nearestTap,
  type Rows,
  roundings,
  type Tap,
} from "./interpolation.js";

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
  return add(x, constant({ shape, data: Float64Array.from(outside, (flag) => (flag ? value : 0)) }, x.dtype));
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
