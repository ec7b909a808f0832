import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IsolossError, NumericalError, OptionError } from "../../src/errors.js";
import type { Model } from "../../src/nn/model.js";
import { mlp } from "../../src/nn/models/mlp.js";
import { adam } from "../../src/optim/adam.js";
import { sgd } from "../../src/optim/sgd.js";
import { createTrainer } from "../../src/train/trainer.js";
import type { Progress, TrainerOptions } from "../../src/train/trainer-options.js";
import { batchNormNet, elements, someDigits } from "./support.js";

const data = someDigits(0, 60);

function trainerFor<P, S>(model: Model<P, S>, options: Partial<TrainerOptions<P, S>> = {}) {
  const defaults = { data, optimizer: adam(), learningRate: 0.01, batchSize: 16 };
  return createTrainer({ runtime: "javascript" as const, ...defaults, model, ...options });
}

describe("run", () => {
  it.each([
    { runtime: "javascript", dtype: "float32" },
    { runtime: "javascript", dtype: "float64" },
    { runtime: "onnx", dtype: "float32" },
    { runtime: "onnx", dtype: "float64" },
  ] as const)("gives the same bits however it is cut, on $runtime in $dtype", async ({ runtime, dtype }) => {
    const trainer = await trainerFor(batchNormNet(), {
      runtime,
      dtype,
      learningRate: (step) => 0.02 / (1 + step),
    });
    const start = trainer.current;
    await trainer.run({ steps: 12, reportEvery: 12 });
    const whole = { state: elements(trainer.current), loss: trainer.history.loss };
    expect(new Set(whole.loss).size).toBe(12);
    const cuts = fc.array(fc.record({ steps: fc.integer({ min: 0, max: 12 }), reportEvery: fc.nat(4) }), {
      minLength: 1,
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(cuts, async (parts) => {
        trainer.restore(start);
        for (const { steps, reportEvery } of [...parts, { steps: 12, reportEvery: 4 }]) {
          const left = Math.min(steps, 12 - trainer.current.step);
          await trainer.run({ steps: left, reportEvery: reportEvery + 1 });
        }
        expect(trainer.history.loss).toEqual(whole.loss);
        expect(elements(trainer.current)).toEqual(whole.state);
      }),
      { numRuns: 8 },
    );
    await trainer.dispose();
  });

  it("gives the same bits in two trainers of the same options", async () => {
    for (const runtime of ["javascript", "onnx"] as const) {
      const [a, b] = await Promise.all(
        [1, 2].map(async () => {
          const trainer = await trainerFor(batchNormNet(), { runtime, seed: 7 });
          await trainer.run({ steps: 10 });
          return trainer;
        }),
      );
      expect(a.history.loss).toEqual(b.history.loss);
      expect(elements(a.current)).toEqual(elements(b.current));
      await Promise.all([a.dispose(), b.dispose()]);
    }
  });

  it("reports progress: steps, epochs, and the mean loss since the last report", async () => {
    const trainer = await trainerFor(mlp({ sizes: [64, 10] }));
    const seen: Progress[] = [];
    await trainer.run({ steps: 7, reportEvery: 3, onProgress: (p) => void seen.push(p) });
    expect(seen.map(({ step }) => step)).toEqual([3, 6, 7]);
    expect(seen.map(({ epoch }) => epoch)).toEqual([1, 2, 7 / 3]);
    const { loss, seconds } = trainer.history;
    expect(seen[0].loss).toBeCloseTo((loss[0] + loss[1] + loss[2]) / 3, 12);
    expect(seen[2].loss).toBe(loss[6]);
    for (const { stepsPerSecond } of seen) expect(stepsPerSecond).toBeGreaterThan(0);
    expect(seconds).toHaveLength(7);
    seconds.reduce((before, s) => {
      expect(s).toBeGreaterThan(before);
      return s;
    }, 0);
  });

  it("reports about a hundred times by default, but not more than every ten steps", async () => {
    const trainer = await trainerFor(mlp({ sizes: [64, 10] }));
    const reports = async (steps: number) => {
      const seen: number[] = [];
      await trainer.run({ steps, onProgress: ({ step }) => void seen.push(step) });
      return seen;
    };
    expect(await reports(25)).toEqual([10, 20, 25]);
    expect(await reports(2000)).toHaveLength(100);
  });

  it("awaits the progress callback, which may evaluate, restore and run", async () => {
    const trainer = await trainerFor(mlp({ sizes: [64, 10] }));
    const accuracies: (number | undefined)[] = [];
    await trainer.run({
      steps: 6,
      reportEvery: 3,
      async onProgress() {
        accuracies.push((await trainer.evaluate(data)).accuracy);
        trainer.restore({ ...trainer.current, params: trainer.current.params });
      },
    });
    expect(accuracies).toHaveLength(2);
    expect(trainer.history.loss).toHaveLength(6);
  });

  it("ends with what the progress callback throws, after the steps that it was told of", async () => {
    const trainer = await trainerFor(mlp({ sizes: [64, 10] }));
    const stop = new Error("enough");
    const run = trainer.run({
      steps: 100,
      onProgress: ({ step }) => {
        if (step === 20) throw stop;
      },
    });
    await expect(run).rejects.toBe(stop);
    expect(trainer.current.step).toBe(20);
    await trainer.run({ steps: 1 });
    expect(trainer.history.loss).toHaveLength(21);
  });

  it("refuses a second run, another state, and evaluation, while it computes", async () => {
    const trainer = await trainerFor(mlp({ sizes: [64, 10] }), { runtime: "onnx" });
    const running = trainer.run({ steps: 5 });
    await expect(trainer.run({ steps: 5 })).rejects.toThrow(/await that run first/);
    expect(() => trainer.restore(trainer.current)).toThrow(IsolossError);
    await expect(trainer.evaluate(data)).rejects.toThrow(
      "evaluate: this trainer is running; await that run first.",
    );
    await running;
    expect(trainer.current.step).toBe(5);
    trainer.restore(trainer.current);
    await trainer.run({ steps: 0 });
    expect(trainer.current.step).toBe(5);
    await trainer.dispose();
  });

  it.each([
    [{ steps: -1 }, /steps must be an integer >= 0; got -1/],
    [{ steps: 1.5 }, /steps .*got 1.5/],
    [{ steps: Number.NaN }, /steps .*got NaN/],
    [{ steps: 5, reportEvery: 0 }, /reportEvery must be an integer >= 1; got 0/],
  ])("refuses %j", async (options, message) => {
    const trainer = await trainerFor(mlp({ sizes: [64, 10] }));
    const run = trainer.run(options);
    await expect(run).rejects.toThrow(OptionError);
    await expect(run).rejects.toThrow(message);
  });

  it("refuses a rate of the schedule that is none, and stays where it was", async () => {
    const trainer = await trainerFor(mlp({ sizes: [64, 10] }), { learningRate: (step) => 0.3 - step / 10 });
    const run = trainer.run({ steps: 9, reportEvery: 3 });
    await expect(run).rejects.toThrow(OptionError);
    await expect(run).rejects.toThrow(/finite number >= 0; got -0.1.* at step 4/);
    expect(trainer.current.step).toBe(3);
  });
});

describe("a run that leaves the finite numbers", () => {
  it.each(["javascript", "onnx"] as const)(
    "names step and rate on %s, and keeps the state and history before",
    async (runtime) => {
      // 1e30 is finite in float32, but its square is not.
      const learningRate = (step: number) => (step === 4 ? 1e30 : 0.1);
      const model = mlp({ sizes: [64, 8, 10] });
      const trainer = await trainerFor(model, { runtime, learningRate, optimizer: sgd({ momentum: 0.9 }) });
      await trainer.run({ steps: 3 });
      const before = { state: elements(trainer.current), loss: [...trainer.history.loss] };
      const run = trainer.run({ steps: 5, reportEvery: 5 });
      await expect(run).rejects.toThrow(NumericalError);
      await expect(run).rejects.toThrow(
        /loss became (NaN|Infinity) at step 5, with learning rate 0.1\. The state is still that of step 3\. Lower/,
      );
      expect(elements(trainer.current)).toEqual(before.state);
      expect(trainer.history.loss).toEqual(before.loss);
      expect(trainer.current.step).toBe(3);
      await trainer.dispose();
    },
  );

  it("is found in the parameters when the last step breaks them", async () => {
    const trainer = await trainerFor(mlp({ sizes: [64, 10] }), { learningRate: 1e39, optimizer: sgd() });
    const run = trainer.run({ steps: 1 });
    await expect(run).rejects.toThrow(NumericalError);
    await expect(run).rejects.toThrow(/"params.layers.0.weight" became (NaN|-?Infinity) before step 1/);
    expect(trainer.current.step).toBe(0);
  });

  it("is put down to the data where they are not finite", async () => {
    const { inputs, labels } = someDigits(0, 60);
    inputs.data[64 * 17 + 3] = Number.NaN;
    const trainer = await trainerFor(mlp({ sizes: [64, 10] }), { data: { inputs, labels }, batchSize: 60 });
    const run = trainer.run({ steps: 1 });
    await expect(run).rejects.toThrow(NumericalError);
    await expect(run).rejects.toThrow(/at step 0, .*The inputs hold NaN, first in example 17\./);
  });
});
