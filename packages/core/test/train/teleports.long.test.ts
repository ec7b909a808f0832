import { describe, expect, it } from "vitest";
import { streamOf } from "../../src/data/streams/stream-of.js";
import { tanh } from "../../src/graph/ops/elementary.js";
import { reshape } from "../../src/graph/ops/reshape.js";
import { type ConvParams, convLayer, initConv2d } from "../../src/nn/conv.js";
import { initLinear, type LinearParams, linear } from "../../src/nn/linear.js";
import type { Model } from "../../src/nn/model.js";
import type { MlpParams } from "../../src/nn/models/mlp.js";
import { adam } from "../../src/optim/adam.js";
import { sgd } from "../../src/optim/sgd.js";
import { positiveScaling } from "../../src/symmetry/positive-scaling.js";
import { decrease } from "../../src/teleport/objective/decrease.js";
import { levelSet } from "../../src/teleport/search/level-set/level-set.js";
import { atSteps } from "../../src/teleport/when.js";
import { createTrainer } from "../../src/train/trainer.js";
import { both, data, expectBranches, trainerFor } from "./teleports-support.js";

describe("a trainer's teleports", () => {
  expectBranches({
    "level-set steps, on few examples": {
      search: levelSet<MlpParams>({ steps: 3 }),
      batchSize: 8,
      guard: { heldOutDrift: 0.5 },
    },
    "for what the optimizer gains, curvature unmeasured": {
      symmetry: positiveScaling,
      objective: decrease({ optimizer: adam(), steps: 2 }),
      guard: { curvature: 0 },
    },
    "raced with the run's optimizer, its state and rate": {
      symmetry: positiveScaling,
      guard: { race: { steps: 3 }, curvature: 0 },
    },
    "in a race that most lose": {
      search: levelSet<MlpParams>({ steps: 3 }),
      guard: { race: { learningRate: 0.3, steps: 4, optimizer: sgd() }, heldOutDrift: 0.5, curvature: 0 },
    },
    "on all data, none held out": { symmetry: positiveScaling, batchSize: 120, state: "reuse" },
  });

  it("are in the loop on a stream, too, where their examples are in memory", async () => {
    const stream = streamOf(data, { size: 30 });
    // An epoch is in memory, of 6 steps; held-out data are the batch after that of the teleport.
    for (const [step, isHosted] of [
      [3, false],
      [4, false],
      [5, true],
    ] as const) {
      const { branch, calls } = await both(
        atSteps([step, step + 6, 14]),
        (when) => trainerFor({ when, symmetry: positiveScaling, guard: { race: { steps: 2 } } }, stream),
        18,
      );
      expect(branch.history.teleports.map(({ accepted }) => accepted)).toEqual([true, true, true]);
      expect(calls[0]).toBe(isHosted ? 4 : 0);
      expect(calls[1]).toBeGreaterThan(calls[0]);
    }
  });

  it("race in the loop for the loss on held-out data, through convolutions, too", async () => {
    type P = { readonly conv: ConvParams; readonly last: LinearParams };
    const net: Model<P, object> = {
      init: (rng, options) => ({
        params: { conv: initConv2d(rng, 1, 2, 3, options), last: initLinear(rng, 72, 10, options) },
        state: {},
      }),
      apply({ conv, last }, x, { state }) {
        const h = tanh(convLayer(reshape(x, [x.shape[0], 1, 8, 8]), conv));
        return { output: linear(reshape(h, [x.shape[0], 72]), last), state };
      },
    };
    // Descent from a steep point oscillates at the rate of the race.
    const race = { learningRate: 1, steps: 3, optimizer: sgd() };
    const { branch, calls } = await both(
      atSteps([2]),
      (when) =>
        createTrainer({
          model: net,
          data,
          optimizer: adam(),
          learningRate: 1e-3,
          batchSize: 20,
          ...({ dtype: "float64", runtime: "javascript" } as const),
          teleport: {
            when,
            search: levelSet<P>({ steps: 2 }),
            guard: { heldOutDrift: 1, curvature: 0, race },
          },
        }),
      4,
    );
    expect(branch.history.teleports[0].reason).toContain("descent from the new point");
    expect(calls[0]).toBe(0);
  });
});
