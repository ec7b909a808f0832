import { astype, type NdArray } from "isoloss";
import { float, int, string } from "isoloss/internal";
import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { float32, int64 } from "isoloss-test-support/nn/onnx/support";
import { floats, ints } from "../../../core/src/runtime/onnx/schema.js";
import { type Attributes, type Case, given, withFile } from "./operator-case.js";

const single = (x: NdArray) => astype(x, "float32");
const image = single(uniform(80, [2, 3, 5, 7]));
const row = single(uniform(81, [1, 1, 1, 12]));

const resize = (
  { scales, sizes, region }: { scales?: number[]; sizes?: number[]; region?: number[] },
  attributes: Readonly<Record<string, string | number>> = {},
  further: Attributes = {},
): Case => ({
  ...withFile(
    "Resize",
    image,
    [region ? float32(region) : null, scales ? float32(scales) : null, ...(sizes ? [int64(sizes)] : [])],
    {
      ...Object.fromEntries(
        Object.entries(attributes).map(([name, value]) => [
          name,
          typeof value === "string"
            ? string(value)
            : name === "antialias" || name === "exclude_outside"
              ? int(value)
              : float(value),
        ]),
      ),
      ...further,
    },
  ),
  opset: 19,
});

const transformation = (name: string) => ({ coordinate_transformation_mode: name });
const transformations = [
  "half_pixel",
  "half_pixel_symmetric",
  "pytorch_half_pixel",
  "align_corners",
  "asymmetric",
].map(transformation);
const last = { axes: ints([2, 3]) };

export const resizeCases: Readonly<Record<string, readonly Case[]>> = {
  Resize: [
    ...["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"].flatMap((nearest_mode) => [
      resize({ sizes: [2, 3, 8, 3] }, { nearest_mode }),
      resize({ scales: [1, 1, 2, 0.5] }, { nearest_mode, ...transformation("asymmetric") }),
    ]),
    ...transformations.flatMap((mode) => [
      resize({ sizes: [8, 4] }, { mode: "linear", ...mode }, last),
      resize({ sizes: [2, 3, 4, 11] }, { mode: "cubic", ...mode }),
    ]),
    resize({ scales: [1, 1, 1.5, 2] }, { mode: "cubic", exclude_outside: 1, cubic_coeff_a: -0.5 }),
    resize({ sizes: [2, 3, 1, 9] }, { mode: "linear", ...transformation("pytorch_half_pixel") }),
    resize(
      { sizes: [4, 6], region: [0.25, 0.4, 0.75, 1.5] },
      { mode: "linear", extrapolation_value: 10, ...transformation("tf_crop_and_resize") },
      last,
    ),
    resize({ sizes: [9, 9] }, { mode: "linear", keep_aspect_ratio_policy: "not_larger" }, last),
    resize({ sizes: [9, 9] }, { mode: "linear", keep_aspect_ratio_policy: "not_smaller" }, last),
    resize({ scales: [1, 1, 2, 2] }, { mode: "cubic", antialias: 1 }),
    withFile("Resize", image, [float32([1, 1, 2, 3])], { mode: string("linear") }, 10),
    withFile("Resize", row, [float32([1, 1, 1, 0.6])], {}, 10),
  ],
  Upsample: [
    withFile("Upsample", image, [float32([1, 1, 2, 3])], {}, 9),
    // In float32 1.4 is less than it is, and 1.7 is more.
    withFile("Upsample", image, [float32([1, 1, 1.4, 1])], {}, 9),
    withFile("Upsample", row, [float32([1, 1, 1, 1.7])], {}, 9),
    given("Upsample", [image], { scales: floats([1, 1, 2, 1.5]), mode: string("linear") }, 7),
  ],
};
