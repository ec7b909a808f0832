import { astype, type NdArray } from "isoloss";
import { float, int, string } from "isoloss/internal";
import { distinct, uniform } from "isoloss-test-support/graph/ops/op-case";
import { float32, int64 } from "isoloss-test-support/nn/onnx/support";
import { ints } from "../../../core/src/runtime/onnx/schema.js";
import { type Attributes, type Case, given, withFile } from "./operator-case.js";

const single = (x: NdArray) => astype(x, "float32");
const drawn = (seed: number, shape: readonly number[]) => single(uniform(seed, shape));
const [image, sequence, volume] = [
  [2, 4, 7, 6],
  [2, 4, 9],
  [2, 2, 5, 6, 4],
].map((shape, k) => single(distinct(5 + k, shape)[0]));

const unary = (opType: string, x: NdArray, attributes: Attributes = {}, opset?: number) =>
  given(opType, [x], attributes, opset);

/** Also the second result. */
const both = (c: Case): Case => ({ ...c, node: { ...c.node, outputs: ["y", "z"] } });

const convolutions = {
  Conv: [
    withFile("Conv", image, [drawn(30, [6, 2, 3, 2]), drawn(31, [6])], {
      group: int(2),
      strides: ints([2, 1]),
      pads: ints([1, 0, 2, 1]),
      dilations: ints([1, 2]),
    }),
    withFile("Conv", image, [drawn(32, [3, 4, 3, 3])], {
      auto_pad: string("SAME_LOWER"),
      strides: ints([2, 2]),
    }),
    withFile("Conv", image, [drawn(32, [3, 4, 3, 3])], { auto_pad: string("VALID") }),
    given("Conv", [sequence, drawn(33, [5, 4, 3]), drawn(34, [5])], {
      strides: ints([2]),
      pads: ints([1, 2]),
    }),
    given("Conv", [volume, drawn(35, [4, 1, 3, 2, 2]), drawn(36, [4])], {
      group: int(2),
      strides: ints([2, 1, 2]),
      pads: ints([1, 0, 1, 2, 1, 0]),
      dilations: ints([1, 2, 1]),
    }),
    withFile("Conv", volume, [drawn(37, [3, 2, 2, 3, 3])], { auto_pad: string("SAME_UPPER") }),
  ],
  ConvTranspose: [
    withFile("ConvTranspose", image, [drawn(35, [4, 3, 3, 2]), drawn(36, [3])], {
      strides: ints([2, 3]),
      pads: ints([1, 0, 0, 1]),
      output_padding: ints([1, 0]),
    }),
    given("ConvTranspose", [sequence, drawn(37, [4, 2, 3])], { strides: ints([2]), group: int(2) }),
    ...["SAME_UPPER", "SAME_LOWER", "VALID"].map((auto) =>
      withFile("ConvTranspose", image, [drawn(38, [4, 3, 4, 3])], {
        auto_pad: string(auto),
        strides: ints([2, 2]),
      }),
    ),
    withFile("ConvTranspose", image, [drawn(39, [4, 3, 3, 3])], {
      output_shape: ints([20, 14]),
      strides: ints([3, 2]),
      output_padding: ints([1, 1]),
    }),
    given("ConvTranspose", [volume, drawn(40, [2, 1, 3, 2, 2]), drawn(41, [2])], {
      group: int(2),
      strides: ints([2, 1, 2]),
      pads: ints([1, 0, 1, 1, 1, 0]),
      dilations: ints([2, 1, 1]),
      output_padding: ints([1, 0, 1]),
    }),
  ],
};

const kernel = (...sizes: number[]) => ({ kernel_shape: ints(sizes) });
const rounding = { ceil_mode: int(1) };

