// Low rank: products against their truncated singular value decompositions, and functions that must stay.
import { describe, expect, it } from "vitest";
import { array, astype, type NdArray } from "../../../src/array.js";
import type { BatchLoss } from "../../../src/batch.js";
import { lowRank } from "../../../src/entries/moves.js";
import { add } from "../../../src/graph/ops/arithmetic.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { reshape, transpose } from "../../../src/graph/ops/reshape.js";
import { softmax } from "../../../src/graph/ops/softmax.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { svd } from "../../../src/math/linalg.js";
import { torchGenerator, torchRandn } from "../../../src/math/mt19937.js";
import { mseLoss } from "../../../src/nn/losses/mse.js";
import { jit } from "../../../src/runtime/jit.js";
import { product, transposed } from "../../../src/symmetry/matrix.js";
import { symmetriesOf } from "../../../src/symmetry/symmetries-of.js";

const rng = torchGenerator(5);
const normal = (...shape: number[]) => astype(torchRandn(rng, shape), "float64") as NdArray<Float64Array>;

type Params = Readonly<Record<string, NdArray>>;
type Net = (p: Readonly<Record<string, Tensor>>, x: Tensor) => Tensor;

async function spacesOf(net: Net, params: Params, x: NdArray) {
  const y = await outputOf(net, params, x);
  const loss: BatchLoss<Params, { x: NdArray; y: NdArray }> = (p, b) => mseLoss(net(p, b.x), b.y);
  return symmetriesOf(loss, params, { x, y }).found.linear;
}

const outputOf = async (net: Net, p: Params, x: NdArray) =>
  (await jit((at) => net(at.p, at.x), { p, x }))({ p, x });

function expectNear(actual: NdArray, expected: NdArray, tolerance: number) {
  expect(actual.shape).toEqual(expected.shape);
  const scale = Math.max(...Array.from(expected.data as Float64Array, Math.abs));
  for (const [i, v] of (actual.data as Float64Array).entries()) {
    expect(Math.abs(v - Number(expected.data[i]))).toBeLessThanOrEqual(tolerance * scale);
  }
}

/** A matrix of a rank. */
const ofRank = (rows: number, columns: number, rank: number) =>
  product(normal(rows, rank), normal(rank, columns));

const pair: Net = (p, x) => matmul(matmul(x, p.a), p.b);

describe("a product of two matrices", () => {
  it("becomes its best approximation of a rank", async () => {
    const params = { a: normal(7, 5), b: normal(5, 6) };
    const linear = await spacesOf(pair, params, normal(4, 7));
    const { u, s, v } = svd(product(params.a, params.b));
    for (const rank of [1, 2, 3, 4]) {
      const { params: smaller, spaces } = lowRank(params, linear, { rank });
      expect([smaller.a.shape, smaller.b.shape]).toEqual([
        [7, rank],
        [rank, 6],
      ]);
      const kept = { shape: u.shape, data: u.data.map((w, i) => (i % 6 < rank ? w * s.data[i % 6] : 0)) };
      expectNear(
        product(smaller.a as NdArray<Float64Array>, smaller.b as NdArray<Float64Array>),
        product(kept, transposed(v)),
        1e-12,
      );
      const squares = Array.from(s.data, (w) => w * w);
      const sum = (from: number) => squares.slice(from).reduce((x, y) => x + y, 0);
      expect(spaces[0].error).toBeCloseTo(Math.sqrt(sum(rank) / sum(0)), 10);
    }
  });

  it("is balanced: both factors have the square roots of the singular values", async () => {
    const params = { a: normal(7, 5), b: normal(5, 6) };
    const linear = await spacesOf(pair, params, normal(4, 7));
    const { a, b } = lowRank(params, linear, { rank: 3 }).params;
    const { s } = svd(product(params.a, params.b));
    for (const factor of [a, b]) {
      const values = svd(factor).s.data;
      for (let i = 0; i < 3; i++) expect(values[i] ** 2).toBeCloseTo(s.data[i], 9);
    }
  });

  it.each(["float32", "float64"] as const)("loses unused rank alone by default, in %s", async (dtype) => {
    const params = { a: astype(ofRank(7, 5, 3), dtype), b: astype(normal(5, 6), dtype) };
    const x = astype(normal(4, 7), dtype);
    const { params: smaller, spaces } = lowRank(params, await spacesOf(pair, params, x));
    expect(spaces.map(({ rank }) => rank)).toEqual([3]);
    expect(smaller.a.shape).toEqual([7, 3]);
    const tolerance = dtype === "float32" ? 1e-5 : 1e-12;
    expectNear(await outputOf(pair, smaller, x), await outputOf(pair, params, x), tolerance);
  });

  it("keeps the least rank with a share of the energy", async () => {
    // Singular values 4, 2, 1: shares 16/21, 20/21, 1.
    const params = {
      a: array(
        [
          [4, 0, 0],
          [0, 2, 0],
          [0, 0, 1],
        ],
        "float64",
      ),
      b: array(
        [
          [1, 0, 0],
          [0, 1, 0],
          [0, 0, 1],
        ],
        "float64",
      ),
    };
    const linear = await spacesOf(pair, params, normal(4, 3));
    const rank = (energy: number) => lowRank(params, linear, { energy }).spaces[0].rank;
    expect([0.5, 0.77, 0.95, 0.96, 1].map(rank)).toEqual([1, 2, 2, 3, 3]);
    expect(lowRank(params, linear, { energy: 0.96, rank: 2 }).spaces[0].rank).toBe(2);
  });

  it("stays where all of the rank is used", async () => {
    const params = { a: normal(7, 5), b: normal(5, 6) };
    const result = lowRank(params, await spacesOf(pair, params, normal(4, 7)));
    expect(result.params).toEqual(params);
    expect(result.params.a).toBe(params.a);
    expect(result.spaces).toMatchObject([{ rank: 5, error: 0 }]);
  });

  it("of zeros keeps one direction", async () => {
    const params = { a: normal(7, 5), b: { shape: [5, 6], data: new Float64Array(30) } };
    const { params: smaller } = lowRank(params, await spacesOf(pair, params, normal(4, 7)));
    expect(smaller.a.shape).toEqual([7, 1]);
    expect((smaller.a.data as Float64Array).every((w) => w === 0)).toBe(true);
  });
});

