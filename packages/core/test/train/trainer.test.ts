import { describe, expect, it } from "vitest";
import { array, dtypeOf, type NdArray } from "../../src/array.js";
import { split, takeRows } from "../../src/data/batches.js";
import { digits } from "../../src/data/digits.js";
import { relu } from "../../src/graph/ops/activation.js";
import { mseLoss } from "../../src/nn/losses/mse.js";
import type { Model } from "../../src/nn/model.js";
import { mlp } from "../../src/nn/models/mlp.js";
import { withAdaptiveClipping } from "../../src/optim/adaptive-clip.js";
import { sgd } from "../../src/optim/sgd.js";
import { createTrainer } from "../../src/train/trainer.js";
import type { TrainerOptions } from "../../src/train/trainer-options.js";
import { batchNormNet, distance, elements, numbers, row, softmaxLoss, someDigits } from "./support.js";

const data = someDigits(0, 120);
const softmax = mlp({ sizes: [64, 10] });

function trainerFor<P, S>(model: Model<P, S>, options: Partial<TrainerOptions<P, S>> = {}) {
  const defaults = { data, optimizer: sgd(), learningRate: 0.1, runtime: "javascript" as const };
  return createTrainer({ ...defaults, model, ...options });
}

describe("createTrainer", () => {
  it.each(["javascript", "onnx"] as const)(
    "learns the digits on the %s runtime: the loss falls and nine of ten new ones are right",
    async (runtime) => {
      const { images, labels } = digits();
      const [train, test] = split(labels.shape[0], [0.8, 0.2], 0).map((rows) => ({
        inputs: takeRows(images, rows),
        labels: takeRows(labels, rows),
      }));
      const trainer = await createTrainer({
        model: mlp({ sizes: [64, 32, 10] }),
        data: train,
        optimizer: sgd({ momentum: 0.9 }),
        learningRate: 0.1,
        batchSize: 64,
        runtime,
      });
      const before = await trainer.evaluate(test);
      await trainer.run({ steps: 300 });
      const after = await trainer.evaluate(test);
      // Ten classes by chance: a loss of log 10 and one in ten right.
      expect(before.loss).toBeCloseTo(Math.log(10), 0);
      expect(before.accuracy).toBeLessThan(0.3);
      expect(after.loss).toBeLessThan(before.loss / 5);
      expect(after.accuracy).toBeGreaterThan(0.9);
      expect(trainer.executable.runtime).toMatch(runtime);
      await trainer.dispose();
    },
  );

  it("takes the steps of stochastic gradient descent, as plain loops do", async () => {
    const trainer = await trainerFor(softmax, { dtype: "float64", batchSize: 16, learningRate: 0.3 });
    const { layers } = trainer.current.params;
    const weight = Array.from({ length: 10 }, (_, c) => row(layers[0].weight, c));
    const bias = numbers(layers[0].bias as NdArray);
    const losses: number[] = [];
    for (let step = 0; step < 10; step++) {
      const batch = Array.from(trainer.batchOf(step));
      const found = batch.map((i) => {
        const x = row(data.inputs, i);
        const label = Number(data.labels.data[i]);
        return { x, label, ...softmaxLoss({ weight, bias }, x, label) };
      });
      losses.push(found.reduce((sum, { loss }) => sum + loss, 0) / batch.length);
      // d loss / d logit = probability - onehot.
      for (const { x, label, probabilities } of found) {
        probabilities.forEach((p, c) => {
          const rate = (0.3 * (p - Number(c === label))) / batch.length;
          bias[c] -= rate;
          x.forEach((v, j) => {
            weight[c][j] -= rate * v;
          });
        });
      }
    }
    await trainer.run({ steps: 10 });
    losses.forEach((l, t) => {
      expect(trainer.history.loss[t]).toBeCloseTo(l, 12);
    });
    const after = trainer.current.params.layers[0];
    numbers(after.weight).forEach((w, k) => {
      expect(w).toBeCloseTo(weight.flat()[k], 12);
    });
    numbers(after.bias as NdArray).forEach((b, c) => {
      expect(b).toBeCloseTo(bias[c], 12);
    });
  });

  it("gives the same numbers on both runtimes up to rounding", async () => {
    // Not Adam: it divides the gradient of the first bias, which is rounding alone before a normalization, by its size.
    const options = { batchSize: 32, optimizer: sgd({ momentum: 0.9 }) };
    for (const { dtype, tolerance } of [
      { dtype: "float64" as const, tolerance: 1e-12 },
      { dtype: "float32" as const, tolerance: 1e-5 },
    ]) {
      const [a, b] = await Promise.all(
        (["javascript", "onnx"] as const).map(async (runtime) => {
          const trainer = await trainerFor(batchNormNet(), { ...options, dtype, runtime });
          await trainer.run({ steps: 20 });
          return trainer;
        }),
      );
      expect(distance(a.current, b.current)).toBeLessThan(tolerance);
      await b.dispose();
    }
  });

  it("computes in float64 where asked for, from float32 data", async () => {
    const trainer = await trainerFor(batchNormNet(), { dtype: "float64", optimizer: sgd({ momentum: 0.5 }) });
    await trainer.run({ steps: 3 });
    const { params, state, optimizer } = trainer.current;
    for (const tree of [params.first.weight, params.norm.bias, state.running_var]) {
      expect(dtypeOf(tree)).toBe("float64");
    }
    expect(dtypeOf((optimizer.velocity as typeof params).last.weight)).toBe("float64");
    const loss = trainer.history.loss[2];
    expect(Math.fround(loss)).not.toBe(loss);
  });

  it("follows a schedule of the learning rate, asked for each step once in order", async () => {
    const asked: number[] = [];
    const rates = [0.1, 0.4, 0, 0, 0.2];
    const learningRate = (step: number) => {
      asked.push(step);
      return rates[step];
    };
    const scheduled = await trainerFor(softmax, { learningRate, dtype: "float64" });
    const states = [scheduled.current];
    await scheduled.run({ steps: 5, reportEvery: 1, onProgress: () => void states.push(scheduled.current) });
    expect(asked).toEqual([0, 1, 2, 3, 4]);
    expect(distance(states[2], states[3])).toBe(0);
    expect(distance(states[2], states[4])).toBe(0);
    for (const step of [0, 1, 4]) {
      const constant = await trainerFor(softmax, { learningRate: rates[step], dtype: "float64" });
      constant.restore(
        { ...states[step], step: 0 },
        { loss: [], seconds: [], gradNormSq: [], teleports: [], epochs: [] },
      );
      await constant.run({ steps: 1 });
      expect(distance(constant.current, states[step + 1])).toBe(0);
      expect(distance(constant.current, states[step])).toBeGreaterThan(1e-4);
    }
  });

  it("takes a step of length rate times clipNorm when the gradient is longer", async () => {
    const trainer = await trainerFor(softmax, { clipNorm: 0.01, learningRate: 0.5, dtype: "float64" });
    const before = elements(trainer.current);
    await trainer.run({ steps: 1 });
    const after = elements(trainer.current);
    const squares = Object.keys(before).flatMap((path) =>
      before[path].map((w, i) => (w - after[path][i]) ** 2),
    );
    const length = Math.sqrt(squares.reduce((a, b) => a + b, 0));
    // clip divides by the norm plus 1e-6, so that the step is a little shorter.
    expect(length / 0.005).toBeLessThan(1);
    expect(length / 0.005).toBeGreaterThan(1 - 1e-5);
  });

  it("clips each unit's gradient to a share of the unit's norm", async () => {
    const options = { learningRate: 0.5, dtype: "float64" } as const;
    const [clipped, wrapped] = [
      await trainerFor(softmax, { ...options, adaptiveClip: { limit: 0.01 } }),
      await trainerFor(softmax, { ...options, optimizer: withAdaptiveClipping(sgd(), { limit: 0.01 }) }),
    ];
    const before = clipped.current.params.layers[0].weight;
    await clipped.run({ steps: 1 });
    await wrapped.run({ steps: 1 });
    const after = clipped.current.params.layers[0].weight;
    const lengths = Array.from({ length: 10 }, (_, r) => {
      const [w, moved] = [row(before, r), row(after, r)];
      return Math.hypot(...w.map((x, i) => x - moved[i])) / Math.hypot(...w);
    });
    expect(Math.max(...lengths)).toBeCloseTo(0.005, 12);
    expect(distance(clipped.current, wrapped.current)).toBe(0);
  });

  it("carries running statistics: after one step a tenth of the batch's mean, and evaluates with them", async () => {
    const trainer = await trainerFor(batchNormNet(4, 0), { dtype: "float64", learningRate: 0 });
    const { weight, bias } = trainer.current.params.first;
    const means = [0, 1, 2, 3].map((c) => {
      const w = row(weight, c);
      const outputs = Array.from({ length: 120 }, (_, i) =>
        row(data.inputs, i).reduce((sum, x, j) => sum + x * w[j], numbers(bias as NdArray)[c]),
      );
      return outputs.reduce((a, b) => a + b, 0) / 120;
    });
    const fresh = await trainer.evaluate(data);
    await trainer.run({ steps: 1 });
    numbers(trainer.current.state.running_mean).forEach((m, c) => {
      expect(m).toBeCloseTo(0.1 * means[c], 12);
    });
    // Nothing was learnt, so that only the statistics can have changed the loss. In the limit they are the batch's, and
    // evaluation is training on the whole set: up to the unbiased variance, 120/119 of the biased one.
    expect((await trainer.evaluate(data)).loss).not.toBe(fresh.loss);
    await trainer.run({ steps: 300 });
    expect((await trainer.evaluate(data)).loss).toBeCloseTo(trainer.history.loss[0], 2);
  });

  it("draws a new dropout mask each step, in training only", async () => {
    const options = { learningRate: 0, dtype: "float64" as const };
    const dropping = await trainerFor(mlp({ sizes: [64, 16, 10], dropout: 0.5 }), options);
    await dropping.run({ steps: 8 });
    expect(new Set(dropping.history.loss).size).toBe(8);
    const plain = await trainerFor(mlp({ sizes: [64, 16, 10] }), options);
    await plain.run({ steps: 8 });
    expect(new Set(plain.history.loss).size).toBe(1);
    expect(await dropping.evaluate(data)).toEqual(await plain.evaluate(data));
  });

  it("starts, orders and drops by the seed", async () => {
    const at = (seed: number) => trainerFor(mlp({ sizes: [64, 10] }), { seed, batchSize: 40 });
    const [a, b] = [await at(1), await at(2)];
    expect(distance(a.current, b.current)).toBeGreaterThan(0.01);
    expect(Array.from(a.batchOf(0))).not.toEqual(Array.from(b.batchOf(0)));

    const dropped = await Promise.all(
      [1, 2].map(async (seed) => {
        const model = mlp({ sizes: [64, 16, 10], dropout: 0.5 });
        const trainer = await trainerFor(model, { seed, learningRate: 0 });
        const other = await trainerFor(model, { seed: 0, learningRate: 0 });
        trainer.restore(other.current);
        await trainer.run({ steps: 1 });
        return trainer.history.loss[0];
      }),
    );
    expect(dropped[0]).not.toBe(dropped[1]);
  });

  it("takes each example of an epoch once, in an order that changes from epoch to epoch", async () => {
    const trainer = await trainerFor(softmax, { batchSize: 40 });
    expect(trainer.stepsPerEpoch).toBe(3);
    const epoch = (e: number) => [0, 1, 2].flatMap((k) => Array.from(trainer.batchOf(3 * e + k)));
    const all = Array.from({ length: 120 }, (_, i) => i);
    expect(epoch(0).sort((i, j) => i - j)).toEqual(all);
    expect(epoch(7).sort((i, j) => i - j)).toEqual(all);
    expect(epoch(0)).not.toEqual(epoch(7));
    // Whatever was asked for in between, and whatever becomes of what was given.
    const first = epoch(0);
    trainer.batchOf(1).fill(0);
    expect(epoch(0)).toEqual(first);
  });

  it("leaves other examples out of each epoch whose last batch they do not fill: all are seen", async () => {
    const trainer = await trainerFor(softmax, { batchSize: 32 });
    expect(trainer.stepsPerEpoch).toBe(3);
    const seen = new Set<number>();
    for (let step = 0; step < 3 * 8; step++) for (const row of trainer.batchOf(step)) seen.add(row);
    expect(seen.size).toBe(120);
  });

  it("keeps the order of the data when the whole set is one batch", async () => {
    const trainer = await trainerFor(softmax);
    expect(Array.from(trainer.batchOf(5))).toEqual(Array.from({ length: 120 }, (_, i) => i));
  });

  it("trains a regression with a loss of its own, and then has no accuracy", async () => {
    const inputs = array([[0], [1], [2], [3]]);
    const labels = array([[1], [3], [5], [7]]);
    const trainer = await createTrainer({
      model: mlp({ sizes: [1, 1] }),
      data: { inputs, labels },
      loss: mseLoss,
      optimizer: sgd(),
      learningRate: 0.1,
    });
    await trainer.run({ steps: 500 });
    const [{ weight, bias }] = trainer.current.params.layers;
    expect(weight.data[0]).toBeCloseTo(2, 3);
    expect(bias?.data[0]).toBeCloseTo(1, 3);
    expect(Object.keys(await trainer.evaluate({ inputs, labels }))).toEqual(["loss"]);
  });

  it("keeps a state that the model does not change", async () => {
    const model: Model<{ w: NdArray }, { scale: NdArray }> = {
      init: () => ({ params: { w: array([[1, 2]]) }, state: { scale: array([3]) } }),
      apply: (_, x, { state }) => ({ output: relu(x), state }),
    };
    for (const runtime of ["javascript", "onnx"] as const) {
      const trainer = await createTrainer({
        model,
        data: { inputs: array([[1, 2]]), labels: array([[1, 2]]) },
        loss: mseLoss,
        optimizer: sgd(),
        learningRate: 1,
        runtime,
      });
      await trainer.run({ steps: 3 });
      expect(elements(trainer.current)).toEqual({ "params.w": [1, 2], "state.scale": [3] });
      await trainer.dispose();
    }
  });
});
