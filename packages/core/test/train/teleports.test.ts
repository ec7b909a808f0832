import { describe, expect, it } from "vitest";
import type { Dataset } from "../../src/data/dataset.js";
import type { DataStream } from "../../src/data/stream.js";
import { streamOf } from "../../src/data/streams/stream-of.js";
import { tanh } from "../../src/graph/ops/elementary.js";
import { reshape } from "../../src/graph/ops/reshape.js";
import { torchGenerator } from "../../src/math/mt19937.js";
import { type ConvParams, convLayer, initConv2d } from "../../src/nn/conv.js";
import { initLinear, type LinearParams, linear } from "../../src/nn/linear.js";
import type { Model } from "../../src/nn/model.js";
import type { MlpParams } from "../../src/nn/models/mlp.js";
import { mlp } from "../../src/nn/models/mlp.js";
import { adam } from "../../src/optim/adam.js";
import { sgd } from "../../src/optim/sgd.js";
import { positiveScaling } from "../../src/symmetry/positive-scaling.js";
import { decrease } from "../../src/teleport/objective/decrease.js";
import { balance } from "../../src/teleport/search/balance.js";
import { levelSet } from "../../src/teleport/search/level-set/level-set.js";
import { nullSpace } from "../../src/teleport/search/null-space/null-space.js";
import { atSteps, every, inEpochs, onPlateau, type When } from "../../src/teleport/when.js";
import { decodeCheckpoint, encodeCheckpoint, resume } from "../../src/train/checkpoint.js";
import { createTrainer } from "../../src/train/trainer.js";
import type { Trainer, TrainerTeleportPlan } from "../../src/train/trainer-options.js";
import { type BatchNormNetParams, batchNormNet, someDigits } from "./support.js";

const data = someDigits(0, 120);
const model = mlp({ sizes: [64, 12, 10] });

const trainerFor = (teleport: TrainerTeleportPlan<MlpParams>, from: Dataset | DataStream<Dataset> = data) =>
  createTrainer({
    model,
    data: from,
    optimizer: adam(),
    learningRate: 1e-3,
    batchSize: 20,
    dtype: "float64",
    runtime: "javascript",
    gradNorm: true,
    teleport,
  });

const plan: TrainerTeleportPlan<MlpParams> = { when: every(7), symmetry: positiveScaling, state: "push" };

/** Runs with the teleports in the loop and with those of the host, which have the same numbers; and counts the runs of plain steps. */
async function both<P, S>(when: When, make: (when: When) => Promise<Trainer<P, S>>, steps: number) {
  const runs = [when, { ...when, isPlanned: false }].map(async (each) => {
    const trainer = await make(each);
    let calls = 0;
    const { run } = trainer.executable;
    Object.assign(trainer.executable, {
      run: (...args: Parameters<typeof run>) => {
        calls++;
        return run(...args);
      },
    });
    await trainer.run({ steps, reportEvery: 6 });
    await trainer.dispose();
    return { trainer, calls };
  });
  const [branch, host] = await Promise.all(runs);
  const untimed = ({ history }: Trainer<P, S>) =>
    history.teleports.map((event) => ({ ...event, seconds: 0 }));
  expect(untimed(branch.trainer)).toEqual(untimed(host.trainer));
  expect(branch.trainer.history.loss).toEqual(host.trainer.history.loss);
  expect(branch.trainer.current).toEqual(host.trainer.current);
  return { branch: branch.trainer, calls: [branch.calls, host.calls] };
}

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

  const inLoop = {
    "eq. 8 of a scaling, moments reset": { symmetry: positiveScaling, state: "reset" },
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
    "its moments pushed along": { symmetry: positiveScaling, state: "push", guard: { curvature: 0 } },
    "moments that cannot be pushed": {
      search: levelSet<MlpParams>({ steps: 2 }),
      state: "push",
      guard: { heldOutDrift: 0.5, curvature: 0 },
    },
    "raced with the run's optimizer, its state and rate": {
      symmetry: positiveScaling,
      guard: { race: { steps: 3 }, curvature: 0 },
    },
    "in a race that most lose": {
      search: levelSet<MlpParams>({ steps: 3 }),
      guard: { race: { learningRate: 0.3, steps: 4, optimizer: sgd() }, heldOutDrift: 0.5, curvature: 0 },
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
    "on all data, none held out": { symmetry: positiveScaling, batchSize: 120, state: "reuse" },
  } satisfies Record<string, Omit<TrainerTeleportPlan<MlpParams>, "when">>;
  it.each(Object.keys(inLoop))("are a branch of the loop, with the numbers of the host: %s", async (name) => {
    const given = inLoop[name as keyof typeof inLoop] as Omit<TrainerTeleportPlan<MlpParams>, "when">;
    const { branch, calls } = await both(every(4), (when) => trainerFor({ ...given, when }), 10);
    expect(branch.history.teleports.some(({ accepted }) => accepted)).toBe(true);
    // The host cuts its run at the teleports before steps 4 and 8.
    expect(calls).toEqual([0, 3]);
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
