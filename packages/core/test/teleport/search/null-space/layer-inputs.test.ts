import { int64, numbers } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import type { NdArray } from "../../../../src/array.js";
import { add, mul } from "../../../../src/graph/ops/arithmetic.js";
import { conv2d } from "../../../../src/graph/ops/conv.js";
import { gather } from "../../../../src/graph/ops/gather.js";
import { matmul } from "../../../../src/graph/ops/matmul.js";
import { sum } from "../../../../src/graph/ops/reduce.js";
import { reshape, transpose } from "../../../../src/graph/ops/reshape.js";
import { slice } from "../../../../src/graph/ops/slice.js";
import type { Tensor } from "../../../../src/graph/tensor.js";
import { trace } from "../../../../src/graph/trace.js";
import { compile } from "../../../../src/runtime/compile.js";
import { linearMaps } from "../../../../src/teleport/search/null-space/layer-inputs.js";
import { namedArrays } from "../../../../src/tree.js";
import { attention, images, mapsOf, network, random } from "../networks.js";

type P = Record<string, Tensor>;

const shapesOf = ({ maps }: ReturnType<typeof mapsOf>) =>
  maps.map(
    ({ path, rows, columns, inputs }) =>
      `${path} ${rows.length / columns} x ${columns}, ${inputs.shape[0]} inputs`,
  );

/** Each map's weights times its inputs, added up over everything: what the products themselves add up to. */
async function sumOfProducts(
  f: (p: P, b: P) => Tensor,
  params: Record<string, NdArray>,
  batch: Record<string, NdArray>,
) {
  const { graph } = trace(({ params, batch }) => f(params, batch), { params, batch });
  const { maps } = linearMaps(graph);
  const outputs = [...graph.outputs, ...maps.map(({ inputs }, i) => ({ name: `h.${i}`, tensor: inputs }))];
  const results = await (await compile({ inputs: graph.inputs, outputs })).run(
    namedArrays({ params, batch }),
  );
  const all = Object.values(params).flatMap(numbers);
  let total = 0;
  maps.forEach(({ rows, columns }, i) => {
    const h = numbers(results[`h.${i}`]);
    for (let r = 0; r < rows.length; r += columns) {
      for (let s = 0; s < h.length; s += columns) {
        for (let j = 0; j < columns; j++) total += all[rows[r + j]] * h[s + j];
      }
    }
  });
  return { direct: numbers(results.result)[0], byMaps: total, maps };
}