const poolings = {
  AveragePool: [
    unary("AveragePool", image, { ...kernel(2, 3), strides: ints([2, 1]), pads: ints([1, 0, 0, 1]) }),
    unary("AveragePool", image, { ...kernel(3, 3), pads: ints([1, 1, 1, 1]), count_include_pad: int(1) }),
    unary("AveragePool", image, { ...kernel(3, 3), pads: ints([2, 2, 2, 2]) }),
    unary("AveragePool", sequence, { ...kernel(3), strides: ints([2]), auto_pad: string("SAME_UPPER") }),
    unary("AveragePool", image, { ...kernel(2, 4), strides: ints([3, 4]), ...rounding }, 19),
    unary(
      "AveragePool",
      image,
      {
        ...kernel(3, 2),
        strides: ints([3, 4]),
        pads: ints([1, 1, 1, 1]),
        ...rounding,
        count_include_pad: int(1),
      },
      19,
    ),
    unary("AveragePool", volume, {
      ...kernel(2, 3, 2),
      strides: ints([1, 2, 2]),
      pads: ints([1, 1, 0, 0, 1, 1]),
    }),
    unary("AveragePool", volume, { ...kernel(2, 2, 2), dilations: ints([2, 1, 3]) }, 19),
  ],
  GlobalAveragePool: [unary("GlobalAveragePool", image), unary("GlobalAveragePool", sequence)],
  GlobalLpPool: [unary("GlobalLpPool", image), unary("GlobalLpPool", sequence, { p: int(3) })],
  GlobalMaxPool: [unary("GlobalMaxPool", image), unary("GlobalMaxPool", volume)],
  LpPool: [
    unary("LpPool", image, { ...kernel(2, 3), strides: ints([2, 1]), pads: ints([1, 0, 0, 1]) }),
    unary("LpPool", sequence, { ...kernel(3), p: int(3), strides: ints([2]) }),
    unary("LpPool", volume, { ...kernel(2, 2, 1), p: int(1), auto_pad: string("SAME_UPPER") }),
  ],
  MaxPool: [
    unary("MaxPool", image, { ...kernel(3, 2), strides: ints([2, 1]), pads: ints([1, 0, 1, 1]) }),
    unary("MaxPool", image, { ...kernel(3, 2), strides: ints([2, 2]), ...rounding }),
    unary("MaxPool", image, { ...kernel(2, 4), strides: ints([4, 4]), ...rounding }),
    unary("MaxPool", sequence, { ...kernel(2), dilations: ints([2]) }),
    unary("MaxPool", volume, {
      ...kernel(2, 3, 2),
      strides: ints([1, 2, 2]),
      pads: ints([1, 1, 0, 0, 1, 1]),
    }),
    unary("MaxPool", volume, { ...kernel(2, 2, 2), dilations: ints([2, 1, 3]), ...rounding }),
    both(unary("MaxPool", sequence, { ...kernel(3), pads: ints([1, 1]) })),
    both(unary("MaxPool", image, { ...kernel(3, 2), strides: ints([2, 1]), pads: ints([2, 1, 2, 1]) })),
    both(unary("MaxPool", image, { ...kernel(3, 2), pads: ints([1, 0, 1, 1]), storage_order: int(1) })),
    both(
      unary("MaxPool", volume, {
        ...kernel(2, 3, 2),
        strides: ints([1, 2, 1]),
        pads: ints([1, 1, 0, 0, 1, 1]),
      }),
    ),
  ],
  MaxUnpool: [
    withFile("MaxUnpool", drawn(50, [1, 2, 2, 2]), [int64([0, 6, 17, 15, 24, 26, 36, 46], [1, 2, 2, 2])], {
      ...kernel(2, 3),
      strides: ints([2, 3]),
    }),
    withFile(
      "MaxUnpool",
      drawn(51, [1, 1, 2, 2]),
      [int64([1, 4, 12, 23], [1, 1, 2, 2]), int64([1, 1, 5, 5])],
      { ...kernel(2, 2), strides: ints([2, 2]) },
    ),
  ],
};

const [grid, cube] = [drawn(60, [2, 3, 4]), drawn(61, [2, 8, 4, 6])];
const mode = (name: string) => ({ mode: string(name) });

const moves = {
  CenterCropPad: [
    withFile("CenterCropPad", cube, [int64([3, 5, 7, 3])]),
    withFile("CenterCropPad", cube, [int64([9, 3])], { axes: ints([-1, 2]) }),
  ],
  DepthToSpace: [
    unary("DepthToSpace", cube, { blocksize: int(2) }),
    unary("DepthToSpace", cube, { blocksize: int(2), ...mode("CRD") }),
  ],
  Pad: [
    withFile("Pad", grid, [int64([0, 1, 2, 1, 0, 0]), float32([0.5], [])]),
    withFile("Pad", grid, [int64([1, -1]), null, int64([2])]),
    given("Pad", [grid], { pads: ints([0, 1, 0, 0, 0, 1]), value: float(2) }, 10),
    ...["reflect", "edge", "wrap"].map((name) =>
      withFile("Pad", grid, [int64([1, 0, 3, 0, 2, 2])], mode(name), 19),
    ),
    withFile("Pad", grid, [int64([0, 1, -1, 0, 2, 2])], mode("edge")),
  ],
  SpaceToDepth: [unary("SpaceToDepth", cube, { blocksize: int(2) })],
};

export const windowCases: Readonly<Record<string, readonly Case[]>> = {
  ...convolutions,
  ...poolings,
  ...moves,
};
