// Whole units: which go by hand, and functions without them against those with their weights at zero.

import { relative } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { array, astype, type NdArray } from "../../../src/array.js";
import type { BatchLoss } from "../../../src/batch.js";
import { balanced, prunedUnits } from "../../../src/entries/moves.js";
import { relu } from "../../../src/graph/ops/activation.js";
import { add } from "../../../src/graph/ops/arithmetic.js";
import { conv2d } from "../../../src/graph/ops/conv.js";
import { tanh } from "../../../src/graph/ops/elementary.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { flattenFrom } from "../../../src/graph/ops/reshape.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { torchGenerator, torchRandn } from "../../../src/math/mt19937.js";
import { withoutCuts, zeroedCuts } from "../../../src/moves/prune/cut.js";
import { cutsOf } from "../../../src/moves/prune/units.js";
import { mseLoss } from "../../../src/nn/losses/mse.js";
import { jit } from "../../../src/runtime/jit.js";
import { symmetriesOf } from "../../../src/symmetry/symmetries-of.js";

const rng = torchGenerator(3);
const normal = (...shape: number[]): NdArray => astype(torchRandn(rng, shape), "float64");

type Params = Readonly<Record<string, NdArray>>;
type Net = (p: Readonly<Record<string, Tensor>>, x: Tensor) => Tensor;

/** Units of each space, as the shapes of parameters show them, with a fraction of them removed. */
async function without(net: Net, params: Params, x: NdArray, fraction: number) {
  const outputs = async (p: Params) => (await jit((at) => net(at.p, at.x), { p, x }))({ p, x });
  const y = await outputs(params);
  const loss: BatchLoss<Params, { x: NdArray; y: NdArray }> = (p, b) => mseLoss(net(p, b.x), b.y);
  const { found } = symmetriesOf(loss, params, { x, y });
  const pruned = prunedUnits(params, found.permutations, { fraction });
  const cuts = cutsOf(params, pruned.removed);
  const zeroed = Object.fromEntries(
    Object.entries(params).map(([name, a]) => [name, zeroedCuts(a, cuts.get(name) ?? new Map())]),
  );
  return { found, ...pruned, before: await outputs(zeroed), after: await outputs(pruned.params) };
}

const shapes = (params: Params) => Object.fromEntries(Object.entries(params).map(([k, v]) => [k, v.shape]));
const largest = (a: NdArray, b: NdArray) =>
  Math.max(...Array.from(a.data as Float64Array, (v, i) => relative(v, Number(b.data[i]))));

describe("units of two layers", () => {
  const net: Net = (p, x) => matmul(tanh(add(matmul(x, p.w), p.b)), p.v);

  it("with the least sum of squares go, by hand", async () => {
    // Squares of units: 1 + 0 + 4, 4 + 1 + 0, .01 + .25 + 1, 9 + 0 + 0.
    const params = {
      w: array([[1, 2, 0.1, 3]], "float64"),
      b: array([0, 1, 0.5, 0], "float64"),
      v: array([[2], [0], [1], [0]], "float64"),
    };
    const { params: smaller, removed } = await without(net, params, array([[1], [2]], "float64"), 0.5);
    expect(removed.map(({ units }) => units)).toEqual([[0, 2]]);
    expect(smaller).toEqual({
      w: array([[2, 3]], "float64"),
      b: array([1, 0], "float64"),
      v: array([[0], [0]], "float64"),
    });
  });

  it("are the nearest number of the share, and never go all", async () => {
    const params = { w: normal(2, 5), b: normal(5), v: normal(5, 1) };
    const count = async (fraction: number) => {
      const { removed } = await without(net, params, normal(3, 2), fraction);
      return removed.flatMap(({ units }) => units).length;
    };
    expect(await Promise.all([0, 0.09, 0.11, 0.29, 0.31, 0.99, 1].map(count))).toEqual([0, 0, 1, 1, 2, 4, 4]);
  });

  it("are as many as the share says, though 0.29 times 100 is less than 29 in floats", async () => {
    const params = { w: normal(2, 100), b: normal(100), v: normal(100, 1) };
    const { removed } = await without(net, params, normal(3, 2), 0.29);
    expect(removed[0].units).toHaveLength(29);
  });

  it("that went are known no more to symmetries from before", async () => {
    const params = { w: normal(2, 6), b: normal(6), v: normal(6, 1) };
    const { found, params: smaller } = await without(net, params, normal(3, 2), 0.5);
    expect(() => prunedUnits(smaller, found.permutations, { fraction: 0.5 })).toThrow(
      /"\w" has the shape .* which is not that of which they were found/,
    );
  });
});

