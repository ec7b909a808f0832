import { relativeError } from "isoloss-test-support/graph/ops/op-derivatives";
import { describe, expect, it } from "vitest";
import { astype, type NdArray } from "../../src/array.js";
import type { BatchLoss } from "../../src/batch.js";
import { balanced, imbalance } from "../../src/entries/moves.js";
import { matmul } from "../../src/graph/ops/matmul.js";
import { torchGenerator, torchRand } from "../../src/math/mt19937.js";
import { mseLoss } from "../../src/nn/losses/mse.js";
import { mlp } from "../../src/nn/models/mlp.js";
import { symmetriesOf } from "../../src/symmetry/symmetries-of.js";
import { expectLeastSquares, networkKinds, squares } from "./balanced-support.js";

const model = mlp({ sizes: [5, 7, 3], activation: "relu" });

const { params } = model.init(torchGenerator(0), { dtype: "float64" });

const rng = torchGenerator(1);

const drawn = (shape: readonly number[]) => astype(torchRand(rng, shape), "float64");

const batch = { x: drawn([8, 5]), y: drawn([8, 3]) };

type Params = typeof params;

const loss: BatchLoss<Params, typeof batch> = (p, { x, y }) => mseLoss(model.apply(p, x).output, y);

/** Expects arrays that are equal but for a small relative error. */
function expectClose(actual: NdArray, expected: NdArray, tolerance: number): void {
  expect(relativeError(actual, expected)).toBeLessThan(tolerance);
}

/** The first layer times 30 and the next divided by it; the first unit once more by 4. */
function scaledStart({ layers: [first, second] }: Params): Params {
  const times = ({ shape, data }: NdArray, factor: (k: number) => number): NdArray => ({
    shape,
    data: Float64Array.from(data as Float64Array, (v, k) => v * factor(k)),
  });
  const unit = (i: number) => 30 * (i === 0 ? 4 : 1);
  return {
    layers: [
      {
        weight: times(first.weight, (k) => unit(Math.floor(k / 5))),
        bias: times(first.bias as NdArray, unit),
      },
      { weight: times(second.weight, (k) => 1 / unit(k % 7)), bias: second.bias },
    ],
  } as Params;
}

/** Elements of row or column i. */
const slice = ({ shape: [, n], data }: NdArray, i: number, isRow: boolean): number[] =>
  Array.from(data as Float64Array).filter((_, k) => (isRow ? Math.floor(k / n) : k % n) === i);

const { found } = symmetriesOf(loss, params, batch);

describe("two layers", () => {
  it("have units whose incoming and outgoing norms are equal", async () => {
    const { layers } = await balanced(scaledStart(params), found);
    for (let i = 0; i < 7; i++) {
      const incoming = [...slice(layers[0].weight, i, true), (layers[0].bias as NdArray).data[i] as number];
      const norm = (values: readonly number[]) => values.reduce((a, v) => a + v * v, 0);
      expect(norm(incoming)).toBeCloseTo(norm(slice(layers[1].weight, i, false)), 10);
    }
  });

  it("have units whose incoming and outgoing weights have equal ranges", async () => {
    const { layers } = await balanced(scaledStart(params), found, { by: "range" });
    for (let i = 0; i < 7; i++) {
      const range = (values: readonly number[]) => Math.max(...values.map(Math.abs));
      expect(range(slice(layers[0].weight, i, true))).toBeCloseTo(
        range(slice(layers[1].weight, i, false)),
        10,
      );
    }
  });

  it("are balanced to the same point from anywhere on the orbit", async () => {
    const [a, b] = [await balanced(params, found), await balanced(scaledStart(params), found)];
    for (const [k, { weight }] of a.layers.entries()) expectClose(weight, b.layers[k].weight, 1e-12);
  });

  it("say how far they are from balance, and whether that matters", async () => {
    const start = scaledStart(await balanced(params, found));
    const { groups, factor, sigma, advice } = imbalance(start, found);
    expect(groups).toHaveLength(1);
    expect(factor).toBeCloseTo(30 * 4 ** (1 / 7), 1);
    expect(sigma).toBeCloseTo((Math.log(4) * Math.sqrt(6)) / 7, 2);
    expect(advice).toContain("training by SGD faster");
    expect(imbalance(await balanced(start, found), found).advice).toContain("not expected");
  });

  it("stay where a unit has nothing on one side", async () => {
    const dead = structuredClone(params);
    (dead.layers[1].weight.data as Float64Array).fill(0);
    expect(await balanced(dead, found)).toEqual(dead);
  });

  it("stay in a unit that is little but its bias, which no factor of its tiny weights blows up", async () => {
    const dead = structuredClone(params);
    const [first, second] = dead.layers.map(({ weight }) => weight.data as Float64Array);
    for (let k = 0; k < 5; k++) first[k] *= 1e-6;
    const { layers } = await balanced(dead, found, { by: "range" });
    expect((layers[0].bias as NdArray).data[0]).toBe((dead.layers[0].bias as NdArray).data[0]);
    expect(slice(layers[0].weight, 0, true)).toEqual([...first.subarray(0, 5)]);
    expect(slice(layers[1].weight, 0, false)).toEqual([second[0], second[7], second[14]]);
    expect(slice(layers[0].weight, 1, true)).not.toEqual([...first.subarray(5, 10)]);
  });

  it("are refused without what symmetriesOf finds", async () => {
    await expect(balanced(params, found.scalings as never)).rejects.toThrow(
      "balanced takes what symmetriesOf finds",
    );
    expect(() => imbalance(params, undefined as never)).toThrow("imbalance takes what symmetriesOf finds");
    await expect(balanced(params, found, { by: "size" as never })).rejects.toThrow("norm, range");
    await expect(balanced({ other: params }, found)).rejects.toThrow(
      '"layers.0.weight" is none of other.layers.0.weight',
    );
    const broken = structuredClone(params);
    broken.layers[0].weight.data[0] = Number.NaN;
    const wider = mlp({ sizes: [5, 8, 3], activation: "relu" }).init(torchGenerator(0), { dtype: "float64" });
    await expect(balanced(wider.params, found)).rejects.toThrow('"layers.0.weight" has the shape [8, 5]');
    expect(() => imbalance(wider.params, found)).toThrow('"layers.0.weight" has the shape [8, 5]');
    await expect(balanced(broken, found)).rejects.toThrow('The weights "layers.0.weight" are not all finite');
    expect(() => imbalance(broken, found)).toThrow("not all finite");
  });
});

