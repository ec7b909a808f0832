// Global pruning: by hand on a few numbers, and its properties on random trees.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { array, type NdArray, zeros } from "../../../src/array.js";
import type { BatchLoss } from "../../../src/batch.js";
import { masked, pruned } from "../../../src/entries/moves.js";
import { grad } from "../../../src/graph/autodiff.js";
import { torchGenerator } from "../../../src/math/mt19937.js";
import { mseLoss } from "../../../src/nn/losses/mse.js";
import { mlp } from "../../../src/nn/models/mlp.js";
import { adamw } from "../../../src/optim/adamw.js";
import { sgd } from "../../../src/optim/sgd.js";
import { jit } from "../../../src/runtime/jit.js";
import { decodeCheckpoint, encodeCheckpoint, resume } from "../../../src/train/checkpoint.js";
import { createTrainer } from "../../../src/train/trainer.js";

const of = (...rows: number[][]) => array(rows, "float64");
const numbers = ({ data }: NdArray) => Array.from(data, Number);

describe("pruning by magnitude", () => {
  it("sets the smallest weights of all layers together to zero, and leaves biases", () => {
    const params = { a: of([3, -1], [0.5, 2]), bias: array([0.01], "float64"), b: of([-0.2, 5, 1.5]) };
    const { params: sparse, mask, pruned: count, of: all } = pruned(params, { fraction: 3 / 7 });
    expect([count, all]).toEqual([3, 7]);
    expect(numbers(sparse.a)).toEqual([3, 0, 0, 2]);
    expect(numbers(sparse.b)).toEqual([0, 5, 1.5]);
    expect(sparse.bias).toBe(params.bias);
    expect([mask.a, mask.bias, mask.b].map(numbers)).toEqual([[1, 0, 0, 1], [1], [0, 1, 1]]);
  });

  it("takes the first of equal weights, in the order of the tree", () => {
    const { params } = pruned({ a: of([1, -1]), b: of([1, -2]) }, { fraction: 0.5 });
    expect(numbers(params.a)).toEqual([0, 0]);
    expect(numbers(params.b)).toEqual([1, -2]);
  });

  it("keeps all at fraction 0 and none at fraction 1", () => {
    const params = { a: of([0, -1]), b: of([1, 7]) };
    expect(pruned(params, { fraction: 0 }).params).toEqual(params);
    const none = pruned(params, { fraction: 1 });
    expect(Object.values(none.params).flatMap(numbers)).toEqual([0, 0, 0, 0]);
    expect(Object.values(none.mask).flatMap(numbers)).toEqual([0, 0, 0, 0]);
  });

  it("rounds the number of weights to the nearest", () => {
    const params = { a: of([1, 2, 3, 4, 5]) };
    expect([0.29, 0.31, 0.5].map((fraction) => pruned(params, { fraction }).pruned)).toEqual([1, 2, 3]);
  });

  it("prunes the parameters that are selected", () => {
    const params = { a: of([1, 2]), b: array([0.5, 3]) };
    const { params: sparse } = pruned(params, { fraction: 0.5, isPruned: (path) => path === "b" });
    expect(sparse.a).toBe(params.a);
    expect(numbers(sparse.b)).toEqual([0, 3]);
  });
});

describe("pruning by LAMP", () => {
  it("ranks by the share of the squares that are not smaller, by hand", () => {
    // Layer a: squares 1, 4, 9: 1/14, 4/13, 1. Layer b: .01, .04: .2, 1.
    const params = { a: of([1, 2, 3]), b: of([0.1, 0.2]) };
    const byLamp = (fraction: number) =>
      Object.values(pruned(params, { fraction, by: "lamp" }).params).map(numbers);
    expect(byLamp(1 / 5)).toEqual([
      [0, 2, 3],
      [0.1, 0.2],
    ]);
    expect(byLamp(2 / 5)).toEqual([
      [0, 2, 3],
      [0, 0.2],
    ]);
    expect(byLamp(3 / 5)).toEqual([
      [0, 0, 3],
      [0, 0.2],
    ]);
  });

  it("takes an earlier one of equal weights as smaller", () => {
    // Squares 1, 1, 1: 1/3, 1/2, 1; the other layer 4/20, 1.
    const params = { a: of([1, -1, 1]), b: of([2, 4]) };
    const { params: sparse } = pruned(params, { fraction: 3 / 5, by: "lamp" });
    expect(Object.values(sparse).map(numbers)).toEqual([
      [0, 0, 1],
      [0, 4],
    ]);
  });

  it("gives layers of zeros the score 0", () => {
    const { params } = pruned({ a: of([0, 0]), b: of([1, 2]) }, { fraction: 0.5, by: "lamp" });
    expect(Object.values(params).map(numbers)).toEqual([
      [0, 0],
      [1, 2],
    ]);
  });
});

const layer = fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 1, maxLength: 20 });

/** Numbers that a power of two scales exactly: denormal ones lose digits, or become zero. */
const normalLayer = layer.map((weights) => weights.map((w) => (Math.abs(w) < 1e-290 ? 0 : w)));

