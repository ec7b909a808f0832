// Optimizers, averages and learning rates in a trainer: what a step of a graph alone does not show.
import { sampledRows } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { array } from "../../src/array.js";
import { OptionError } from "../../src/errors.js";
import { mul, sub } from "../../src/graph/ops/arithmetic.js";
import { sum } from "../../src/graph/ops/reduce.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { linearScalarization } from "../../src/mtl/methods/linear-scalarization.js";
import { crossEntropy } from "../../src/nn/losses/cross-entropy.js";
import { mlp } from "../../src/nn/models/mlp.js";
import { adam } from "../../src/optim/adam.js";
import type { Optimizer } from "../../src/optim/optimizer.js";
import { plateauSchedule } from "../../src/optim/plateau.js";
import { createOptimizer, optimizers } from "../../src/optim/registry.js";
import { sam } from "../../src/optim/sam.js";
import { byEpoch, exponentialSchedule } from "../../src/optim/schedules.js";
import { gd, sgd } from "../../src/optim/sgd.js";
import { withAccumulation } from "../../src/optim/with-accumulation.js";
import { withAverage } from "../../src/optim/with-average.js";
import { withGroups } from "../../src/optim/with-groups.js";
import { booth } from "../../src/problems/booth.js";
import { positiveScaling } from "../../src/symmetry/positive-scaling.js";
import { every } from "../../src/teleport/when.js";
import { decodeCheckpoint, encodeCheckpoint, resume } from "../../src/train/checkpoint.js";
import { findLearningRate } from "../../src/train/find-learning-rate.js";
import { minimize } from "../../src/train/minimize/minimize.js";
import { createTrainer } from "../../src/train/trainer.js";
import { trainerFor } from "../mtl/train/training-support.js";
import { batchNormNet, distance, elements, numbers, someDigits } from "./support.js";

const data = someDigits(0, 64);
const validation = someDigits(100, 140);
const model = mlp({ sizes: [64, 8, 10] });
const make = (options: object = {}) =>
  createTrainer({
    model,
    data,
    optimizer: sgd(),
    learningRate: 0.05,
    batchSize: 16,
    runtime: "javascript" as const,
    ...options,
  });

const wrapped: Record<string, () => Optimizer> = {
  groups: () =>
    withGroups(adam(), [
      { match: ["layers.0.*"], frozen: true },
      { match: ["*.bias"], rate: 2 },
    ]),
  accumulated: () => withAccumulation(adam(), { steps: 3 }),
  "exponential average": () => withAverage(adam(), { decay: 0.9 }),
  "equal average": () => withAverage(sgd({ momentum: 0.9 }), { start: 3, every: 2 }),
  all: () =>
    sam({
      optimizer: withAverage(
        withGroups(withAccumulation(adam(), { steps: 2 }), [{ match: ["*.bias"], rate: 2 }]),
      ),
    }),
};
const all = [
  ...Object.keys(optimizers).map((name) => [name, () => createOptimizer(name)] as const),
  ...Object.entries(wrapped),
];

describe("a resumed run", () => {
  it.each(sampledRows(all))(
    "has the same bits with %s, with teleports of its state",
    async (_, optimizer) => {
      const teleport = { when: every(4), symmetry: (p: never) => positiveScaling(p), state: "push" };
      const options = () => ({ optimizer: optimizer(), teleport });
      const whole = await make(options());
      await whole.run({ steps: 7 });
      const bytes = encodeCheckpoint(whole);
      await whole.run({ steps: 4 });
      const trainer = await make(options());
      resume(trainer, decodeCheckpoint(bytes));
      await trainer.run({ steps: 4 });
      expect(elements(trainer.current)).toEqual(elements(whole.current));
      expect(trainer.history.loss).toEqual(whole.history.loss);
      expect(trainer.history.teleports.map(({ step }) => step)).toEqual([4, 8]);
    },
  );
});