describe("linearMaps", () => {
  it("finds the layers of an mlp with their biases, and without", () => {
    const { params, loss, batch } = network([3, 6, 8, 2], 4);
    expect(shapesOf(mapsOf(loss, params, batch))).toEqual([
      "layers.0.weight 6 x 4, 4 inputs",
      "layers.1.weight 8 x 7, 4 inputs",
      "layers.2.weight 2 x 9, 4 inputs",
    ]);
    const plain = network([3, 6, 2], 4, { bias: false });
    expect(shapesOf(mapsOf(plain.loss, plain.params, plain.batch))).toEqual([
      "layers.0.weight 6 x 3, 4 inputs",
      "layers.1.weight 2 x 6, 4 inputs",
    ]);
  });

  it("finds convolutions by their patches", () => {
    const { params, loss, batch } = images(2);
    expect(shapesOf(mapsOf(loss, params, batch))).toEqual([
      "convs.0.weight 4 x 10, 32 inputs",
      "convs.1.weight 3 x 37, 8 inputs",
      "linear.weight 3 x 4, 2 inputs",
    ]);
  });

  it("finds the projections of attention, queries apart from keys and values where these see something else", () => {
    const { params, loss, batch } = attention();
    expect(shapesOf(mapsOf(loss, params, batch)).sort()).toEqual([
      "first.in_proj_weight 24 x 9, 6 inputs",
      "first.out_proj.weight 8 x 9, 6 inputs",
      "second.in_proj_weight 16 x 9, 6 inputs",
      "second.in_proj_weight 8 x 9, 6 inputs",
      "second.out_proj.weight 8 x 9, 6 inputs",
    ]);
  });

  it.each<[string, (p: P, b: P) => Tensor, Record<string, number[]>, Record<string, number[]>]>([
    ["W x", (p, b) => sum(matmul(p.w, b.x)), { w: [3, 4] }, { x: [4, 5] }],
    [
      "x' W'",
      (p, b) => sum(matmul(b.x, p.w, { transposeA: true, transposeB: true })),
      { w: [3, 4] },
      { x: [4, 5] },
    ],
    [
      "W' x'",
      (p, b) => sum(matmul(p.w, b.x, { transposeA: true, transposeB: true })),
      { w: [4, 3] },
      { x: [5, 4] },
    ],
    ["a stack of matrices", (p, b) => sum(matmul(b.x, p.w)), { w: [2, 4, 3] }, { x: [2, 5, 4] }],
    ["one matrix for a stack", (p, b) => sum(matmul(p.w, b.x)), { w: [3, 4] }, { x: [2, 4, 5] }],
    [
      "W x + b",
      (p, b) => sum(add(matmul(p.w, b.x), reshape(p.b, [3, 1]))),
      { w: [3, 4], b: [3] },
      { x: [4, 5] },
    ],
    [
      "b added after a reshape",
      (p, b) => sum(add(reshape(matmul(b.x, p.w), [2, 2, 3]), p.b)),
      { w: [4, 3], b: [3] },
      { x: [4, 4] },
    ],
    [
      "columns of a matrix",
      (p, b) => sum(matmul(b.x, slice(transpose(p.w), { starts: [1], ends: [4] }))),
      { w: [2, 5] },
      { x: [4, 3] },
    ],
    [
      "a strided, dilated convolution in groups",
      (p, b) => sum(conv2d(b.x, p.w, { groups: 2, stride: 2, dilation: 2, padding: [1, 2] })),
      { w: [4, 3, 2, 3] },
      { x: [2, 6, 7, 8] },
    ],
    [
      "a convolution with a bias",
      (p, b) => sum(add(conv2d(b.x, p.w, { padding: 1 }), reshape(p.b, [1, 4, 1, 1]))),
      { w: [4, 2, 3, 3], b: [4] },
      { x: [2, 2, 4, 5] },
    ],
    [
      "a weight used twice",
      (p, b) => add(sum(matmul(b.x, p.w)), sum(matmul(b.z, p.w))),
      { w: [4, 3] },
      { x: [5, 4], z: [2, 4] },
    ],
  ])("gives rows and inputs whose products are those of the graph: %s", async (_, f, params, batch) => {
    const arrays = (shapes: Record<string, number[]>, seed: number) =>
      Object.fromEntries(Object.entries(shapes).map(([name, shape], i) => [name, random(seed + i, shape)]));
    const { direct, byMaps, maps } = await sumOfProducts(f, arrays(params, 1), arrays(batch, 10));
    expect(byMaps).toBeCloseTo(direct, 10);
    expect(maps.some(({ columns, inputs }) => columns !== inputs.shape[1])).toBe(false);
  });

  const w = random(1, [3, 3]);
  it.each<[string, (p: P, b: P) => Tensor, RegExp]>([
    [
      "decay",
      (p, b) => add(sum(matmul(b.x, p.w)), sum(mul(p.w, p.w))),
      /multiplied in more than one way|used in mul/,
    ],
    [
      "both sides",
      (p, b) => add(sum(matmul(b.x, p.w)), sum(matmul(p.w, b.x))),
      /multiplied in more than one way/,
    ],
    ["powers", (p, b) => sum(matmul(b.x, matmul(p.w, p.w))), /used in matmul/],
    ["tables", (p, b) => sum(gather(p.w, b.i)), /used in gather/],
  ])("leaves out parameters that are used otherwise, too: %s", (_, f, reason) => {
    const { maps, excluded } = mapsOf(f, { w }, { x: random(2, [3, 3]), i: int64([0, 2]) });
    expect(maps).toEqual([]);
    expect(excluded.get("w")).toMatch(reason);
  });

  it("does not move a bias whose product is also used without it, or that is used twice", () => {
    const params = { w, b: random(3, [3]) };
    const batch = { x: random(2, [4, 3]) };
    const seenTwice = (p: P, b: P) => {
      const product = matmul(b.x, p.w);
      return sum(mul(product, add(product, p.b)));
    };
    expect(mapsOf(seenTwice, params, batch).maps.map(({ columns }) => columns)).toEqual([3]);
    const usedTwice = (p: P, b: P) => add(sum(add(matmul(b.x, p.w), p.b)), sum(mul(p.b, p.b)));
    expect(mapsOf(usedTwice, params, batch).maps.map(({ columns }) => columns)).toEqual([3]);
  });
});
