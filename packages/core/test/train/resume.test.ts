import { describe, expect, it } from "vitest";
import { DataError, OptionError } from "../../src/errors.js";
import { mul } from "../../src/graph/ops/arithmetic.js";
import { crossEntropy } from "../../src/nn/losses/cross-entropy.js";
import { mlp } from "../../src/nn/models/mlp.js";
import { adam } from "../../src/optim/adam.js";
import { cosineSchedule } from "../../src/optim/schedules.js";
import { gd, sgd } from "../../src/optim/sgd.js";
import { booth } from "../../src/problems/booth.js";
import { mlpRegression } from "../../src/problems/mlp-regression.js";
import { positiveScaling } from "../../src/symmetry/positive-scaling.js";
import { atSteps } from "../../src/teleport/when.js";
import { decodeCheckpoint, encodeCheckpoint, resume } from "../../src/train/checkpoint.js";
import { minimize } from "../../src/train/minimize/minimize.js";
import type { MinimizationProblem } from "../../src/train/minimize/minimize-options.js";
import { createTrainer } from "../../src/train/trainer.js";
import { elements, someDigits } from "./support.js";

const data = someDigits(0, 60);
const others = someDigits(60, 120);
const make = (options: object = {}) =>
  createTrainer({
    model: mlp({ sizes: [64, 8, 10] }),
    data,
    optimizer: sgd({ momentum: 0.9 }),
    learningRate: 0.1,
    batchSize: 16,
    runtime: "javascript",
    ...options,
  });

async function stored(options: object = {}) {
  const trainer = await make(options);
  await trainer.run({ steps: 3 });
  return decodeCheckpoint(encodeCheckpoint(trainer));
}

describe("a trainer refuses a checkpoint of a run", () => {
  it.each<[string, object, string]>([
    ["with another batch size", { batchSize: 20 }, "batchSize was 16, here 20"],
    ["with another seed", { seed: 7 }, "seed was 0, here 7"],
    ["with another learning rate", { learningRate: 0.05 }, "learningRate was 0.1, here 0.05"],
    [
      "with a schedule",
      { learningRate: (step: number) => (step < 4 ? 0.1 : 0.01) },
      "learningRate was 0.1, here 0.01 (at step 4)",
    ],
    ["on other data", { data: others }, "data was "],
    ["with another limit of the gradient", { clipNorm: 1 }, "clipNorm was null, here 1"],
    [
      "with adaptive clipping",
      { adaptiveClip: { limit: 0.1 } },
      'adaptiveClip was left out, here {"limit":0.1}',
    ],
    ["that recorded no norms", { gradNorm: true }, "gradNorm was false, here true"],
    [
      "of another optimizer",
      { optimizer: adam() },
      "The checkpoint is of the optimizer momentum, this run uses adam: create the run with the same optimizer.",
    ],
    [
      "with another momentum",
      { optimizer: sgd({ momentum: 0.5 }) },
      "the computation (model, loss or options of the optimizer) was another one",
    ],
    [
      "with another activation",
      { model: mlp({ sizes: [64, 8, 10], activation: "tanh" }) },
      "the computation (model, loss or options of the optimizer) was another one",
    ],
    [
      "with another loss",
      { loss: (...args: Parameters<typeof crossEntropy>) => mul(2, crossEntropy(...args)) },
      "the computation",
    ],
    [
      "without teleports",
      { teleport: { when: atSteps([2, 5]), symmetry: (p: never) => positiveScaling(p) } },
      "teleport was null, here at steps (2, 5), state keep",
    ],
  ])("%s, says so, and stays as it was", async (_, options, message) => {
    const checkpoint = await stored();
    const trainer = await make(options);
    const before = trainer.current;
    expect(() => resume(trainer, checkpoint)).toThrow(DataError);
    expect(() => resume(trainer, checkpoint)).toThrow(message);
    expect(trainer.current).toBe(before);
    await trainer.dispose();
  });

  it("naming all that differs, and what to write", async () => {
    const trainer = await make({ batchSize: 20, seed: 1, learningRate: 0.2 });
    const checkpoint = await stored();
    expect(() => resume(trainer, checkpoint)).toThrow(
      "learningRate was 0.1, here 0.2; batchSize was 16, here 20; seed was 0, here 1. Use those of that run, or allow " +
        'what is changed on purpose: allowChanges: ["learningRate","batchSize","seed"].',
    );
    // The step's graph is that of another batch size: nothing else is said of it.
    expect(() => resume(trainer, checkpoint)).not.toThrow("computation");
  });
});