describe("wrappers", () => {
  it.each(Object.entries(wrapped))("give the same in ONNX Runtime: %s", async (_, optimizer) => {
    const [a, b] = await Promise.all(
      (["javascript", "onnx"] as const).map(async (runtime) => {
        const trainer = await make({ optimizer: optimizer(), runtime, dtype: "float64" });
        await trainer.run({ steps: 6 });
        await trainer.dispose();
        return trainer.current;
      }),
    );
    expect(distance(a, b)).toBeLessThan(1e-9);
  });
});

describe("sam in a minimization", () => {
  it("is its optimizer with rho 0, and another step otherwise", async () => {
    const losses = async (optimizer: Optimizer) =>
      (await minimize(booth(), { optimizer, learningRate: 0.02, steps: 8 })).loss;
    expect(await losses(sam({ rho: 0, optimizer: gd() }))).toEqual(await losses(gd()));
    const [first, next] = await losses(sam({ rho: 0.1, optimizer: gd() }));
    const [, plain] = await losses(gd());
    expect(first).toBeGreaterThan(next);
    expect(next).not.toBe(plain);
  });
});

describe("sam in a trainer", () => {
  it("is its optimizer with rho 0, running statistics and dropout included", async () => {
    const run = async (optimizer: Optimizer) => {
      const trainer = await make({ model: batchNormNet(), optimizer });
      await trainer.run({ steps: 6 });
      return elements(trainer.current);
    };
    expect(await run(sam({ rho: 0, optimizer: adam() }))).toEqual(await run(adam()));
    const apart = await run(sam({ rho: 0.5, optimizer: adam() }));
    expect(apart).not.toEqual(await run(adam()));
  });

  it("clips both gradients", async () => {
    const steps = async (optimizer: Optimizer) => {
      const trainer = await make({ optimizer, clipNorm: 0.01, learningRate: 1, dtype: "float64" });
      const before = elements(trainer.current);
      await trainer.run({ steps: 1 });
      const after = elements(trainer.current);
      return Math.hypot(
        ...Object.keys(before).flatMap((path) => before[path].map((x, i) => after[path][i] - x)),
      );
    };
    expect(await steps(sam({ rho: 0.5, optimizer: sgd() }))).toBeCloseTo(0.01, 5);
  });

  it("is refused by a trainer of several tasks", async () => {
    await expect(
      trainerFor(linearScalarization(), { optimizer: sam() }).then((trainer) => trainer.run({ steps: 1 })),
    ).rejects.toThrow("sam needs the gradient at another point");
  });
});

describe("frozen parameters", () => {
  it("do not move, and do not count in the norm of the gradient", async () => {
    const trainer = await make({
      optimizer: withGroups(sgd(), [{ match: ["layers.0.*"], frozen: true }]),
      dtype: "float64",
      clipNorm: 0.01,
      learningRate: 1,
      gradNorm: true,
    });
    const [first, last] = trainer.current.params.layers;
    await trainer.run({ steps: 1 });
    const [firstAfter, lastAfter] = trainer.current.params.layers;
    expect(firstAfter).toEqual(first);
    const moved = ["weight", "bias"].flatMap((name) => {
      const of = (layer: object) => numbers((layer as Record<string, never>)[name]);
      return of(lastAfter).map((x, i) => x - of(last)[i]);
    });
    // The step is the clipped gradient of what is left.
    expect(Math.hypot(...moved)).toBeCloseTo(0.01, 5);
    const free = await make({ dtype: "float64", gradNorm: true });
    await free.run({ steps: 1 });
    expect(trainer.history.gradNormSq[0]).toBeLessThan(free.history.gradNormSq[0]);
  });
});

describe("accumulated gradients", () => {
  it("train as batches that are as much larger", async () => {
    const [few, many] = [
      await make({ dtype: "float64", batchSize: 32 }),
      await make({ dtype: "float64", batchSize: 8, optimizer: withAccumulation(sgd(), { steps: 4 }) }),
    ];
    await few.run({ steps: 4 });
    await many.run({ steps: 16 });
    const [a, b] = [few, many].map(({ current: { params } }) =>
      elements({ ...few.current, params, optimizer: {} }),
    );
    for (const [path, values] of Object.entries(a)) {
      values.forEach((x, i) => {
        expect(x).toBeCloseTo(b[path][i], 12);
      });
    }
  });
});

