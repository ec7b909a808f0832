import { DTypeError, OptionError, ShapeError } from "../../src/errors.js";
import { broadcastTo } from "../../src/graph/ops/broadcast.js";
import { conv2d, convTranspose2d } from "../../src/graph/ops/conv.js";
import { conv1d } from "../../src/graph/ops/conv-1d.js";
import { einsum } from "../../src/graph/ops/einsum.js";
import { cumsum, gather, oneHot } from "../../src/graph/ops/gather.js";
import { constant, fill, input } from "../../src/graph/ops/leaf.js";
import { avgPool2d, maxPool2d, maxUnpool2d } from "../../src/graph/ops/pool.js";
import { prod } from "../../src/graph/ops/prod.js";
import { randomUniform } from "../../src/graph/ops/random.js";
import { expandDims, flattenFrom, reshape, transpose } from "../../src/graph/ops/reshape.js";
import { scatterAdd, scatterMax } from "../../src/graph/ops/scatter.js";
import { concat, pad, slice } from "../../src/graph/ops/slice.js";
import { argsort } from "../../src/graph/ops/sort.js";
import { bool, double, float, int, rejects } from "./ops/rejections.js";

rejects("Shapes", [
  ["reshape to another size", () => reshape(float(2, 3), [4]), ShapeError, ["reshape", "[2, 3]", "[4]"]],
  [
    "reshape to a free axis that is no integer",
    () => reshape(float(2, 3), [4, -1]),
    ShapeError,
    ["reshape", "[2, 3]", "[4, -1]"],
  ],
  ["reshape to two free axes", () => reshape(float(2, 3), [-1, -1]), ShapeError, ["reshape", "[-1, -1]"]],
  ["reshape to negative sizes", () => reshape(float(2, 3), [-2, -3]), ShapeError, ["reshape", "[-2, -3]"]],
  ["reshape to fractions", () => reshape(float(2, 3), [1.5, 4]), ShapeError, ["reshape", "[1.5, 4]"]],
  [
    "transpose with a repeated axis",
    () => transpose(float(2, 3), [0, 0]),
    ShapeError,
    ["transpose", "[0, 0]", "[2, 3]"],
  ],
  [
    "transpose with too few axes",
    () => transpose(float(2, 3), [0]),
    ShapeError,
    ["transpose", "[0]", "[2, 3]"],
  ],
  [
    "transpose with a missing axis",
    () => transpose(float(2, 3), [0, 2]),
    ShapeError,
    ["transpose", "axis 2"],
  ],
  ["expandDims at a missing axis", () => expandDims(float(2), 3), ShapeError, ["expandDims", "axis 3"]],
  ["flattenFrom a missing axis", () => flattenFrom(float(2), 3), ShapeError, ["flattenFrom", "axis 3"]],
  [
    "broadcastTo an unequal size",
    () => broadcastTo(float(2), [3]),
    ShapeError,
    ["broadcastTo", "[2]", "[3]"],
  ],
  [
    "broadcastTo a smaller rank",
    () => broadcastTo(float(1, 2), [2]),
    ShapeError,
    ["broadcastTo", "[1, 2]", "[2]"],
  ],
  ["broadcastTo a negative size", () => broadcastTo(float(1), [-3]), ShapeError, ["broadcast", "[-3]"]],
  ["fill of a fractional shape", () => fill([2.5], 1), ShapeError, ["2.5"]],
  ["input of a negative size", () => input([-1]), ShapeError, ["input", "[-1]"]],
  ["slice outside", () => slice(float(3), { starts: [1], ends: [4] }), ShapeError, ["slice", "1..4", "[3]"]],
  [
    "slice backwards",
    () => slice(float(3), { starts: [2], ends: [1] }),
    ShapeError,
    ["slice", "2..1", "[3]"],
  ],
  ["slice of step 0", () => slice(float(3), { steps: [0] }), ShapeError, ["slice", "step 0", "[3]"]],
  [
    "slice of a fractional step",
    () => slice(float(3), { steps: [1.5] }),
    ShapeError,
    ["slice", "step 1.5", "[3]"],
  ],
  ["slice at a fraction", () => slice(float(3), { starts: [0.5] }), ShapeError, ["slice", "0.5", "[3]"]],
  [
    "slice of too many axes",
    () => slice(float(3), { starts: [0, 1] }),
    ShapeError,
    ["slice", "[0, 1]", "[3]"],
  ],
  ["pad of too few axes", () => pad(float(2, 3), [[1, 1]]), ShapeError, ["pad", "[2, 3]", "[[1, 1]]"]],
  ["pad by negative sizes", () => pad(float(2), [[-1, 1]]), ShapeError, ["pad", "[2]", "[[-1, 1]]"]],
  ["pad by fractions", () => pad(float(2), [[0.5, 0.5]]), ShapeError, ["pad", "[2]", "[[0.5, 0.5]]"]],
  [
    "concat of unequal shapes",
    () => concat([float(2, 3), float(2, 4)]),
    ShapeError,
    ["concat", "[2, 3]", "[2, 4]", "axis 0"],
  ],
  ["concat of unequal ranks", () => concat([float(2, 3), float(2)]), ShapeError, ["concat", "[2, 3]", "[2]"]],
  [
    "concat of two dtypes",
    () => concat([float(2), int(2)]),
    DTypeError,
    ["concat", "float32[2]", "int64[2]"],
  ],
  ["concat of nothing", () => concat([]), OptionError, ["concat", "none"]],
  [
    "concat along a missing axis",
    () => concat([float(2), float(2)], { axis: 1 }),
    ShapeError,
    ["concat", "axis 1"],
  ],
]);