it("a residual stream loses units in all of its layers", async () => {
  const net: Net = (p, x) => {
    const h = matmul(x, p.first);
    const next = add(h, matmul(relu(add(matmul(h, p.up), p.bias)), p.down));
    return matmul(next, p.last);
  };
  const params = {
    first: normal(3, 6),
    up: normal(6, 8),
    bias: normal(8),
    down: normal(8, 6),
    last: normal(6, 2),
  };
  const { params: smaller, before, after, left } = await without(net, params, normal(5, 3), 0.5);
  expect(left).toEqual([]);
  expect(shapes(smaller)).toEqual({ first: [3, 3], up: [3, 4], bias: [4], down: [4, 3], last: [3, 2] });
  expect(largest(after, before)).toBeLessThan(1e-12);
});

it("channels go with their places from a flattened image", async () => {
  const net: Net = (p, x) => {
    const h = relu(conv2d(x, p.a, { padding: 1 }));
    const deep = relu(conv2d(h, p.depth, { padding: 1, groups: p.depth.shape[0] }));
    return matmul(flattenFrom(deep, 1), p.out);
  };
  const params = { a: normal(4, 2, 3, 3), depth: normal(4, 1, 3, 3), out: normal(4 * 9, 2) };
  const { params: smaller, before, after } = await without(net, params, normal(2, 2, 3, 3), 0.25);
  expect(shapes(smaller)).toEqual({ a: [3, 2, 3, 3], depth: [3, 1, 3, 3], out: [27, 2] });
  expect(largest(after, before)).toBeLessThan(1e-12);
});

it("the same units go after balance wherever on the orbit the weights are", async () => {
  const net: Net = (p, x) => matmul(relu(matmul(x, p.w)), p.v);
  const params = { w: normal(3, 8), v: normal(8, 2) };
  const x = normal(5, 3);
  const { found } = await without(net, params, x, 0.5);
  const factor = (i: number) => 2 ** (3 * Math.sin(i));
  const scaled = {
    w: { ...params.w, data: (params.w.data as Float64Array).map((v, e) => v * factor(e % 8)) },
    v: { ...params.v, data: (params.v.data as Float64Array).map((v, e) => v / factor(Math.floor(e / 2))) },
  };
  const units = async (p: Params) =>
    prunedUnits(await balanced(p, found), found.permutations, { fraction: 0.5 }).removed[0].units;
  expect(await units(scaled)).toEqual(await units(params));
  const plain = (p: Params) => prunedUnits(p, found.permutations, { fraction: 0.5 }).removed[0].units;
  expect(plain(scaled)).not.toEqual(plain(params));
});

describe("spaces that cannot be cut", () => {
  const space = (leg: object) => ({ kind: "permutation", size: 2, axes: [leg] }) as never;

  it("are left with a reason", () => {
    const part = { path: "w", part: { axis: 0, start: 0, count: 2 }, view: [2, 2], axis: 1 };
    const spread = { path: "w", view: [2, 4], axis: 0 };
    const ofHeads = {
      ...{ path: "v", view: [2, 3, 2], axis: 2 },
      part: { axis: 1, start: 1, count: 2, period: 4, times: 3 },
    };
    const over = { path: "u", view: [3, 2, 2], axis: 1 };
    const params = { w: normal(4, 2), u: normal(2, 3, 2), v: normal(2, 12) };
    const spaces = [part, spread, over, ofHeads].map(space);
    const { left, removed } = prunedUnits(params, spaces, { fraction: 0.5 });
    expect(left.map(({ reason }) => reason)).toEqual([
      'its units are in one part of a parameter that stays whole elsewhere ("w")',
      'its units are spread over several axes of a parameter ("u")',
      'its units are only a part of each head ("v")',
    ]);
    expect(removed).toHaveLength(1);
  });

  it("are refused where they are of other parameters, or none are given", () => {
    const other = space({ path: "other", view: [2, 4], axis: 0 });
    expect(() => prunedUnits({ w: normal(2, 4) }, [other], { fraction: 0.5 })).toThrow(
      '"other" is none of w',
    );
    expect(() => prunedUnits({ w: normal(2, 4) }, undefined as never, { fraction: 0.5 })).toThrow(
      "prunedUnits takes spaces of units",
    );
    const infinite = { w: array([[Infinity], [1]]) };
    const own = space({ path: "w", view: [2, 1], axis: 0 });
    expect(() => prunedUnits(infinite, [own], { fraction: 0.5 })).toThrow("w are not all finite");
  });
});

it("cuts along two axes of one array remove rows and columns", () => {
  const a = array([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  const cuts = new Map([
    [0, Uint8Array.of(1, 0)],
    [1, Uint8Array.of(0, 1, 0)],
  ]);
  expect(withoutCuts(a, cuts)).toEqual(array([[4, 6]]));
  expect(zeroedCuts(a, cuts)).toEqual(
    array([
      [0, 0, 0],
      [4, 0, 6],
    ]),
  );
});
