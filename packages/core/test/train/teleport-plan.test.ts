// What a plan promises beyond the teleport itself: races, held-out data, clocks, failing steps.
import { randomCases } from "isoloss-test-support/random-cases";
import { describe, expect, it, vi } from "vitest";
import { NumericalError, OptionError } from "../../src/errors.js";
import { relu } from "../../src/graph/ops/activation.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { initLinear, linear } from "../../src/nn/linear.js";
import type { Model } from "../../src/nn/model.js";
import { type MlpParams, mlp } from "../../src/nn/models/mlp.js";
import { batchNorm, initBatchNorm } from "../../src/nn/norm.js";
import { adam } from "../../src/optim/adam.js";
import type { Optimizer } from "../../src/optim/optimizer.js";
import { gd, sgd } from "../../src/optim/sgd.js";
import { mlpRegression } from "../../src/problems/mlp-regression.js";
import { positiveScaling } from "../../src/symmetry/positive-scaling.js";
import { decrease } from "../../src/teleport/objective/decrease.js";
import { gradNormSq, minimized } from "../../src/teleport/objective/objective.js";
import type { RaceOptions } from "../../src/teleport/race.js";
import { gradientAscent } from "../../src/teleport/search/gradient-ascent.js";
import { ownMove } from "../../src/teleport/search/jump.js";
import { createTeleporter } from "../../src/teleport/teleporter.js";
import { atSteps, every, inEpochs, onPredictedGain, type When } from "../../src/teleport/when.js";
import { createFeed } from "../../src/train/feed.js";
import { minimize } from "../../src/train/minimize/minimize.js";
import { teleportBatches } from "../../src/train/teleport-batches.js";
import { createTrainer } from "../../src/train/trainer.js";
import type { TrainerTeleportPlan } from "../../src/train/trainer-options.js";
import { batchOf, productLoss, toy, toyScaling } from "../teleport/toy.js";
import { someDigits } from "./support.js";

const data = someDigits(0, 120);
const leaky = (p: MlpParams) => positiveScaling(p, { activation: "leakyRelu" });

function trainerFor<P, S>(
  model: Model<P, S>,
  teleport: TrainerTeleportPlan<P>,
  learningRate: number | ((step: number) => number) = 0.05,
) {
  return createTrainer({
    model,
    data,
    optimizer: sgd(),
    learningRate,
    batchSize: 20,
    dtype: "float64",
    runtime: "javascript",
    teleport,
  });
}

describe("a race", () => {
  it("is won by what several starts lead to, or nothing is moved", async () => {
    for (let seed = 0; seed < randomCases(40); seed++) {
      const params = toy(0.2 + (seed % 7) * 0.4, 0.3 + (seed % 5) * 0.3);
      const batch = batchOf(1, 1 + (seed % 3));
      const guard = { race: { learningRate: 0.05 }, curvature: 0 };
      const search = gradientAscent(toyScaling(), { starts: 4, seed, bound: 3 });
      const teleporter = await createTeleporter({ search, loss: productLoss, params, batch, guard });
      const { params: moved, report } = await teleporter.teleport(params, batch);
      const raced = async (start: typeof params) => {
        const run = await minimize(
          { loss: productLoss, start, batch },
          { optimizer: gd(), learningRate: 0.05, steps: 10 },
        );
        return run.loss[10] ?? Infinity;
      };
      if (report.accepted)
        expect(await raced(moved)).toBeLessThanOrEqual((await raced(params)) * (1 + 1e-12));
      await teleporter.dispose();
    }
  });

  it("takes the run's optimizer where its own is undefined", async () => {
    /** How often the run's optimizer is traced: for its steps, and for each program that races. */
    const tracesWith = async (race: RaceOptions | undefined) => {
      const update = vi.fn(adam().update);
      await minimize(mlpRegression(), {
        optimizer: { ...adam(), update: update as Optimizer["update"] },
        learningRate: 1e-4,
        steps: 2,
        teleport: { when: atSteps([1]), symmetry: leaky, guard: { race, curvature: 0 } },
      });
      return update.mock.calls.length;
    };
    const own = await tracesWith({});
    const alone = await tracesWith(undefined);
    expect(own).toBeGreaterThan(alone);
    expect(await tracesWith({ optimizer: undefined })).toBe(own);
    expect(await tracesWith({ optimizer: gd() })).toBe(alone);
  });

  it("takes the run's optimizer with its state and rate, or another one afresh", async () => {
    const problem = mlpRegression();
    for (const race of [{}, { learningRate: 1e-4 }, { optimizer: adam() }, { optimizer: gd(), steps: 3 }]) {
      for (const objective of [undefined, decrease()]) {
        const run = await minimize(problem, {
          optimizer: adam(),
          learningRate: 1e-4,
          steps: 8,
          teleport: {
            when: atSteps([4]),
            symmetry: leaky,
            guard: { race, curvature: 0 },
            ...(objective ? { objective } : {}),
          },
        });
        expect(run.teleports).toHaveLength(1);
      }
    }
  });
});

