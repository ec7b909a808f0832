import { describe, expect, it } from "vitest";
import { array, type NdArray } from "../../src/array.js";
import { DataError } from "../../src/errors.js";
import { mul } from "../../src/graph/ops/arithmetic.js";
import { constant } from "../../src/graph/ops/leaf.js";
import { matmul } from "../../src/graph/ops/matmul.js";
import { reshape } from "../../src/graph/ops/reshape.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { spec, trace } from "../../src/graph/trace.js";
import { torchGenerator } from "../../src/math/mt19937.js";
import { crossEntropy } from "../../src/nn/losses/cross-entropy.js";
import { mlp } from "../../src/nn/models/mlp.js";
import { gd } from "../../src/optim/sgd.js";
import { jit } from "../../src/runtime/jit.js";
import { positiveScaling } from "../../src/symmetry/positive-scaling.js";
import { measureMinimum } from "../../src/teleport/curvature/minima.js";
import { diagnose } from "../../src/teleport/diagnosis/diagnose.js";
import { createTeleporter, teleport } from "../../src/teleport/teleporter.js";
import { steepestDescent } from "../../src/train/line-search/directions.js";
import { minimize } from "../../src/train/minimize/minimize.js";
import { minimizeByLineSearch } from "../../src/train/minimize/minimize-by-line-search.js";

const model = mlp({ sizes: [3, 4, 2] });
const { params } = model.init(torchGenerator(0));
type Batch = { x: NdArray; y: NdArray };
const x = array([
  [1, 2, 0],
  [0, 1, -1],
  [2, -1, 1],
]);
const labels = (...values: number[]): NdArray => array(values, "int64");
const good: Batch = { x, y: labels(0, 1, 1) };
const bad: Batch = { x, y: labels(0, 2, 1) };
const loss = (p: Parameters<typeof model.apply>[0], batch: { x: Tensor; y: Tensor }) =>
  crossEntropy(model.apply(p, batch.x).output, batch.y);
const symmetry = positiveScaling(params);
const javascript = { runtime: "javascript" } as const;
const message = /Labels "batch.y" must be classes in 0..1, .* example 1 has label 2/;

describe("labels of a batch that are not classes", () => {
  it.each<[string, (batch: Batch) => Promise<unknown>]>([
    ["a teleport", (batch) => teleport({ symmetry, loss, params, batch, ...javascript })],
    [
      "a teleport's held-out data",
      (heldOut) => teleport({ symmetry, loss, params, batch: good, ...javascript }, { heldOut }),
    ],
    [
      "a compiled teleport",
      async (batch) => {
        const teleporter = await createTeleporter({ symmetry, loss, params, batch: good, ...javascript });
        return teleporter.teleport(params, batch).finally(() => teleporter.dispose());
      },
    ],
    [
      "a minimization",
      (batch) =>
        minimize(
          { loss, start: params, batch },
          { optimizer: gd(), learningRate: 0.1, steps: 1, ...javascript },
        ),
    ],
    [
      "a minimization by line searches",
      (batch) =>
        minimizeByLineSearch(
          { loss, start: params, batch },
          { directions: steepestDescent, steps: 1, ...javascript },
        ),
    ],
    ["a diagnosis", (batch) => diagnose({ loss, params, batch, ...javascript })],
    ["a measured minimum", (batch) => measureMinimum({ loss, params, batch, ...javascript })],
    [
      "a compiled function",
      async (batch) => {
        const f = await jit(({ batch: b }) => crossEntropy(b.x, b.y), {
          batch: { x: spec([3, 2]), y: spec([3], "int64") },
        });
        return f({
          batch: {
            x: array([
              [1, 2],
              [0, 1],
              [2, 0],
            ]),
            y: batch.y,
          },
        }).finally(f.dispose);
      },
    ],
  ])("are an error in %s", async (_, run) => {
    await run(good);
    await expect(run(bad)).rejects.toThrow(DataError);
    await expect(run(bad)).rejects.toThrow(message);
  });
});

describe("labels of a compiled function", () => {
  const logits = array([
    [1, 2],
    [0, 1],
  ]);

  it("may be no classes where an argument masks them", async () => {
    const f = await jit(
      (z, y, known) => crossEntropy(z, reshape(y, [2]), { mask: known }),
      [logits, spec([2, 1], "int64"), spec([2], "bool")],
    );
    const y = array([[1], [-1]], "int64");
    await f(logits, y, array([1, 0], "bool"));
    await expect(f(logits, y, array([1, 1], "bool"))).rejects.toThrow(
      'Labels "1" must be classes in 0..1, as the model has 2 outputs; example 1 has label -1.',
    );
    await f.dispose();
  });

  it("are checked while tracing if they are constants", () => {
    const lossOf = (y: Tensor) =>
      trace((w) => crossEntropy(matmul(constant(logits), mul(w, 2)), y), [spec([2, 2])]);
    lossOf(constant(labels(0, 1)));
    expect(() => lossOf(constant(labels(0, 5)))).toThrow(
      "Constant labels must be classes in 0..1, as the model has 2 outputs; example 1 has label 5.",
    );
    expect(() => lossOf(constant(labels(1, 2)))).toThrow("in 1..2: if they count from 1, subtract 1.");
  });
});
