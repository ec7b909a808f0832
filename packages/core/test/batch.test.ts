import { describe, expect, expectTypeOf, it } from "vitest";
import { array, type NdArray } from "../src/array.js";
import type { BatchLoss, MergedBatch } from "../src/batch.js";
import { mul, sub } from "../src/graph/ops/arithmetic.js";
import { square } from "../src/graph/ops/elementary.js";
import { mean } from "../src/graph/ops/reduce.js";
import type { Tensor } from "../src/graph/tensor.js";
import { fairGrad } from "../src/mtl/methods/fair-grad.js";
import { createMultiTaskTrainer } from "../src/mtl/train/trainer.js";
import type { Model } from "../src/nn/model.js";
import { gd } from "../src/optim/sgd.js";
import { positiveScaling } from "../src/symmetry/positive-scaling.js";
import { symmetriesOf } from "../src/symmetry/symmetries-of.js";
import { createHessian } from "../src/teleport/curvature/hessian.js";
import { measureMinimum } from "../src/teleport/curvature/minima.js";
import { minimized, type ObjectiveFor } from "../src/teleport/objective/objective.js";
import { levelSet } from "../src/teleport/search/level-set/level-set.js";
import { createTeleporter, teleport } from "../src/teleport/teleporter.js";
import { atSteps } from "../src/teleport/when.js";
import { minimize } from "../src/train/minimize/minimize.js";
import { createTrainer } from "../src/train/trainer.js";

type Params = { readonly w: NdArray };
type Data = { x: Tensor; y: Tensor };

const params = { w: array([1], "float64") };
const [x, y] = [array([1, 2], "float64"), array([2, 4], "float64")];
const loss = ({ w }: { w: Tensor }, given: Data) => mean(square(sub(mul(w, given.x), given.y)));
const both = { params, batch: { x, y } };
const half = { params, batch: { x } };

const linearModel: Model<Params> = {
  init: () => ({ params, state: {} }),
  apply: ({ w }, input, { state }) => ({ output: mul(w, input), state }),
};

/** Calls that compile only with the error that is expected; none of them is made. */
export const refused = {
  // @ts-expect-error no y
  symmetriesOf: () => symmetriesOf(loss, params, half.batch),
  // @ts-expect-error no y
  createHessian: () => createHessian(loss, params, half.batch),
  // @ts-expect-error no y
  createTeleporter: () => createTeleporter({ ...half, loss, search: levelSet() }),
  // @ts-expect-error no y
  teleport: () => teleport({ ...half, loss, search: levelSet() }),
  // @ts-expect-error no batch
  withoutBatch: () => teleport({ params, loss, search: levelSet() }),
  // @ts-expect-error no y
  measureMinimum: () => measureMinimum({ ...half, loss }),
  createTrainer: () =>
    createTrainer({
      model: linearModel,
      data: { inputs: x, labels: y },
      optimizer: gd(),
      learningRate: 0.1,
      // @ts-expect-error a symmetry of other parameters than the model's
      teleport: { when: atSteps([1]), symmetry: positiveScaling },
    }),
  minimize: () =>
    // @ts-expect-error no y
    minimize({ loss, start: params, batch: half.batch }, { optimizer: gd(), learningRate: 0.1, steps: 1 }),
  objective: () =>
    createTeleporter({
      ...half,
      loss: ({ w }) => mean(w),
      search: levelSet(),
      // @ts-expect-error no y
      objective: () => (_: { w: Tensor }, batch: Data) => mean(batch.y),
    }),
  tasks: () =>
    createMultiTaskTrainer({
      params: { shared: params },
      data: half.batch,
      // @ts-expect-error no y
      losses: ({ shared }, batch) => [loss(shared, batch)],
      method: fairGrad(),
      optimizer: gd(),
      learningRate: 0.1,
    }),
};

describe("the type of a batch", () => {
  it("is what is given, for a loss that is written in place", async () => {
    const { report } = await teleport({
      ...both,
      loss: (p, batch) => {
        expectTypeOf(p).toEqualTypeOf<{ w: Tensor }>();
        expectTypeOf(batch).toEqualTypeOf<Data>();
        return loss(p, batch);
      },
      search: levelSet(),
      objective: minimized((of) => (p, batch) => of(p, batch)),
    });
    expect(report.lossBefore).toBe(2.5);
  });

  it("of several sources holds the arrays of all of them", async () => {
    expectTypeOf<MergedBatch<readonly [{ a: NdArray }, { b: NdArray }]>>().toEqualTypeOf<
      { a: NdArray } & { b: NdArray }
    >();
    const trainer = await createMultiTaskTrainer({
      params: { shared: params },
      data: [{ x }, { y: array([2, 4, 6], "float64") }],
      losses: ({ shared }, batch) => [mean(mul(shared.w, batch.x)), mean(mul(shared.w, batch.y))],
      method: fairGrad(),
      optimizer: gd(),
      learningRate: 0,
    });
    await trainer.run({ steps: 1 });
    expect(trainer.history.losses.map(([first]) => first)).toEqual([1.5, 4]);
    await trainer.dispose();
  });

  it("is any where a loss or an objective leaves it open, which then fits every batch", async () => {
    const anyLoss: BatchLoss<Params> = ({ w }, batch) => loss({ w }, { x: batch.x, y: batch.y });
    const objective: ObjectiveFor<Params> = (of) => (p, batch) => of(p, batch);
    const run = await minimize(
      { loss: anyLoss, start: params, batch: both.batch },
      {
        optimizer: gd(),
        learningRate: 0.01,
        steps: 2,
        teleport: { when: atSteps([1]), search: levelSet(), objective },
      },
    );
    expect(run.loss[0]).toBe(2.5);
  });
});