describe("held-out data", () => {
  it("share no example with the teleport's batch, nor does one come twice", async () => {
    const feed = await createFeed(data, { batchSize: 20, seed: 0, dtype: "float32" });
    const first = (a: { data: ArrayLike<number | bigint>; shape: readonly number[] }) =>
      Array.from({ length: a.shape[0] }, (_, i) => {
        const width = a.data.length / a.shape[0];
        return Array.from({ length: width }, (_, k) => Number(a.data[i * width + k])).join();
      });
    for (const [count, step] of [
      [20, 0],
      [20, 5],
      [40, 4],
      [60, 5],
      [80, 3],
    ]) {
      const examples = await feed.next(step, 2 * count);
      const { batch, heldOut } = teleportBatches(examples, { count, state: {}, seed: 0n });
      const rows = [...first(batch.x), ...(heldOut ? first(heldOut.x) : [])];
      expect(new Set(rows).size).toBe(rows.length);
      expect(batch.x.shape[0]).toBe(count);
      expect(heldOut === undefined).toBe(2 * count > 120);
    }
  });

  it("see the model in evaluation, so that moves which running statistics would have to follow are refused", async () => {
    type P = {
      first: ReturnType<typeof initLinear>;
      norm: { weight: never; bias: never };
      last: ReturnType<typeof initLinear>;
    };
    const model: Model<P, { norm: unknown }> = {
      init(rng, options) {
        const first = initLinear(rng, 64, 12, options);
        const { params: norm, state } = initBatchNorm(12, options) as {
          params: P["norm"];
          state: unknown;
        };
        return { params: { first, norm, last: initLinear(rng, 12, 10, options) }, state: { norm: state } };
      },
      apply(p, x, { state, training }) {
        const out = batchNorm(linear(x, p.first), p.norm, state.norm as never, {
          training,
        }) as { output: Tensor; state: unknown };
        return { output: linear(relu(out.output), p.last), state: { norm: out.state } };
      },
    };
    const reversed = ownMove<P>("reversed units", ({ first, norm, last }) => {
      const rows = (a: { shape: readonly number[]; data: Float64Array }) => {
        const width = a.data.length / a.shape[0];
        const parts = Array.from({ length: a.shape[0] }, (_, i) => a.data.slice(i * width, (i + 1) * width));
        return { shape: a.shape, data: Float64Array.from(parts.reverse().flatMap((part) => [...part])) };
      };
      const columns = (a: { shape: readonly number[]; data: Float64Array }) => ({
        shape: a.shape,
        data: Float64Array.from(a.data, (_, k) => {
          const n = a.shape[1];
          return a.data[k - (k % n) + n - 1 - (k % n)];
        }),
      });
      const all = <T>(tree: T) =>
        Object.fromEntries(Object.entries(tree as object).map(([k, v]) => [k, rows(v)])) as T;
      return {
        first: all(first),
        norm: all(norm),
        last: { ...last, weight: columns(last.weight as never) },
      } as P;
    });
    const search: typeof reversed = async (problem) => ({ ...(await reversed(problem)), goal: "own" });
    const checked = await trainerFor(model, { when: atSteps([30]), search });
    await checked.run({ steps: 31 });
    const [event] = checked.history.teleports;
    expect(event.accepted).toBe(false);
    expect(event.reason).toMatch(/held-out data drifts/);
    await checked.dispose();
  });
});