it("a space with biases and several readers keeps what all of them see", async () => {
  const net: Net = (p, x) => {
    const h = add(matmul(x, p.a), p.bias);
    return add(matmul(h, p.b), matmul(h, p.c));
  };
  const inner = ofRank(6, 8, 3);
  const take = (row: number, rows: number) => ({
    shape: [rows, 8],
    data: inner.data.slice(8 * row, 8 * (row + rows)),
  });
  const params = {
    a: take(0, 5),
    bias: { shape: [8], data: take(5, 1).data },
    b: normal(8, 4),
    c: normal(8, 4),
  };
  const x = normal(3, 5);
  const { params: smaller, spaces } = lowRank(params, await spacesOf(net, params, x));
  expect(spaces.map(({ rank }) => rank)).toEqual([3]);
  expect([smaller.a, smaller.bias, smaller.b, smaller.c].map(({ shape }) => shape)).toEqual([
    [5, 3],
    [3],
    [3, 4],
    [3, 4],
  ]);
  expectNear(await outputOf(net, smaller, x), await outputOf(net, params, x), 1e-12);
});

it("heads lose unused rank of queries and keys, and of values and outputs, to that of the head that needs most", async () => {
  const heads = 2;
  const split = (h: Tensor) => transpose(reshape(h, [h.shape[0], heads, h.shape[1] / heads]), [1, 0, 2]);
  const net: Net = (p, x) => {
    const [q, k, v] = [p.q, p.k, p.v].map((w) => split(matmul(x, w)));
    const mixed = transpose(matmul(softmax(matmul(q, k, { transposeB: true })), v), [1, 0, 2]);
    return matmul(reshape(mixed, [x.shape[0], heads * v.shape[2]]), p.out);
  };
  /** [6, 2 x 4], where the heads have these ranks. */
  const ofRanks = (...ranks: number[]): NdArray<Float64Array> => {
    const own = ranks.map((rank) => ofRank(6, 4, rank));
    const data = Float64Array.from({ length: 48 }, (_, e) => {
      const [row, column] = [Math.floor(e / 8), e % 8];
      return own[Math.floor(column / 4)].data[4 * row + (column % 4)];
    });
    return { shape: [6, 8], data };
  };
  const params = { q: ofRanks(1, 2), k: ofRanks(4, 4), v: ofRanks(3, 2), out: normal(8, 5) };
  const x = normal(3, 6);
  const { params: smaller, spaces } = lowRank(params, await spacesOf(net, params, x));
  expect(spaces.map(({ space, rank }) => [space.copies, rank])).toEqual([
    [2, 2],
    [2, 3],
  ]);
  expect([smaller.q, smaller.k, smaller.v, smaller.out].map(({ shape }) => shape)).toEqual([
    [6, 4],
    [6, 4],
    [6, 6],
    [6, 5],
  ]);
  expectNear(await outputOf(net, smaller, x), await outputOf(net, params, x), 1e-10);
});

it("spaces are refused of other parameters, with bad options and with weights that are not finite", async () => {
  const params = { a: normal(7, 5), b: normal(5, 6) };
  const linear = await spacesOf(pair, params, normal(4, 7));
  expect(() => lowRank({ c: params.a }, linear)).toThrow('"a" is none of c');
  expect(() => lowRank(params, undefined as never)).toThrow("lowRank takes linear spaces");
  expect(() => lowRank(params, linear, { rank: 0 })).toThrow("rank must be an integer >= 1");
  expect(() => lowRank(params, linear, { energy: 2 })).toThrow("energy");
  const broken = { ...params, a: { ...params.a, data: params.a.data.map(() => Number.NaN) } };
  expect(() => lowRank(broken, linear)).toThrow("The weights of a are not all finite.");
});
