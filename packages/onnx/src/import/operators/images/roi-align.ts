// K. He et al., "Mask R-CNN", ICCV 2017.

import type { Tensor } from "isoloss";
import {
  add,
  broadcastTo,
  cast,
  concat,
  constant,
  expandDims,
  fill,
  greaterEqual,
  lessEqual,
  logicalAnd,
  max,
  maximum,
  mean,
  mul,
  reshape,
  sub,
  sum,
  transpose,
} from "isoloss/ops";
import type { Call, Operator } from "../../call.js";
import { along, picked, range } from "../axes.js";
import { border, clamp, schemes, weighted } from "./sampling.js";

type Two = readonly [vertical: number, horizontal: number];

interface Settings {
  readonly scale: number;
  readonly isHalfPixel: boolean;
  /** Bins of a box. */
  readonly bins: Two;
  readonly isMax: boolean;
}

const row = (values: readonly number[], like: Tensor): Tensor =>
  constant({ shape: [values.length], data: Float64Array.from(values) }, like.dtype);

/** Start and length of boxes [boxes, 4] along an axis (0: vertical), [boxes, 1]. */
function extent(boxes: Tensor, axis: 0 | 1, { scale, isHalfPixel }: Settings) {
  const corner = (k: number) => sub(mul(along(boxes, 1, k, k + 1), scale), isHalfPixel ? 0.5 : 0);
  const [start, end] = [corner(1 - axis), corner(3 - axis)];
  const length = sub(end, start);
  return { start, length: isHalfPixel ? length : maximum(length, 1) };
}

/** The values of each box's bins, from a grid of `samples` points in each bin: [boxes, channels, ...bins]. */
function aligned(x: Tensor, boxes: Tensor, images: Tensor, samples: Two, settings: Settings): Tensor {
  const [count, channels] = [boxes.shape[0], x.shape[1]];
  const { bins, isMax } = settings;
  const [rows, columns] = ([0, 1] as const).map((axis) => {
    const { start, length } = extent(boxes, axis, settings);
    const steps = bins[axis] * samples[axis];
    const at = range(steps).map((i) => (i + 0.5) / steps);
    return add(start, mul(length, row(at, x)));
  });
  const [height, width] = [rows.shape[1], columns.shape[1]];
  const places = [expandDims(rows, 2), expandDims(columns, 1)].map((at) =>
    reshape(broadcastTo(at, [count, height, width]), [count, height * width]),
  );
  const inside = places
    .map((at, d) => logicalAnd(greaterEqual(at, -1), lessEqual(at, x.shape[d + 2])))
    .reduce(logicalAnd);
  const parts = mul(
    weighted(
      x,
      images,
      places.map((at, d) => clamp(at, 0, x.shape[d + 2] - 1)),
      schemes.linear,
      border,
    ),
    reshape(cast(inside, x.dtype), [count, height * width, 1, 1]),
  );
  const points = (isMax ? max : sum)(parts, { axes: 2 });
  const grid = reshape(points, [count, bins[0], samples[0], bins[1], samples[1], channels]);
  return transpose((isMax ? max : mean)(grid, { axes: [2, 4] }), [0, 3, 1, 2]);
}

/** How many points a box of known size has in each bin: about one an element. */
function samplesOf(boxes: readonly number[], settings: Settings): readonly Two[] {
  const { scale, isHalfPixel, bins } = settings;
  return range(boxes.length / 4).map((r): Two => {
    const [left, top, right, bottom] = boxes.slice(4 * r, 4 * r + 4);
    const [height, width] = [bottom - top, right - left].map((n) => Math.max(n * scale, isHalfPixel ? 0 : 1));
    return [Math.ceil(height / bins[0]), Math.ceil(width / bins[1])];
  });
}

/** Boxes with equal numbers of points are aligned together. */
function alignedAdaptively(call: Call, settings: Settings): Tensor {
  const [x, boxes, images] = [0, 1, 2].map((i) => call.tensor(i));
  const samples = samplesOf(call.known(1) ?? [], settings);
  if (samples.length === 0) return aligned(x, boxes, images, [1, 1], settings);
  const kinds = [...new Set(samples.map(String))];
  const groups = kinds.map((kind) => range(samples.length).filter((r) => String(samples[r]) === kind));
  const order = groups.flat();
  const parts = groups.map((members) => {
    const [own] = members.map((r) => samples[r]);
    if (own.includes(0)) return fill([members.length, x.shape[1], ...settings.bins], 0, x.dtype);
    return aligned(x, picked(boxes, 0, members), picked(images, 0, members), own, settings);
  });
  return picked(
    concat(parts),
    0,
    range(order.length).map((r) => order.indexOf(r)),
  );
}

/** Means (or maxima) of interpolated values in the bins of boxes [left, top, right, bottom]. */
function roiAlign(call: Call): Tensor {
  const [x, boxes, images] = [0, 1, 2].map((i) => call.tensor(i));
  const mode = call.text("mode", "avg");
  if (mode !== "avg" && mode !== "max") return call.fail(`the mode must be avg or max; it is ${mode}`);
  const transformation = call.opset < 16 ? "output_half_pixel" : "half_pixel";
  const settings = {
    scale: call.float("spatial_scale", 1),
    isHalfPixel: call.text("coordinate_transformation_mode", transformation) === "half_pixel",
    bins: [call.int("output_height", 1), call.int("output_width", 1)] as const,
    isMax: mode === "max",
  };
  const ratio = call.int("sampling_ratio", 0);
  return ratio > 0 ? aligned(x, boxes, images, [ratio, ratio], settings) : alignedAdaptively(call, settings);
}

export const regions: Readonly<Record<string, Operator>> = { RoiAlign: roiAlign };
