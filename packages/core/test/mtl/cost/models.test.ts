import { describe, expect, it } from "vitest";
import { relu } from "../../../src/graph/ops/activation.js";
import type { TensorsOf } from "../../../src/graph/trace.js";
import { torchGenerator } from "../../../src/math/mt19937.js";
import { cost } from "../../../src/mtl/cost/cost.js";
import type { CostOptions } from "../../../src/mtl/cost/settings.js";
import { pcGrad } from "../../../src/mtl/methods/pc-grad.js";
import type { TaskLosses } from "../../../src/mtl/train/task-losses.js";
import { createMultiTaskTrainer } from "../../../src/mtl/train/trainer.js";
import { initLinear, type LinearParams, linear } from "../../../src/nn/linear.js";
import { mseLoss } from "../../../src/nn/losses/mse.js";
import { type BatchNormState, batchNorm, initBatchNorm, type NormParams } from "../../../src/nn/norm.js";
import { sgd } from "../../../src/optim/sgd.js";
import { symmetriesOf } from "../../../src/symmetry/symmetries-of.js";
import { levelSet } from "../../../src/teleport/search/level-set/level-set.js";
import { randomArray } from "../gradients/networks.js";
import { always, reportsOf, tasks } from "./models-support.js";

const double = { dtype: "float64" } as const;

describe("a model with running statistics", () => {
  interface Params {
    readonly shared: {
      readonly first: LinearParams;
      readonly norm: NormParams;
      readonly second: LinearParams;
    };
    readonly heads: Readonly<Record<string, LinearParams>>;
  }
  const rng = torchGenerator(1);
  const params: Params = {
    shared: {
      first: initLinear(rng, 4, 6, double),
      norm: initBatchNorm(6, double).params,
      second: initLinear(rng, 6, 6, double),
    },
    heads: Object.fromEntries(tasks.map((name) => [name, initLinear(rng, 6, 1, double)])),
  };
  const { state } = initBatchNorm(6, double);
  const losses: TaskLosses<Params> = ({ shared, heads }, batch, { training, state: given, keepState }) => {
    const { output, state: next } = batchNorm(
      linear(batch.x, shared.first),
      shared.norm,
      given as TensorsOf<BatchNormState>,
      { training },
    );
    keepState?.(next);
    const z = relu(linear(relu(output), shared.second));
    return tasks.map((name) => mseLoss(linear(z, heads[name]), batch[name]));
  };
  const data = {
    x: randomArray([24, 4], 5),
    first: randomArray([24, 1], 6),
    second: randomArray([24, 1], 7),
  };

  it.each<[string, CostOptions<Params["shared"]>["move"]]>([
    ["adapters", "adapter"],
    [
      "a scaling",
      {
        symmetry(shared, { loss, batch }) {
          const { scaling } = symmetriesOf(loss, shared, batch);
          if (scaling === undefined) throw new Error("There is no scaling of the shared layers.");
          return scaling;
        },
      },
    ],
    ["a level set", { search: levelSet({ steps: 5 }) }],
  ])("is teleported by %s as it is in evaluation mode, with the statistics of the step", async (_, move) => {
    const teleports = cost<Params>({ ...always, move });
    const trainer = await createMultiTaskTrainer<Params>({
      losses,
      params,
      state,
      data,
      method: pcGrad(),
      optimizer: sgd(),
      learningRate: 0.01,
      beforeStep: teleports.beforeStep,
    });
    const before: Float64Array[] = [];
    for (let step = 0; step < 4; step++) {
      before.push((await trainer.evaluate(data)).losses);
      await trainer.run({ steps: 1 });
    }
    const reports = reportsOf(trainer);
    expect(reports.map(({ outcome }) => outcome)).toContain("accepted");
    for (const { step, before: quantities } of reports) {
      expect(quantities?.losses).toEqual(Array.from(before[step], (loss) => expect.closeTo(loss, 12)));
    }
    await trainer.dispose();
    await teleports.dispose();
  });
});