describe("averages", () => {
  it("are what is evaluated, predicted, and kept as the best", async () => {
    const trainer = await make({
      optimizer: withAverage(sgd({ momentum: 0.9 }), { decay: 0.9 }),
      learningRate: 0.3,
    });
    await trainer.run({ epochs: 3, validation, best: "keep" });
    const { params, optimizer, best } = trainer.current;
    const plain = await make();
    const evaluate = async (p: typeof params) => {
      plain.restore({ ...plain.current, params: p });
      return [await plain.evaluate(validation), await plain.predict(validation.inputs)];
    };
    const average = optimizer.average as typeof params;
    expect([await trainer.evaluate(validation), await trainer.predict(validation.inputs)]).toEqual(await evaluate(average)); // biome-ignore format: one line
    expect(await evaluate(params)).not.toEqual(await evaluate(average));
    expect(best?.value).toBe(trainer.history.epochs[(best?.epoch ?? 0) - 1].validation?.loss);
    expect((await evaluate(best?.params as typeof params))[0]).toMatchObject({ loss: best?.value });
  });

  it.each(["keep", "reset", "push", "reuse"] as const)(
    "begin again after a teleport, with %s",
    async (state) => {
      const optimizer = withAverage(adam(), { decay: 0.9 });
      const teleport = { when: every(4), symmetry: (p: never) => positiveScaling(p), state };
      const trainer = await make({ optimizer, teleport });
      await trainer.run({ steps: 4 });
      const before = trainer.current;
      // One step with the teleport before it, with a rate of 0: the average is the moved point.
      const still = await make({ optimizer, teleport, learningRate: () => 0 });
      still.restore(before, trainer.history);
      await still.run({ steps: 1 });
      expect(still.history.teleports.map(({ accepted }) => accepted)).toEqual([true]);
      const { params, optimizer: after } = still.current;
      expect(after.average).toEqual(params);
      expect(params).not.toEqual(before.params);
      expect(after.averaged).toEqual(array(1, "float64"));
    },
  );

  it("begin again where a hook moves the parameters of several tasks", async () => {
    const optimizer = withAverage(adam(), { decay: 0.5 });
    const trainer = await trainerFor(linearScalarization(), {
      optimizer,
      learningRate: 0,
      beforeStep: async ({ step, params }) =>
        step === 2 ? { params: doubled(params) as typeof params } : {},
    });
    await trainer.run({ steps: 3 });
    expect(trainer.current.optimizer.average).toEqual(trainer.current.params);
  });
});

/** Twice the numbers of a tree of arrays. */
function doubled(tree: unknown): unknown {
  if (typeof tree !== "object" || tree === null) return tree;
  if (ArrayBuffer.isView(tree)) return (tree as Float32Array).map((x) => 2 * x);
  if (Array.isArray(tree)) return tree.map((x) => (typeof x === "number" ? x : doubled(x)));
  return Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, doubled(value)]));
}