rejects("Indices", [
  [
    "gather with float indices",
    () => gather(float(3), float(2)),
    DTypeError,
    ["gather", "int64", "float32[2]"],
  ],
  [
    "gather along a missing axis",
    () => gather(float(3), int(2), { axis: 1 }),
    ShapeError,
    ["gather", "axis 1"],
  ],
  ["gather from a scalar", () => gather(float(), int(2)), ShapeError, ["gather", "axis 0"]],
  [
    "scatterAdd with float indices",
    () => scatterAdd(float(3), float(3), { size: 2 }),
    DTypeError,
    ["scatterAdd", "float32[3]"],
  ],
  [
    "scatterAdd of bools",
    () => scatterAdd(bool(3), int(3), { size: 2 }),
    DTypeError,
    ["scatterAdd", "bool[3]"],
  ],
  ["cumsum of bools", () => cumsum(bool(3)), DTypeError, ["cumsum", "bool[3]"]],
  [
    "scatterAdd of unequal shapes",
    () => scatterAdd(float(3, 2), int(4), { size: 5 }),
    ShapeError,
    ["scatterAdd", "[3, 2]", "[4]"],
  ],
  [
    "scatterAdd along a missing axis",
    () => scatterAdd(float(3, 2), int(3), { axis: 2, size: 5 }),
    ShapeError,
    ["scatterAdd", "axis 2"],
  ],
  [
    "scatterAdd with more indices than axes",
    () => scatterAdd(float(3), int(3, 1), { size: 5 }),
    ShapeError,
    ["scatterAdd", "[3]", "[3, 1]"],
  ],
  [
    "scatterAdd to a negative size",
    () => scatterAdd(float(3), int(3), { size: -1 }),
    ShapeError,
    ["scatterAdd", "-1"],
  ],
  [
    "scatterMax of bools",
    () => scatterMax(bool(3), int(3), { size: 5 }),
    DTypeError,
    ["scatterMax", "bool[3]"],
  ],
  ["argsort of bools", () => argsort(bool(3)), DTypeError, ["argsort", "bool[3]"]],
  ["argsort along a missing axis", () => argsort(float(3), { axis: 1 }), ShapeError, ["argsort", "axis 1"]],
  [
    "argsort of more than there are",
    () => argsort(float(3), { count: 4 }),
    ShapeError,
    ["argsort", "count", "4"],
  ],
  ["prod of an axis twice", () => prod(float(3), { axes: [0, -1] }), ShapeError, ["prod", "twice"]],
  [
    "einsum of a letter without an axis",
    () => einsum("ijk->i", [float(2, 3)]),
    ShapeError,
    ["einsum", '"ijk"', "[2, 3]"],
  ],
  [
    "einsum of unequal sizes",
    () => einsum("ij,jk", [float(2, 3), float(4, 5)]),
    ShapeError,
    ['"j"', "3", "4"],
  ],
  [
    "einsum of unequal further axes",
    () => einsum("...i,...i->...", [float(2, 3), float(4, 3)]),
    ShapeError,
    ['"..."', "2", "4"],
  ],
  ["einsum of an oblong's diagonal", () => einsum("ii", [float(1, 3)]), ShapeError, ["diagonal", "[1, 3]"]],
  ["einsum of too few operands", () => einsum("i,i", [float(2)]), OptionError, ['"i,i"', "2", "1"]],
  ["einsum with a result of its own", () => einsum("i->ij", [float(2)]), OptionError, ['"j"', '"i->ij"']],
  ["einsum with a result twice", () => einsum("ij->ii", [float(2, 2)]), OptionError, ['"i"', "once"]],
  ["einsum of signs", () => einsum("i+j", [float(2)]), OptionError, ["einsum", '"i+j"']],
  ["einsum of integers", () => einsum("i,i", [int(2), int(2)]), DTypeError, ["einsum", "int64[2]"]],
  ["oneHot of floats", () => oneHot(float(3), 4), DTypeError, ["oneHot", "float32[3]"]],
  ["oneHot of a negative depth", () => oneHot(int(3), -4), ShapeError, ["oneHot", "-4"]],
  ["cumsum along a missing axis", () => cumsum(float(3), { axis: 1 }), ShapeError, ["cumsum", "axis 1"]],
  [
    "randomUniform of a float seed",
    () => randomUniform(float(), [2]),
    DTypeError,
    ["randomUniform", "float32[]"],
  ],
  ["randomUniform of two seeds", () => randomUniform(int(2), [2]), ShapeError, ["randomUniform", "int64[2]"]],
  ["an int64 constant of a fraction", () => constant(0.5, "int64"), DTypeError, ["int64", "0.5"]],
]);

