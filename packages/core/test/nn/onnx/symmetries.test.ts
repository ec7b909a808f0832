// The symmetries of models whose operators are composed of others.
import { describe, expect, it } from "vitest";
import type { NdArray } from "../../../src/array.js";
import type { BatchTensors } from "../../../src/batch.js";
import type { TensorsOf } from "../../../src/graph/trace.js";
import { mseLoss } from "../../../src/nn/losses/mse.js";
import { fromOnnx, type ImportedModel } from "../../../src/nn/onnx/from-onnx.js";
import { int, ints, type OnnxNode, string } from "../../../src/runtime/onnx/schema.js";
import { uniform } from "../../graph/ops/op-case.js";
import { describeFound, expectKept, subject } from "../../symmetry/discovery/support.js";
import { type Arrays, fileOf, float32, int64, node } from "./support.js";

type Params = TensorsOf<ImportedModel["params"]>;

/** What is found in the squared error of a convolution v of relu of a convolution u, with a node between them. */
function between(
  inner: OnnxNode,
  { x, u, v, y }: Record<"x" | "u" | "v" | "y", NdArray>,
  stored: Arrays = {},
) {
  const bytes = fileOf({
    inputs: { x },
    initializers: { u, v, ...stored },
    nodes: [
      node("Conv", ["x", "u"], {}, ["a"]),
      node("Relu", ["a"], {}, ["h"]),
      inner,
      node("Conv", ["z", "v"]),
    ],
  });
  const model = fromOnnx(bytes, { dtype: "float64", isParameter: (name) => name === "u" || name === "v" });
  const loss = (p: Params, batch: BatchTensors) => mseLoss(model.apply(p, { x: batch.x }).y, batch.y);
  const s = subject(loss, { u, v }, { x, y });
  expectKept(s);
  return s.found.scalings.map(describeFound);
}

describe("the scalings of a hidden layer's channels are found through", () => {
  const images = {
    x: uniform(1, [2, 3, 4, 5]),
    u: uniform(2, [4, 3, 1, 1]),
    v: uniform(3, [2, 4, 3, 3]),
  };
  const resize = (mode: string) => node("Resize", ["h", "", "scales"], { mode: string(mode) }, ["z"]);
  it.each(["nearest", "linear", "cubic"])("a Resize in the mode %s", (mode) => {
    const found = between(
      resize(mode),
      { ...images, y: uniform(4, [2, 2, 6, 8]) },
      { scales: float32([1, 1, 2, 2]) },
    );
    expect(found).toEqual(["scaling 4: p.u[4,3,1,1]@0^1 p.v[2,4,3,3]@1^-1"]);
  });

  it("a GridSample", () => {
    const grid = float32([...uniform(9, [2, 4, 3, 2], -1.2, 1.2).data].map(Number), [2, 4, 3, 2]);
    const found = between(
      node("GridSample", ["h", "grid"], {}, ["z"]),
      { ...images, y: uniform(10, [2, 2, 2, 1]) },
      { grid },
    );
    expect(found).toEqual(["scaling 4: p.u[4,3,1,1]@0^1 p.v[2,4,3,3]@1^-1"]);
  });

  it("a RoiAlign", () => {
    const inner = node(
      "RoiAlign",
      ["h", "boxes", "images"],
      { output_height: int(4), output_width: int(3) },
      ["z"],
    );
    const found = between(
      inner,
      { ...images, y: uniform(11, [3, 2, 2, 1]) },
      { boxes: float32([0, 0, 3, 2, 1, 1, 4, 3, 1, 0, 2, 3], [3, 4]), images: int64([1, 0, 0]) },
    );
    expect(found).toEqual(["scaling 4: p.u[4,3,1,1]@0^1 p.v[2,4,3,3]@1^-1"]);
  });

  const volumes = {
    x: uniform(5, [2, 3, 4, 5, 4]),
    u: uniform(6, [4, 3, 1, 2, 1]),
    v: uniform(7, [2, 4, 2, 1, 2]),
  };
  const kernel = { kernel_shape: ints([2, 2, 2]) };
  it.each([
    node("MaxPool", ["h"], kernel, ["z"]),
    node("AveragePool", ["h"], { ...kernel, pads: ints([1, 0, 1, 0, 1, 0]) }, ["z"]),
    node("LpPool", ["h"], kernel, ["z"]),
    node("Pad", ["h", "pads"], { mode: string("reflect") }, ["z"]),
  ])("$opType and convolutions along three axes", (inner) => {
    const shape = inner.opType === "AveragePool" ? [2, 2, 3, 4, 3] : [2, 2, 2, 3, 2];
    const y = uniform(8, inner.opType === "Pad" ? [2, 2, 5, 4, 3] : shape);
    const found = between(inner, { ...volumes, y }, { pads: int64([0, 0, 1, 0, 0, 0, 0, 1, 0, 0]) });
    expect(found).toEqual(["scaling 4: p.u[4,3,1,2,1]@0^1 p.v[2,4,2,1,2]@1^-1"]);
  });
});