describe("a run's clock", () => {
  it("counts looks that lead to nothing", async () => {
    const problem = mlpRegression();
    const begin = performance.now();
    const run = await minimize(problem, {
      optimizer: gd(),
      learningRate: 1e-5,
      steps: 300,
      teleport: { when: onPredictedGain(1e9, { every: 1 }), symmetry: leaky, guard: { curvature: 0 } },
    });
    const wall = (performance.now() - begin) / 1000;
    expect(run.teleports).toEqual([]);
    const bare = await minimize(problem, { optimizer: gd(), learningRate: 1e-5, steps: 300 });
    expect(run.seconds.at(-1)).toBeGreaterThan(bare.seconds.at(-1) ?? 0);
    expect(run.seconds.at(-1)).toBeLessThan(wall);
  });
});

describe("a schedule", () => {
  it("that names the step it is asked at is not asked there for ever", async () => {
    const stuck: When<null> = {
      name: "stuck",
      init: () => null,
      should: (_, state) => ({ teleport: false, state }),
      nextStep: ({ step }) => step,
    };
    const problem = mlpRegression();
    const teleport = { when: stuck, symmetry: leaky };
    const run = await minimize(problem, { optimizer: gd(), learningRate: 1e-5, steps: 20, teleport });
    expect(run.loss).toHaveLength(21);
  });

  it("counts each step on all data as an epoch", async () => {
    const teleport = { when: inEpochs([3]), symmetry: leaky };
    const run = await minimize(mlpRegression(), { optimizer: gd(), learningRate: 1e-5, steps: 6, teleport });
    expect(run.teleports.map(({ step }) => step)).toEqual([3]);
  });

  it("takes the gain of an objective that is negative by its size", async () => {
    const teleport = {
      when: onPredictedGain(0.01, { every: 2 }),
      symmetry: leaky,
      objective: minimized(gradNormSq),
      guard: { curvature: 0 },
    };
    const run = await minimize(mlpRegression(), { optimizer: gd(), learningRate: 1e-5, steps: 6, teleport });
    expect(run.teleports.length).toBeGreaterThan(0);
  });
});

describe("a trainer with teleports", () => {
  it.each([0, -3, 2.5, 1000, Number.NaN])("refuses teleports on %d examples", async (batchSize) => {
    const model = mlp({ sizes: [64, 8, 10] });
    const created = trainerFor(model, { when: every(3), symmetry: positiveScaling, batchSize });
    await expect(created).rejects.toThrow(OptionError);
  });

  it("is as before the teleport when the steps after it fail", async () => {
    const model = mlp({ sizes: [64, 8, 10] });
    const rate = (step: number) => (step < 5 ? 0.05 : 1e300);
    const trainer = await trainerFor(model, { when: atSteps([5]), symmetry: positiveScaling }, rate);
    await trainer.run({ steps: 5 });
    const { current } = trainer;
    await expect(trainer.run({ steps: 5 })).rejects.toThrow(NumericalError);
    expect(trainer.current).toBe(current);
    expect(trainer.history.teleports).toEqual([]);
    expect(trainer.history.loss).toHaveLength(5);
    await trainer.dispose();
  });

  it("reports where the Hessian is not finite, without the ratios", async () => {
    // L = (a b - 1)^1.5 has an infinite second derivative where a b = 1.
    const { params, batch } = { params: toy(1, 1), batch: batchOf(1, 1) };
    const teleporter = await createTeleporter({ symmetry: toyScaling(), loss: productLoss, params, batch });
    const { report } = await teleporter.teleport(params, batch);
    expect(report.reason.length).toBeGreaterThan(5);
    await teleporter.dispose();
  });
});