const images = float(2, 3, 8, 8);

rejects("Images", [
  [
    "conv2d of unequal channels",
    () => conv2d(images, float(4, 2, 3, 3)),
    ShapeError,
    ["conv2d", "[2, 3, 8, 8]", "[4, 2, 3, 3]"],
  ],
  [
    "conv2d of a matrix",
    () => conv2d(float(8, 8), float(1, 1, 3, 3)),
    ShapeError,
    ["conv2d", "[8, 8]", "[1, 1, 3, 3]"],
  ],
  [
    "conv2d with too large a kernel",
    () => conv2d(images, float(4, 3, 9, 9)),
    ShapeError,
    ["conv2d", "[2, 3, 8, 8]", "[4, 3, 9, 9]"],
  ],
  [
    "conv2d of no images",
    () => conv2d(float(0, 3, 8, 8), float(4, 3, 3, 3)),
    ShapeError,
    ["conv2d", "[0, 3, 8, 8]", "no axis may be empty"],
  ],
  [
    "conv2d of two dtypes",
    () => conv2d(images, double(4, 3, 3, 3)),
    DTypeError,
    ["conv2d", "float32[2, 3, 8, 8]", "float64[4, 3, 3, 3]"],
  ],
  [
    "conv2d of stride 0",
    () => conv2d(images, float(4, 3, 3, 3), { stride: 0 }),
    OptionError,
    ["conv2d", "stride 0"],
  ],
  [
    "conv2d of negative padding",
    () => conv2d(images, float(4, 3, 3, 3), { padding: [0, -1] }),
    OptionError,
    ["conv2d", "padding [0, -1]"],
  ],
  [
    "conv2d of uneven groups",
    () => conv2d(images, float(4, 1, 3, 3), { groups: 3 }),
    ShapeError,
    ["conv2d", "3 group(s)"],
  ],
  [
    "conv2d of fractional groups",
    () => conv2d(images, float(3, 2, 3, 3), { groups: 1.5 }),
    OptionError,
    ["conv2d", "1.5"],
  ],
  [
    "convTranspose2d of unequal channels",
    () => convTranspose2d(images, float(4, 2, 3, 3)),
    ShapeError,
    ["convTranspose2d", "[2, 3, 8, 8]", "[4, 2, 3, 3]"],
  ],
  [
    "convTranspose2d of a matrix",
    () => convTranspose2d(float(8, 8), float(1, 1, 3, 3)),
    ShapeError,
    ["convTranspose2d", "[8, 8]", "[1, 1, 3, 3]"],
  ],
  [
    "conv1d of three paddings",
    () => conv1d(float(2, 3, 8), float(4, 3, 3), { padding: [1, 2, 3] as unknown as [number, number] }),
    OptionError,
    ["conv1d", "[before, after]", "padding [1, 2, 3]"],
  ],
  [
    "convTranspose2d with too much padding",
    () => convTranspose2d(images, float(3, 2, 3, 3), { padding: [5, 0] }),
    ShapeError,
    ["convTranspose2d", "[2, 3, 8, 8]", "padding [5,0,5,0]", "0 x 10"],
  ],
  [
    "convTranspose2d with too much outputPadding",
    () => convTranspose2d(images, float(3, 2, 3, 3), { stride: 2, outputPadding: 2 }),
    OptionError,
    ["convTranspose2d", "outputPadding", "2"],
  ],
  ["maxPool2d of a matrix", () => maxPool2d(float(8, 8), { kernel: 2 }), ShapeError, ["maxPool2d", "[8, 8]"]],
  [
    "maxPool2d of integers",
    () => maxPool2d(int(1, 1, 8, 8), { kernel: 2 }),
    DTypeError,
    ["maxPool2d", "int64[1, 1, 8, 8]"],
  ],
  [
    "maxPool2d with too large a window",
    () => maxPool2d(images, { kernel: 9 }),
    ShapeError,
    ["maxPool2d", "[9,9]", "[2, 3, 8, 8]"],
  ],
  [
    "maxPool2d of kernel 0",
    () => maxPool2d(images, { kernel: 0, stride: 1 }),
    OptionError,
    ["maxPool2d", "kernel", "0"],
  ],
  [
    "avgPool2d of too much padding",
    () => avgPool2d(images, { kernel: 2, padding: 2 }),
    OptionError,
    ["avgPool2d", "[2,2,2,2]", "[2,2]"],
  ],
  [
    "maxUnpool2d of unequal shapes",
    () => maxUnpool2d(float(1, 1, 2, 2), int(1, 1, 2, 3), [1, 1, 4, 4]),
    ShapeError,
    ["maxUnpool2d", "[1, 1, 2, 2]", "[1, 1, 2, 3]"],
  ],
  [
    "maxUnpool2d with float places",
    () => maxUnpool2d(float(1, 1, 2, 2), float(1, 1, 2, 2), [1, 1, 4, 4]),
    DTypeError,
    ["maxUnpool2d", "int64", "float32[1, 1, 2, 2]"],
  ],
]);