describe("pruning of random weights", () => {
  it("by LAMP prunes within a single layer as by magnitude", () => {
    fc.assert(
      fc.property(layer, fc.double({ min: 0, max: 1, noNaN: true }), (weights, fraction) => {
        // Squares of denormal weights are zero, relative to the largest.
        const params = { a: of(weights.map((w) => (Math.abs(w) < 1e-6 ? 0 : w))) };
        const [magnitude, lamp] = (["magnitude", "lamp"] as const).map(
          (by) => pruned(params, { fraction, by }).params,
        );
        expect(lamp).toEqual(magnitude);
      }),
    );
  });

  it("by LAMP does not change when a whole layer is scaled", () => {
    fc.assert(
      fc.property(normalLayer, layer, fc.integer({ min: -30, max: 30 }), (a, b, k) => {
        const scaled = { a: of(a.map((w) => w * 2 ** k)), b: of(b) };
        const options = { fraction: 0.6, by: "lamp" } as const;
        expect(pruned(scaled, options).mask).toEqual(pruned({ a: of(a), b: of(b) }, options).mask);
      }),
    );
  });

  it("prunes as many as it says, none of which has a larger score than one that stays", () => {
    fc.assert(
      fc.property(layer, layer, fc.double({ min: 0, max: 1, noNaN: true }), (a, b, fraction) => {
        const { mask, pruned: count } = pruned({ a: of(a), b: of(b) }, { fraction });
        const weights = [...a, ...b].map(Math.abs);
        const kept = [...numbers(mask.a), ...numbers(mask.b)];
        const gone = weights.filter((_, i) => kept[i] === 0);
        expect(gone).toHaveLength(count);
        const least = Math.min(Infinity, ...weights.filter((_, i) => kept[i] === 1));
        expect(Math.max(0, ...gone)).toBeLessThanOrEqual(least);
      }),
    );
  });
});

it("refuses what it cannot prune", () => {
  expect(() => pruned({ a: of([1]) }, { fraction: 2 })).toThrow("fraction must be a number in [0, 1]");
  expect(() => pruned({ a: of([1]) }, {} as never)).toThrow("fraction");
  expect(() => pruned({ a: of([1]) }, { fraction: 0, by: "random" as never })).toThrow("magnitude, lamp");
  expect(() => pruned({ a: array([1]) }, { fraction: 0.5 })).toThrow("no weights to prune");
  expect(() => pruned({ a: of([Number.NaN]) }, { fraction: 0.5 })).toThrow('"a" are not all finite');
});

describe("a masked optimizer", () => {
  const model = mlp({ sizes: [4, 6, 2] });
  const { params } = model.init(torchGenerator(0), { dtype: "float64" });
  type Params = typeof params;
  const batch = { x: of([1, -1, 2, 0.5], [0, 1, 1, -2]), y: of([1, 0], [0, 2]) };
  const loss: BatchLoss<Params, typeof batch> = (p, { x, y }) => mseLoss(model.apply(p, x).output, y);
  const { params: start, mask } = pruned(params, { fraction: 0.5 });

  it.each([
    ["sgd", sgd({ momentum: 0.9, weightDecay: 0.1 })],
    ["adamw", adamw()],
  ] as const)("%s keeps pruned weights at zero and trains the others", async (_, inner) => {
    const optimizer = masked<never>(inner as never, mask);
    const initial = optimizer.init(start);
    const step = await jit(
      ({ p, state, b }) => optimizer.update(grad(loss as never)(p, b), state as never, p, 0.05),
      { p: start, state: initial, b: batch },
    );
    let at: { params: Params; state: unknown } = { params: start, state: initial };
    for (let k = 0; k < 3; k++) {
      at = (await step({ p: at.params, state: at.state as never, b: batch } as never)) as never;
    }
    at.params.layers.forEach(({ weight }, l) => {
      const kept = numbers(mask.layers[l].weight);
      const before = numbers(start.layers[l].weight);
      numbers(weight).forEach((w, e) => {
        if (kept[e] === 0) expect(w).toBe(0);
        else expect(w).not.toBe(before[e]);
      });
    });
  });

  it("keeps them in the trainer, and from a checkpoint on", async () => {
    const { inputs, labels } = {
      inputs: array(Array.from({ length: 32 }, (_, i) => [i % 3, i % 5, 1, -1])),
      labels: zeros([32], "int64"),
    };
    const wide = mlp({ sizes: [4, 6, 2] });
    const initial = wide.init(torchGenerator(1));
    const { params: sparse, mask: own } = pruned(initial.params, { fraction: 0.6 });
    const settings = {
      model: { ...wide, init: () => ({ ...initial, params: sparse }) },
      data: { inputs, labels },
      optimizer: masked(adamw(), own),
      learningRate: 0.1,
      batchSize: 8,
    };
    const trainer = await createTrainer(settings);
    await trainer.run({ steps: 3 });
    const bytes = encodeCheckpoint(trainer);
    const next = await createTrainer(settings);
    resume(next, decodeCheckpoint(bytes));
    await next.run({ steps: 6 });
    for (const { params: at } of [trainer.current, next.current]) {
      const zerosOf = (tree: typeof sparse) =>
        tree.layers.map(({ weight }) => numbers(weight).map((w) => w === 0));
      expect(zerosOf(at)).toEqual(zerosOf(sparse));
    }
  });

  it("equals the optimizer where the mask has only ones", async () => {
    const all = pruned(params, { fraction: 0 }).mask;
    const [plain, wrapped] = await Promise.all(
      [sgd(), masked(sgd(), all)].map(async (optimizer) => {
        const initial = optimizer.init(params);
        const step = await jit(
          ({ p, b }) => optimizer.update(grad(loss as never)(p, b), {} as never, p, 0.05).params,
          { p: params, b: batch },
        );
        expect(initial).toEqual({});
        return step({ p: params, b: batch } as never);
      }),
    );
    expect(wrapped).toEqual(plain);
  });

  it("refuses a mask of other parameters and anything but an optimizer", async () => {
    const wrong = masked(sgd(), { w: of([1]) });
    const trace = (p: { w: NdArray }) => jit(({ w }) => wrong.update({ w }, {}, { w }, 0.1).params, p);
    await expect(trace({ w: of([1, 2]) })).rejects.toThrow('the mask of "w" has the shape [1, 1]');
    expect(() => masked(undefined as never, mask)).toThrow("masked: optimizer must be one such as sgd()");
  });
});
