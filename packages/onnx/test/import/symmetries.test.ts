// The symmetries of models whose operators are composed of others.

import type { BatchTensors, ImportedModel, NdArray, TensorsOf } from "isoloss";
import { int, type OnnxNode, string } from "isoloss/internal";
import { mseLoss } from "isoloss/nn";
import { input } from "isoloss/ops";
import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { type Arrays, fileOf, float32, int64, node } from "isoloss-test-support/nn/onnx/support";
import { describeFound, expectKept, subject } from "isoloss-test-support/symmetry/discovery/support";
import { describe, expect, it } from "vitest";
import { graph as graphOf, ints } from "../../../core/src/runtime/onnx/schema.js";
import { fromOnnx } from "../../src/import/from-onnx.js";

type Params = TensorsOf<ImportedModel["params"]>;

interface Model {
  readonly x: NdArray;
  readonly nodes: readonly OnnxNode[];
  readonly params: Arrays;
  readonly constants?: Arrays;
}

/** The scalings that are found in the squared error of a model's result y, all of which keep it. */
function scalingsOf({ x, nodes, params, constants = {} }: Model): string[] {
  const bytes = fileOf({ inputs: { x }, initializers: { ...params, ...constants }, nodes });
  const model = fromOnnx(bytes, { dtype: "float64", isParameter: (name) => Object.hasOwn(params, name) });
  const inputs = Object.entries(params).map(([name, { shape }]) => [name, input(shape, "float64")]);
  const { shape } = model.apply(Object.fromEntries(inputs), { x: input(x.shape, "float64") }).y;
  const loss = (p: Params, batch: BatchTensors) => mseLoss(model.apply(p, { x: batch.x }).y, batch.y);
  const s = subject(loss, params, { x, y: uniform(99, shape) });
  expectKept(s);
  return s.found.scalings.map(describeFound);
}

const image = uniform(1, [2, 3, 4, 4]);
const volume = uniform(2, [2, 3, 4, 5, 4]);

/** relu of a convolution u, operators that make z of h, and a convolution v. */
const between = (x: NdArray, inner: readonly OnnxNode[], params: Arrays, constants: Arrays = {}): Model => ({
  x,
  nodes: [
    node("Conv", ["x", "u"], {}, ["a"]),
    node("Relu", ["a"], {}, ["h"]),
    ...inner,
    node("Conv", ["z", "v"]),
  ],
  params,
  constants,
});

const inner = (opType: string, operands: readonly string[], attributes: OnnxNode["attributes"] = {}) => [
  node(opType, ["h", ...operands], attributes, ["z"]),
];

const single = (x: NdArray): NdArray => float32([...x.data].map(Number), x.shape);

const onImages = { u: uniform(3, [4, 3, 1, 1]), v: uniform(4, [2, 4, 3, 3]) };
const fourOfImages = ["scaling 4: p.u[4,3,1,1]@0^1 p.v[2,4,3,3]@1^-1"];

const resize = (mode: string) =>
  between(image, inner("Resize", ["", "scales"], { mode: string(mode) }), onImages, {
    scales: float32([1, 1, 2, 2]),
  });

const onVolumes = { u: uniform(5, [4, 3, 1, 2, 1]), v: uniform(6, [2, 4, 2, 1, 2]) };
const fourOfVolumes = ["scaling 4: p.u[4,3,1,2,1]@0^1 p.v[2,4,2,1,2]@1^-1"];
const cube = { kernel_shape: ints([2, 2, 2]) };

const pair = { kernel_shape: ints([2, 2]), strides: ints([2, 2]) };
const blocks = (mode: string) =>
  between(image, inner("DepthToSpace", [], { blocksize: int(2), mode: string(mode) }), {
    u: uniform(7, [8, 3, 1, 1]),
    v: uniform(8, [2, 2, 3, 3]),
  });

