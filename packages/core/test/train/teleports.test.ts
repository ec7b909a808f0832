import { describe, expect, it } from "vitest";
import type { MlpParams } from "../../src/nn/models/mlp.js";
import { mlp } from "../../src/nn/models/mlp.js";
import { adam } from "../../src/optim/adam.js";
import { positiveScaling } from "../../src/symmetry/positive-scaling.js";
import { decrease } from "../../src/teleport/objective/decrease.js";
import { every, inEpochs, onPlateau } from "../../src/teleport/when.js";
import { decodeCheckpoint, encodeCheckpoint, resume } from "../../src/train/checkpoint.js";
import { createTrainer } from "../../src/train/trainer.js";
import type { TrainerTeleportPlan } from "../../src/train/trainer-options.js";
import { someDigits } from "./support.js";

const data = someDigits(0, 120);
const model = mlp({ sizes: [64, 12, 10] });

const trainerFor = (teleport: TrainerTeleportPlan<MlpParams>) =>
  createTrainer({
    model,
    data,
    optimizer: adam(),
    learningRate: 1e-3,
    batchSize: 20,
    dtype: "float64",
    runtime: "javascript",
    gradNorm: true,
    teleport,
  });

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