describe("learning rates of epochs", () => {
  it("fall on a plateau of the validation data, and after a resumption at the same steps", async () => {
    // The loss of validation data with a large rate is no longer improved after some epochs.
    const learningRate = () => plateauSchedule(0.5, { patience: 0, factor: 0.5, threshold: 0.05 });
    const whole = await make({ learningRate: learningRate() });
    let bytes: Uint8Array | undefined;
    await whole.run({
      epochs: 10,
      validation,
      reportEvery: 3,
      onProgress({ step }) {
        if (step >= 26 && bytes === undefined) bytes = encodeCheckpoint(whole);
      },
    });
    const trainer = await make({ learningRate: learningRate() });
    resume(trainer, decodeCheckpoint(bytes as Uint8Array));
    await trainer.run({ epochs: 10 - Math.floor(trainer.current.step / 4), validation });
    expect(elements(trainer.current)).toEqual(elements(whole.current));
    const fixed = await make({ learningRate: 0.5 });
    await fixed.run({ steps: 40 });
    expect(elements(fixed.current)).not.toEqual(elements(whole.current));
    const run = { stepsPerEpoch: 4, epochs: whole.history.epochs };
    const rates = [0, 20, 39].map((step) => learningRate()(step, run));
    expect(rates[2]).toBeLessThan(rates[0]);
  });

  it("need the quantity that they watch", async () => {
    const trainer = await make({ learningRate: plateauSchedule(0.1, { metric: "f1" }) });
    await expect(trainer.run({ epochs: 2, validation })).rejects.toThrow('every run must measure "f1"');
    const without = await make({ learningRate: plateauSchedule(0.1) });
    await expect(without.run({ steps: 9 })).rejects.toThrow(OptionError);
    const later = await make({ learningRate: plateauSchedule(0.1) });
    await later.run({ epochs: 2, validation });
    await later.run({ steps: 3 });
    await expect(later.run({ steps: 9 })).rejects.toThrow('every run must measure "loss"');
  });

  it("may be counted in epochs", async () => {
    const trainer = await make({ learningRate: byEpoch(exponentialSchedule(0.1, { gamma: 0.5 })) });
    await trainer.run({ steps: 9 });
    const steps = await make({ learningRate: (step: number) => 0.1 * 0.5 ** Math.floor(step / 4) });
    await steps.run({ steps: 9 });
    expect(elements(trainer.current)).toEqual(elements(steps.current));
    expect(trainer.settings.learningRate).toEqual(steps.settings.learningRate);
  });
});

describe("findLearningRate", () => {
  const options = { model, data, optimizer: sgd(), batchSize: 16, runtime: "javascript" as const };

  it("follows the losses up to where they explode, and suggests a tenth of the rate where they are lowest", async () => {
    const { rates, losses, smoothed, suggestion } = await findLearningRate(options, {
      least: 1e-3,
      largest: 1e5,
    });
    expect(rates.length).toBeLessThan(200);
    expect(losses.length).toBe(rates.length);
    expect(rates[1] / rates[0]).toBeCloseTo(1e8 ** (1 / 199), 10);
    // The means by their definition.
    const mean = (t: number) => {
      const weights = losses.map((_, k) => 0.9 ** Math.abs(t - k));
      return weights.reduce((s, w, k) => s + w * losses[k], 0) / weights.reduce((a, b) => a + b, 0);
    };
    smoothed.forEach((s, t) => {
      expect(s).toBeCloseTo(mean(t), 10);
    });
    expect(suggestion).toBe(rates[smoothed.indexOf(Math.min(...smoothed))] / 10);
    expect(suggestion).toBeGreaterThan(0.01);
    expect(suggestion).toBeLessThan(10);
    const trainer = await make({ learningRate: suggestion });
    await trainer.run({ steps: 200 });
    expect(trainer.history.loss[199]).toBeLessThan(0.8 * trainer.history.loss[0]);
  });

  it("follows losses below 0 as well", async () => {
    const range = { least: 1e-3, largest: 1e5 };
    const loss = (output: Tensor, labels: Tensor) => sub(crossEntropy(output, labels), 4);
    const below = await findLearningRate({ ...options, loss }, range);
    const { rates } = await findLearningRate(options, range);
    expect(below.losses[0]).toBeLessThan(0);
    expect(below.rates.length).toBeGreaterThan(0.9 * rates.length);
    expect(below.rates.length).toBeLessThan(200);
    expect(below.suggestion).toBeGreaterThan(0.01);
    expect(below.suggestion).toBeLessThan(10);
  });

  it("suggests nothing where the loss never falls, and refuses a range that is none", async () => {
    const flat = { ...options, loss: (output: Tensor) => mul(0, sum(output)) };
    expect((await findLearningRate(flat, { steps: 5 })).suggestion).toBeUndefined();
    await expect(findLearningRate(options, { least: 1, largest: 0.1 })).rejects.toThrow(
      "largest must be above least, 1; got 0.1.",
    );
    await expect(findLearningRate(options, { step: 1 } as never)).rejects.toThrow(
      'findLearningRate has no option "step"',
    );
  });
});
