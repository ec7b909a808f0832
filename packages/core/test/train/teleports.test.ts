import { describe, expect, it } from "vitest";
import { torchGenerator } from "../../src/math/mt19937.js";
import type { MlpParams } from "../../src/nn/models/mlp.js";
import { adam } from "../../src/optim/adam.js";
import { positiveScaling } from "../../src/symmetry/positive-scaling.js";
import { decrease } from "../../src/teleport/objective/decrease.js";
import { balance } from "../../src/teleport/search/balance.js";
import { levelSet } from "../../src/teleport/search/level-set/level-set.js";
import { nullSpace } from "../../src/teleport/search/null-space/null-space.js";
import { atSteps, every, inEpochs, onPlateau } from "../../src/teleport/when.js";
import { decodeCheckpoint, encodeCheckpoint, resume } from "../../src/train/checkpoint.js";
import { createTrainer } from "../../src/train/trainer.js";
import type { TrainerTeleportPlan } from "../../src/train/trainer-options.js";
import { type BatchNormNetParams, batchNormNet } from "./support.js";
import { both, data, expectBranches, model, trainerFor } from "./teleports-support.js";

const plan: TrainerTeleportPlan<MlpParams> = { when: every(7), symmetry: positiveScaling, state: "push" };

describe("a trainer's teleports", () => {
  it("happen before the steps of the plan, on their batches, at the same loss", async () => {
    const trainer = await trainerFor(plan);
    await trainer.run({ steps: 30, reportEvery: 100 });
    const { teleports, loss, gradNormSq } = trainer.history;
    expect(teleports.map(({ step }) => step)).toEqual([7, 14, 21, 28]);
    for (const event of teleports) {
      expect(event).toMatchObject({ accepted: true });
      // The next step sees the same batch: its loss is that of the teleport, its gradient the new one.
      expect(loss[event.step]).toBeCloseTo(event.lossAfter, 12);
      expect(gradNormSq[event.step] / event.gradNormSqAfter).toBeCloseTo(1, 10);
      expect(event.heldOut?.drift).toBeLessThan(1e-10);
    }
    await trainer.dispose();
  });

  it("come on the first mini-batches of an epoch", async () => {
    const trainer = await trainerFor({ ...plan, when: inEpochs([1], { batches: 2 }), batchSize: 40 });
    await trainer.run({ steps: 20 });
    expect(trainer.stepsPerEpoch).toBe(6);
    expect(trainer.history.teleports.map(({ step }) => step)).toEqual([6, 7]);
    await trainer.dispose();
  });

  it("are the same however the run is cut, and when it goes on from a checkpoint", async () => {
    const plans = [plan, { ...plan, when: onPlateau({ patience: 3, threshold: 0.2, cooldown: 4 }) }];
    for (const each of plans) {
      const whole = await trainerFor(each);
      await whole.run({ steps: 31, reportEvery: 31 });
      const cut = await trainerFor(each);
      await cut.run({ steps: 7, reportEvery: 2 });
      await cut.run({ steps: 9, reportEvery: 5 });
      const bytes = encodeCheckpoint(cut);
      const resumed = await trainerFor(each);
      resume(resumed, decodeCheckpoint(bytes));
      await resumed.run({ steps: 15, reportEvery: 4 });
      const untimed = ({ history }: typeof whole) =>
        history.teleports.map((event) => ({ ...event, seconds: 0 }));
      expect(whole.history.teleports.length).toBeGreaterThan(1);
      expect(resumed.history.loss).toEqual(whole.history.loss);
      expect(untimed(resumed)).toEqual(untimed(whole));
      expect(resumed.current.params).toEqual(whole.current.params);
      for (const trainer of [whole, cut, resumed]) await trainer.dispose();
    }
  });

  expectBranches({
    "eq. 8 of a scaling, moments reset": { symmetry: positiveScaling, state: "reset" },
    "its moments pushed along": { symmetry: positiveScaling, state: "push", guard: { curvature: 0 } },
    "moments that cannot be pushed": {
      search: levelSet<MlpParams>({ steps: 2 }),
      state: "push",
      guard: { heldOutDrift: 0.5, curvature: 0 },
    },
    "weights balanced": {
      search: balance(positiveScaling(model.init(torchGenerator(0)).params)),
      state: "push",
      guard: { curvature: 0 },
    },
    "in the null space of a layer, on few examples": {
      search: nullSpace<MlpParams>({ steps: 2 }),
      batchSize: 8,
      guard: { heldOutDrift: 1, curvature: 0 },
    },
  });

  it("see the running statistics and the dropout of their step in the loop, too", async () => {
    const { branch, calls } = await both(
      atSteps([3]),
      (when) =>
        createTrainer({
          model: batchNormNet(6),
          data,
          optimizer: adam(),
          learningRate: 1e-2,
          batchSize: 20,
          ...({ dtype: "float64", runtime: "javascript" } as const),
          teleport: {
            when,
            search: levelSet<BatchNormNetParams>({ steps: 2, rho: 0.02 }),
            guard: { heldOutDrift: 1, curvature: 1, race: { steps: 2 } },
          },
        }),
      5,
    );
    expect(branch.history.teleports).toMatchObject([{ accepted: true, steps: 2 }]);
    expect(calls[0]).toBe(0);
  });

  it("leave the loop where the host has to decide", async () => {
    // Batch losses kept by level-set steps drift on other examples.
    const given = { search: levelSet<MlpParams>({ steps: 3 }), batchSize: 8, guard: { heldOutDrift: 1e-9 } };
    const { branch } = await both(every(4), (when) => trainerFor({ ...given, when }), 10);
    expect(branch.history.teleports[0].reason).toContain("held-out");
  });

  it("can aim at what the optimizer itself will gain, from its own state", async () => {
    const trainer = await trainerFor({ ...plan, objective: decrease({ optimizer: adam(), steps: 2 }) });
    await trainer.run({ steps: 10 });
    const [event] = trainer.history.teleports;
    expect(event.accepted).toBe(true);
    expect(event.objectiveAfter).toBeGreaterThan(event.objectiveBefore);
    expect(event.objectiveBefore).not.toBeCloseTo(event.gradNormSqBefore, 6);
    await trainer.dispose();
  });

  it("count in the run's seconds", async () => {
    const trainer = await trainerFor(plan);
    await trainer.run({ steps: 10 });
    const { seconds, teleports } = trainer.history;
    expect(seconds[7] - seconds[6]).toBeGreaterThan(teleports[0].seconds);
    await trainer.dispose();
  });
});