const networks: Readonly<Record<string, readonly [Model, readonly string[]]>> = {
  "a Resize to the nearest element": [resize("nearest"), fourOfImages],
  "a linear Resize": [resize("linear"), fourOfImages],
  "a cubic Resize": [resize("cubic"), fourOfImages],
  "a GridSample": [
    between(image, inner("GridSample", ["grid"]), onImages, {
      grid: single(uniform(9, [2, 4, 3, 2], -1.2, 1.2)),
    }),
    fourOfImages,
  ],
  "a RoiAlign": [
    between(
      image,
      inner("RoiAlign", ["boxes", "images"], { output_height: int(4), output_width: int(3) }),
      onImages,
      { boxes: float32([0, 0, 3, 2, 1, 1, 4, 3, 1, 0, 2, 3], [3, 4]), images: int64([1, 0, 0]) },
    ),
    fourOfImages,
  ],
  "a DeformConv": [
    {
      x: image,
      nodes: [
        node("Conv", ["x", "u"], {}, ["a"]),
        node("Relu", ["a"], {}, ["h"]),
        node("DeformConv", ["h", "v", "offsets"]),
      ],
      params: onImages,
      constants: { offsets: single(uniform(10, [2, 18, 2, 2], -1, 1)) },
    },
    fourOfImages,
  ],
  "pooling and unpooling": [
    between(
      image,
      [node("MaxPool", ["h"], pair, ["p", "i"]), node("MaxUnpool", ["p", "i"], pair, ["z"])],
      onImages,
    ),
    fourOfImages,
  ],
  "channels that become pixels, depth first": [
    blocks("DCR"),
    ["scaling 2: p.u[4,2,3,1,1]@1^1 p.v[2,2,3,3]@1^-1"],
  ],
  "channels that become pixels, column first": [
    blocks("CRD"),
    ["scaling 2: p.u[2,4,3,1,1]@0^1 p.v[2,2,3,3]@1^-1"],
  ],
  "pixels that become channels": [
    between(image, inner("SpaceToDepth", [], { blocksize: int(2) }), {
      u: onImages.u,
      v: uniform(11, [2, 16, 1, 1]),
    }),
    ["scaling 4: p.u[4,3,1,1]@0^1 p.v[2,4,4,1,1]@2^-1"],
  ],
  "a MaxPool of volumes": [between(volume, inner("MaxPool", [], cube), onVolumes), fourOfVolumes],
  "an AveragePool of volumes": [
    between(volume, inner("AveragePool", [], { ...cube, pads: ints([1, 0, 1, 0, 1, 0]) }), onVolumes),
    fourOfVolumes,
  ],
  "an LpPool of volumes": [between(volume, inner("LpPool", [], cube), onVolumes), fourOfVolumes],
  "a reflecting Pad": [
    between(volume, inner("Pad", ["pads"], { mode: string("reflect") }), onVolumes, {
      pads: int64([0, 0, 1, 0, 0, 0, 0, 1, 0, 0]),
    }),
    fourOfVolumes,
  ],
  "a grouped convolution of volumes": [
    between(volume, [node("Conv", ["h", "d"], { group: int(4) }, ["b"]), node("Relu", ["b"], {}, ["z"])], {
      ...onVolumes,
      d: uniform(12, [4, 1, 2, 2, 2]),
    }),
    [
      "scaling 4: p.u[4,3,1,2,1]@0^1 p.v[2,4,2,1,2]@1^-1",
      "scaling 4: p.u[4,3,1,2,1]@0^1 p.d[4,1,2,2,2]@0^-1",
    ],
  ],
  "transposed convolutions of volumes": [
    {
      x: volume,
      nodes: [
        node("ConvTranspose", ["x", "u"], { strides: ints([2, 1, 1]) }, ["a"]),
        node("Relu", ["a"], {}, ["h"]),
        node("ConvTranspose", ["h", "v"]),
      ],
      params: { u: uniform(13, [3, 4, 2, 2, 1]), v: uniform(14, [4, 2, 2, 1, 2]) },
    },
    ["scaling 4: p.u[3,4,2,2,1]@1^1 p.v[4,2,2,1,2]@0^-1"],
  ],
};

describe("the scalings of a hidden layer's channels are found through", () => {
  it.each(Object.entries(networks))("%s", (_, [model, expected]) => {
    expect(scalingsOf(model)).toEqual(expected);
  });
});

it("symmetries of what an If computes are those of its other branch, too, where that shares parameters", () => {
  const branch = (nodes: readonly OnnxNode[]) =>
    graphOf({ name: "branch", inputs: [], outputs: [{ name: "r" }], initializers: [], nodes });
  const outer = [node("MatMul", ["x", "u"], {}, ["a"]), node("Relu", ["a"], {}, ["h"])];
  const taken = [node("MatMul", ["h", "v"], {}, ["r"])];
  const choosing = (otherwise: readonly OnnxNode[]): Model => ({
    x: uniform(1, [5, 3]),
    nodes: [...outer, node("If", ["c"], { then_branch: branch(taken), else_branch: branch(otherwise) })],
    params: { u: uniform(2, [3, 4]), v: uniform(3, [4, 2]), k: uniform(4, [3, 2]), m: uniform(5, [4, 2]) },
    constants: { c: { shape: [], data: Uint8Array.of(1) } },
  });
  const four = ["scaling 4: p.u[3,4]@1^1 p.v[4,2]@0^-1"];
  expect(scalingsOf(choosing([node("Identity", ["x"], {}, ["r"])]))).toEqual(four);
  const squashed = [node("Sigmoid", ["a"], {}, ["s"]), node("MatMul", ["s", "v"], {}, ["r"])];
  expect(scalingsOf(choosing(squashed))).toEqual([]);
  expect(scalingsOf(choosing([node("MatMul", ["x", "k"], {}, ["r"])]))).toEqual(four);
  // It reads what is computed of parameters.
  const ofHidden = [node("Exp", ["h"], {}, ["s"]), node("MatMul", ["s", "m"], {}, ["r"])];
  expect(scalingsOf(choosing(ofHidden))).toEqual([]);
  // One that cannot be computed with these sizes.
  expect(scalingsOf(choosing([node("MatMul", ["v", "u"], {}, ["r"])]))).toEqual(four);
});