it("a product of matrices becomes its balanced factorization", async () => {
  const factors = { b: drawn([6, 3]), a: drawn([3, 4]) };
  const data = { y: drawn([6, 4]) };
  const product: BatchLoss<typeof factors, typeof data> = (p, { y }) => mseLoss(matmul(p.b, p.a), y);
  const linear = symmetriesOf(product, factors, data).found;
  const { a, b } = await balanced(factors, linear);
  const gram = ({ shape: [rows, n], data }: NdArray, isRow: boolean) =>
    Array.from({ length: 9 }, (_, k) => {
      const [i, j] = [Math.floor(k / 3), k % 3];
      const at = (x: number, other: number) => Number(data[isRow ? x * n + other : other * n + x]);
      return Array.from({ length: isRow ? n : rows }, (__, r) => at(i, r) * at(j, r)).reduce(
        (s, v) => s + v,
        0,
      );
    });
  const [left, right] = [gram(b, false), gram(a, true)];
  for (const [k, v] of left.entries()) expect(v).toBeCloseTo(right[k], 5);
});

it("chains of layers are balanced from one end to the other", async () => {
  const deep = mlp({ sizes: [4, ...Array(12).fill(4), 3], activation: "relu" });
  const { layers } = deep.init(torchGenerator(3), { dtype: "float64" }).params;
  const data = { x: drawn([2, 4]), y: drawn([2, 3]) };
  const fit: BatchLoss<{ layers: typeof layers }, typeof data> = (p, { x, y }) =>
    mseLoss(deep.apply(p, x).output, y);
  const times = ({ shape, data: numbers }: NdArray, factor: number): NdArray => ({
    shape,
    data: Float64Array.from(numbers as Float64Array, (v) => v * factor),
  });
  // The outermost layers alone are badly scaled: every layer between them has to move.
  const start = {
    layers: layers.map(({ weight }, m) => ({ weight: times(weight, m === 0 ? 1e6 : m === 12 ? 1e-6 : 1) })),
  } as { layers: typeof layers };
  const chain = symmetriesOf(fit, start, data).found;
  const to = await balanced(start, chain);
  for (let m = 1; m < to.layers.length; m++) {
    for (let i = 0; i < 4; i++) {
      const [incoming, outgoing] = [
        squares([{ shape: [4], data: Float64Array.from(slice(to.layers[m - 1].weight, i, true)) }]),
        squares([{ shape: [4], data: Float64Array.from(slice(to.layers[m].weight, i, false)) }]),
      ];
      expect(Math.abs(Math.log(incoming / outgoing))).toBeLessThan(4e-3);
    }
  }
  await expect(balanced(start, chain, { sweeps: 3 })).rejects.toThrow(
    /not balanced after 3 sweeps over the groups: the next one would move a logarithm by up to \d/,
  );
});

expectLeastSquares(networkKinds.slice(1, 2));