describe("changes of a resumed run", () => {
  it("may be made on purpose", async () => {
    const checkpoint = await stored();
    const trainer = await make({ learningRate: 0.01, batchSize: 20 });
    expect(() => resume(trainer, checkpoint, { allowChanges: ["learningRate"] })).toThrow("batchSize was 16");
    resume(trainer, checkpoint, { allowChanges: ["learningRate", "batchSize"] });
    expect(trainer.current.step).toBe(3);
    await trainer.run({ steps: 2 });
    const { step, params } = trainer.current;
    expect(step).toBe(5);
    // And the checkpoint of that run is of its own settings.
    const again = await make({ learningRate: 0.01, batchSize: 20 });
    resume(again, decodeCheckpoint(encodeCheckpoint(trainer)));
    expect(elements(again.current)).toEqual(elements({ ...trainer.current, params }));
  });

  it("are named as the settings are", async () => {
    const [trainer, checkpoint] = [await make(), await stored()];
    const allow = (allowChanges: string[]) => () => resume(trainer, checkpoint, { allowChanges });
    expect(allow(["learningrate"])).toThrow(OptionError);
    expect(allow(["learningrate"])).toThrow(
      'allowChanges has "learningrate"; the run\'s settings are optimizer, learningRate, batchSize, seed',
    );
    expect(() => resume(trainer, checkpoint, { allow: ["seed"] } as never)).toThrow("it has allowChanges");
  });

  it("are none where two schedules or two data sets are equal", async () => {
    const schedule = () => cosineSchedule(0.1, { steps: 100 });
    const checkpoint = await stored({ learningRate: schedule() });
    const trainer = await make({
      learningRate: schedule(),
      data: someDigits(0, 60),
      model: mlp({ sizes: [64, 8, 10] }),
    });
    resume(trainer, checkpoint);
    expect(trainer.current.step).toBe(3);
  });

  it("may be of runtime and number of threads", async () => {
    const checkpoint = await stored();
    const trainer = await make({ runtime: "onnx", threads: 1 });
    resume(trainer, checkpoint);
    expect(trainer.current.step).toBe(3);
    await trainer.dispose();
  });
});

describe("a minimization refuses a checkpoint of a run", () => {
  const settings = { optimizer: adam(), learningRate: 0.1, steps: 40 };
  async function checkpointOf<P>(problem: MinimizationProblem<P>) {
    let bytes: Uint8Array = new Uint8Array();
    await minimize(problem, {
      ...settings,
      onLoop(progress) {
        bytes = encodeCheckpoint(progress);
        return true;
      },
    });
    return decodeCheckpoint(bytes);
  }

  it.each<[string, object, string]>([
    ["with another rate", { learningRate: 0.2 }, "learningRate was 0.1, here 0.2"],
    ["with other options of the optimizer", { optimizer: adam({ betas: [0.5, 0.999] }) }, "the computation"],
    [
      "without teleports",
      { teleport: { when: atSteps([30]), symmetry: booth().symmetry() } },
      "teleport was null, here at steps (30), state keep",
    ],
  ])("%s", async (_, options, message) => {
    const checkpoint = await checkpointOf(booth());
    await expect(minimize(booth(), { ...settings, ...options, checkpoint })).rejects.toThrow(message);
  });

  it("of another function, or on other data", async () => {
    const checkpoint = await checkpointOf(booth());
    const { loss, ...problem } = booth();
    const doubled = { ...problem, loss: ((p, b) => mul(2, loss(p, b))) as typeof loss };
    await expect(minimize(doubled, { ...settings, checkpoint })).rejects.toThrow("the computation");
    const regression = mlpRegression();
    const other = { ...regression, batch: mlpRegression({ seed: 9 }).batch };
    await expect(
      minimize(other, { ...settings, checkpoint: await checkpointOf(regression) }),
    ).rejects.toThrow("data was ");
  });

  it("but for what may change", async () => {
    const checkpoint = await checkpointOf(booth());
    const rates = { ...settings, learningRate: 0.2, checkpoint };
    const { status, loss } = await minimize(booth(), { ...rates, allowChanges: ["learningRate"] });
    expect([status, loss.length]).toEqual(["done", 41]);
    await expect(minimize(booth(), { ...settings, optimizer: gd(), checkpoint })).rejects.toThrow(DataError);
  });
});
