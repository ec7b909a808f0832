import { astype, type NdArray } from "isoloss";
import { createRng } from "isoloss/data";
import { float, int, string } from "isoloss/internal";
import { get, tabulate, uniform } from "isoloss-test-support/graph/ops/op-case";
import { float32, int64 } from "isoloss-test-support/nn/onnx/support";
import { ints } from "../../../core/src/runtime/onnx/schema.js";
import { type Case, given, withFile } from "./operator-case.js";

const single = (x: NdArray) => astype(x, "float32");
const drawn = (seed: number, shape: readonly number[], low = -2, high = 2) =>
  single(uniform(seed, shape, low, high));

const image = drawn(1, [2, 3, 4, 5]);
const volume = drawn(2, [2, 2, 3, 4, 5]);

/** Numbers between integers, some outside of 0..n - 1, and 0.1 away from every half: there are no kinks near. */
function places(seed: number, shape: readonly number[], n: number): NdArray {
  const rng = createRng(seed);
  return tabulate(shape, () => (rng.int(2 * n + 8) - 8) / 2 + 0.1 + 0.3 * rng.next());
}

/** A grid of places in images, some of them outside. */
function gridOf(
  seed: number,
  outer: readonly number[],
  space: readonly number[],
  alignCorners: number,
): NdArray {
  const lists = space.map((n, d) => places(seed + d, outer, n));
  const last = space.length - 1;
  return single(
    tabulate([...outer, space.length], (at) => {
      const [d, n] = [last - at[last + 2], space[last - at[last + 2]]];
      const place = get(lists[d], at.slice(0, -1));
      return alignCorners ? (2 * place) / (n - 1) - 1 : (2 * place + 1) / n - 1;
    }),
  );
}

const paddings = ["zeros", "border", "reflection"];

const gridSamples = (alignCorners: number) =>
  paddings.flatMap((padding) =>
    ["nearest", "linear", "cubic"].flatMap((mode) => {
      const attributes = {
        mode: string(mode),
        padding_mode: string(padding),
        align_corners: int(alignCorners),
      };
      const grid = gridOf(3, [2, 2, 3], [4, 5], alignCorners);
      const space = gridOf(5, [2, 2, 1, 3], [3, 4, 5], alignCorners);
      const onImage = given("GridSample", [image, grid], attributes, 20);
      // ONNX Runtime has no cubic interpolation of volumes.
      return mode === "cubic" ? [onImage] : [onImage, given("GridSample", [volume, space], attributes, 20)];
    }),
  );

const boxes = float32([0.3, 0.2, 3.4, 2.9, -1.2, 1.1, 2.3, 5.2, 2.1, 1.4, 2.6, 1.7], [3, 4]);
const images = int64([1, 0, 1]);
const bins = { output_height: int(2), output_width: int(3) };

const [offsets, mask] = [single(places(10, [2, 16, 3, 4], 1)), drawn(11, [2, 8, 3, 4])];
const channels = drawn(12, [2, 4, 4, 5]);

export const samplingCases: Readonly<Record<string, readonly Case[]>> = {
  AffineGrid: [0, 1].flatMap((alignCorners) => [
    {
      ...withFile("AffineGrid", drawn(5, [2, 2, 3]), [int64([2, 3, 4, 5])], {
        align_corners: int(alignCorners),
      }),
      opset: 20,
    },
    {
      ...withFile("AffineGrid", drawn(6, [2, 3, 4]), [int64([2, 1, 2, 3, 4])], {
        align_corners: int(alignCorners),
      }),
      opset: 20,
    },
  ]),
  Col2Im: [
    withFile("Col2Im", drawn(7, [2, 18, 4]), [int64([4, 5]), int64([2, 3])], {
      strides: ints([2, 1]),
      dilations: ints([1, 2]),
      pads: ints([0, 1, 0, 0]),
    }),
    withFile("Col2Im", drawn(8, [1, 4, 4]), [int64([5]), int64([2])]),
    withFile("Col2Im", drawn(9, [1, 8, 12]), [int64([3, 3, 4]), int64([2, 2, 2])]),
  ],
  DeformConv: [
    given("DeformConv", [channels, drawn(13, [3, 4, 2, 2]), single(places(14, [2, 8, 3, 4], 1))], {}, 19),
    given(
      "DeformConv",
      [channels, drawn(15, [6, 2, 2, 2]), offsets, drawn(16, [6]), mask],
      { group: int(2), offset_group: int(2) },
      19,
    ),
    given(
      "DeformConv",
      [channels, drawn(17, [3, 4, 2, 2]), single(places(18, [2, 8, 2, 4], 1))],
      { strides: ints([2, 1]), pads: ints([1, 0, 0, 1]), dilations: ints([1, 2]) },
      19,
    ),
  ],
  GridSample: [
    ...gridSamples(0),
    given("GridSample", [image, gridOf(8, [2, 2, 3], [4, 5], 0)], { mode: string("bilinear") }, 16),
    given("GridSample", [image, gridOf(8, [2, 2, 3], [4, 5], 0)], { mode: string("bicubic") }, 16),
  ],
  RoiAlign: [
    given(
      "RoiAlign",
      [image, boxes, images],
      { ...bins, sampling_ratio: int(2), spatial_scale: float(0.9) },
      16,
    ),
    withFile("RoiAlign", image, [boxes, images], bins, 16),
    // A point, and no box at all.
    withFile("RoiAlign", image, [float32([1, 1, 1, 1, 0, 0, 2, 2], [2, 4]), int64([0, 1])], bins, 16),
    withFile("RoiAlign", image, [float32([], [0, 4]), int64([])], bins, 16),
    withFile("RoiAlign", image, [boxes, images], { ...bins, spatial_scale: float(2) }, 10),
    withFile(
      "RoiAlign",
      image,
      [boxes, images],
      { ...bins, mode: string("max"), sampling_ratio: int(2) },
      16,
    ),
    withFile(
      "RoiAlign",
      image,
      [boxes, images],
      { ...bins, coordinate_transformation_mode: string("output_half_pixel") },
      16,
    ),
  ],
};

/** The same as with corners that are not aligned, but for the places. */
export const alignedCases: Readonly<Record<string, readonly Case[]>> = { GridSample: gridSamples(1) };
