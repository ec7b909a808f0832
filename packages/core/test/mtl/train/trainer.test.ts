import { sampledRows } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { type NdArray, ndarray } from "../../../src/array.js";
import { add, mul, sub } from "../../../src/graph/ops/arithmetic.js";
import { mean, sum } from "../../../src/graph/ops/reduce.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { taskGradients } from "../../../src/mtl/gradients/task-gradients.js";
import type { MultiTaskMethod, TaskInput } from "../../../src/mtl/method.js";
import { dwa } from "../../../src/mtl/methods/dwa.js";
import { fairGrad } from "../../../src/mtl/methods/fair-grad.js";
import { famo } from "../../../src/mtl/methods/famo.js";
import { gradDrop } from "../../../src/mtl/methods/grad-drop.js";
import { gradVac } from "../../../src/mtl/methods/grad-vac.js";
import { linearScalarization } from "../../../src/mtl/methods/linear-scalarization.js";
import { modo } from "../../../src/mtl/methods/modo.js";
import { nashMtl } from "../../../src/mtl/methods/nash-mtl.js";
import { pcGrad } from "../../../src/mtl/methods/pc-grad.js";
import type { TaskLosses } from "../../../src/mtl/train/task-losses.js";
import { decodeMultiTaskCheckpoint, encodeMultiTaskCheckpoint } from "../../../src/mtl/train/train-state.js";
import { createMultiTaskTrainer, type MultiTaskTrainer } from "../../../src/mtl/train/trainer.js";
import { crossEntropy } from "../../../src/nn/losses/cross-entropy.js";
import { mlp } from "../../../src/nn/models/mlp.js";
import { sgd } from "../../../src/optim/sgd.js";
import { withGroups } from "../../../src/optim/with-groups.js";
import { resume } from "../../../src/train/checkpoint.js";
import { createTrainer } from "../../../src/train/trainer.js";
import { namedArrays } from "../../../src/tree.js";
import { someDigits } from "../../train/support.js";
import { flat, trunk } from "../gradients/networks.js";
import { data, everyMethod, losses, net, trainerFor } from "./training-support.js";

const numbers = (trainer: MultiTaskTrainer<never>): Record<string, number[]> =>
  Object.fromEntries(
    Object.entries(
      namedArrays({ ...trainer.current, method: {}, epochLosses: {}, memory: {}, step: {} }),
    ).map(([path, a]) => [path, Array.from(a.data as Float64Array, Number)]),
  );

const statesOf = (trainer: MultiTaskTrainer<never>) => numbers(trainer);

describe("training on several tasks", () => {
  it.each(sampledRows(everyMethod).map((method) => [method.name, method] as const))(
    "lowers the losses with %s, and records every step",
    async (_, method) => {
      const trainer = await trainerFor(method, { seed: 1 });
      const before = await trainer.evaluate(data);
      await trainer.run({ steps: 60 });
      const after = await trainer.evaluate(data);
      const mean = (l: Float64Array) => l.reduce((a, b) => a + b) / 3;
      expect(mean(after.losses)).toBeLessThan(mean(before.losses));
      const { history } = trainer;
      expect(history.losses.map((l) => l.length)).toEqual([60, 60, 60]);
      const measures = method.needs !== "losses";
      expect([history.cosines.length, history.norms.length]).toEqual(measures ? [3, 3] : [0, 0]);
      expect(history.norms.flat().every(Number.isFinite)).toBe(true);
      expect(history.seconds.every((s, i) => s > (history.seconds[i - 1] ?? 0))).toBe(true);
      await trainer.dispose();
    },
  );

  it("takes with one task the steps of createTrainer, bit for bit", async () => {
    const model = mlp({ sizes: [64, 8, 10] });
    const digits = someDigits(0, 60);
    const settings = { optimizer: sgd({ momentum: 0.9 }), learningRate: 0.1, batchSize: 16, seed: 3 };
    const one = await createTrainer({ ...settings, model, data: digits });
    const tasks = await createMultiTaskTrainer({
      ...settings,
      params: (rng, options) => model.init(rng, options).params,
      data: { ...digits },
      losses: (p, { inputs, labels }) => [crossEntropy(model.apply(p, inputs).output, labels)],
      method: linearScalarization(),
    });
    await one.run({ steps: 7 });
    await tasks.run({ steps: 7 });
    expect(tasks.history.losses).toEqual([one.history.loss]);
    expect(flat(tasks.current.params)).toEqual(flat(one.current.params));
    await Promise.all([one.dispose(), tasks.dispose()]);
  });

  it.each([linearScalarization(), nashMtl(), famo(), modo(), dwa()].map((m) => [m.name, m] as const))(
    "gives the same numbers with %s however the run is cut, and others with another seed",
    async (_, method) => {
      const [whole, cut, other] = [
        await trainerFor(method),
        await trainerFor(method),
        await trainerFor(method, { seed: 4 }),
      ];
      await whole.run({ steps: 11 });
      for (const steps of [1, 0, 7, 3]) await cut.run({ steps });
      await other.run({ steps: 11 });
      expect(statesOf(cut as never)).toEqual(statesOf(whole as never));
      expect(cut.history.losses).toEqual(whole.history.losses);
      expect(other.history.losses).not.toEqual(whole.history.losses);
    },
  );

  it("gives one trajectory whether gradients are kept or the weighted loss is differentiated anew", async () => {
    for (const method of [fairGrad(), pcGrad()]) {
      const [keep, recompute] = [
        await trainerFor(method, { strategy: "keep" }),
        await trainerFor(method, { strategy: "recompute" }),
      ];
      await keep.run({ steps: 20 });
      await recompute.run({ steps: 20 });
      const [a, b] = [statesOf(keep as never), statesOf(recompute as never)];
      for (const [path, values] of Object.entries(a)) {
        values.forEach((x, i) => {
          expect(b[path][i], path).toBeCloseTo(x, 10);
        });
      }
    }
  });

  it("records the gradients of a method of losses when asked to, along the same trajectory", async () => {
    const [plain, recording] = [
      await trainerFor(linearScalarization()),
      await trainerFor(linearScalarization(), { recordGradients: true }),
    ];
    await plain.run({ steps: 5 });
    await recording.run({ steps: 5 });
    const { norms, meanCosines, cosines, conflicts } = plain.history;
    expect([norms, meanCosines, cosines]).toEqual([[], [], []]);
    expect(conflicts).toEqual({ dominated: [], weak: [], many: [], released: [] });
    expect(recording.history.meanCosines[0].every((c) => Math.abs(c) <= 1)).toBe(true);
    expect([0, 1]).toContain(recording.history.conflicts.weak[0]);
    recording.history.losses.flat().forEach((loss, i) => {
      expect(loss).toBeCloseTo(plain.history.losses.flat()[i], 12);
    });
  });

  it("measures norms, cosines and ||d|| of the step's batch as a plain computation does", async () => {
    const trainer = await trainerFor(nashMtl({ clipNorm: 0 }), { batchSize: 20 });
    await trainer.run({ steps: 1 });
    const gradients = taskGradients({ losses, params: net.params, batch: data });
    // The dropout of step 0.
    const { gramian: G } = await gradients.measure(net.params, data, { seed: dropoutOfFirstStep });
    const { history } = trainer;
    expect(history.norms.map(([n]) => n)).toEqual(
      [0, 4, 8].map((i) => expect.closeTo(Math.sqrt(G.data[i]), 12)),
    );
    const cosine = G.data[5] / Math.sqrt(G.data[4] * G.data[8]);
    expect(history.cosines[2][0]).toBeCloseTo(cosine, 12);
    // Nash-MTL's own property: ||J' alpha||^2 = K.
    expect(history.directionNorms[0]).toBeCloseTo(Math.sqrt(3), 9);
  });

  it("treats blocks of parameters on their own where the method does", async () => {
    const trainer = await trainerFor(gradVac({ blocks: [18, 6, 30, 5] }));
    await trainer.run({ steps: 5 });
    expect((trainer.current.method as { rho: Float64Array }).rho.length).toBe(4 * 9);
    await expect((await trainerFor(gradVac({ blocks: [18, 6] }))).run({ steps: 1 })).rejects.toThrow(
      "blocks",
    );
  });

  it("compares gradients in a representation on request", async () => {
    const representation = ({ shared }: never, { x }: never) => trunk(shared, x);
    const options = { losses: net.losses, representation: representation as never };
    const [inside, plain] = [
      await trainerFor(pcGrad(), options),
      await trainerFor(pcGrad(), { losses: net.losses }),
    ];
    await inside.run({ steps: 30 });
    await plain.run({ steps: 30 });
    expect(inside.history.norms[0][0]).not.toBeCloseTo(plain.history.norms[0][0], 3);
    expect(inside.history.losses[0][29]).toBeLessThan(inside.history.losses[0][0]);
    await expect(trainerFor(modo(), options)).rejects.toThrow("modo takes 3 batches a step");
  });
});

const dropoutOfFirstStep = await (async () => {
  const { hash32 } = await import("../../../src/math/rng.js");
  return BigInt(hash32(3) % 2 ** 30);
})();

describe("what a method is told", () => {
  /** Weights 1, and a diary. */
  const spy = (needs: MultiTaskMethod["needs"] = "losses", more: Partial<MultiTaskMethod> = {}) => {
    const inputs: TaskInput[] = [];
    const after: Float64Array[] = [];
    const epochs: Float64Array[] = [];
    const method: MultiTaskMethod = {
      name: "spy",
      needs,
      headGradient: "unweighted",
      init: () => 0,
      combine: (input, state) => {
        inputs.push(input);
        return { weights: Float64Array.of(1, 2, 3), state: (state as number) + 1 };
      },
      afterStep: (l, _, state) => {
        after.push(l);
        return state;
      },
      endEpoch: (l, state) => {
        epochs.push(l);
        return state;
      },
      ...more,
    };
    return { method, inputs, after, epochs };
  };

  it("are the losses after the step on the same batch with the same dropout", async () => {
    const { method, inputs, after } = spy();
    const trainer = await trainerFor(method, { learningRate: 0, batchSize: 5 });
    await trainer.run({ steps: 4 });
    after.forEach((l, t) => {
      expect([...l]).toEqual(Array.from(inputs[t].losses, (x) => expect.closeTo(x, 14)));
    });
    expect(inputs.map(({ step }) => step)).toEqual([0, 1, 2, 3]);
  });

  it("are the mean losses of each epoch, also across a restore", async () => {
    const { method, epochs, inputs } = spy();
    const trainer = await trainerFor(method);
    expect(trainer.stepsPerEpoch).toBe(4);
    await trainer.run({ steps: 6 });
    trainer.restore(trainer.current);
    await trainer.run({ steps: 2 });
    expect(epochs.length).toBe(2);
    const mean = [4, 5, 6, 7].reduce((sum, t) => sum + inputs[t].losses[1] / 4, 0);
    expect(epochs[1][1]).toBeCloseTo(mean, 14);
    expect(inputs.map(({ epoch }) => epoch)).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
    expect(trainer.current.method).toBe(8);
  });

  it("are gradients of three independent batches where it asks for them", async () => {
    const { method, inputs } = spy("jacobian", { samplesPerStep: 3 });
    await (await trainerFor(method)).run({ steps: 8 });
    const firsts = inputs.map(({ samples }) => samples?.map(({ data: j }) => j[5]));
    expect(firsts.every((f) => f?.length === 3 && new Set(f).size === 3)).toBe(true);
    expect(inputs[0].samples?.[0]).toEqual(inputs[0].jacobian);
  });

  it("are random numbers of the step's own, the same for the same seed", async () => {
    const draws = async (seed: number) => {
      const { method, inputs } = spy();
      await (await trainerFor(method, { seed })).run({ steps: 3 });
      return inputs.map(({ rng }) => rng.next());
    };
    const first = await draws(1);
    expect(await draws(1)).toEqual(first);
    expect(new Set([...first, ...(await draws(2))]).size).toBe(6);
  });

  it.each([
    ["the method's unweighted", undefined, undefined, [1, 1, 1]],
    ["a user's weighted", "weighted", undefined, [1, 2, 3]],
    ["the method's own weights of heads", undefined, [4, 5, 6], [4, 5, 6]],
    ["a user's unweighted, whatever the method's", "unweighted", [4, 5, 6], [1, 1, 1]],
  ] as const)("decides the heads' gradients: %s", async (_, headGradient, own, want) => {
    const { method } = spy("gramian", {
      combine: (__, state) => ({
        weights: Float64Array.of(1, 2, 3),
        ...(own ? { headWeights: Float64Array.from(own) } : {}),
        state,
      }),
    });
    for (const strategy of ["keep", "recompute"] as const) {
      const step = async (options: object) => {
        const trainer = await trainerFor(method, { optimizer: sgd(), learningRate: 1, strategy, ...options });
        await trainer.run({ steps: 1 });
        return net.tasks.map(
          (name) =>
            Number(net.params.heads[name].weight.data[1]) -
            Number(trainer.current.params.heads[name].weight.data[1]),
        );
      };
      const unit = await step({ headGradient: "unweighted" });
      const got = await step(headGradient ? { headGradient } : {});
      expect(got).toEqual(unit.map((g, k) => expect.closeTo(want[k] * g, 12)));
    }
  });

  it.each([linearScalarization(), pcGrad(), gradDrop()].map((m) => [m.name, m] as const))(
    "clips the gradient of the parameters that are not frozen: %s",
    async (_, method) => {
      const optimizer = withGroups(sgd(), [{ match: ["shared.0.*", "heads.task0.weight"], frozen: true }]);
      const trainer = await trainerFor(method, { optimizer, learningRate: 1, clipNorm: 1e-3 });
      await trainer.run({ steps: 1 });
      const [from, to] = [net.params, trainer.current.params].map((params) => namedArrays({ params }));
      const moved = (path: string) => {
        const [before, after] = [from, to].map((arrays) => flat(arrays[`params.${path}`]));
        return after.map((x, i) => x - before[i]);
      };
      expect(Math.hypot(...moved("shared.0.weight"), ...moved("heads.task0.weight"))).toBe(0);
      const length = Math.hypot(...moved("shared.1.weight"), ...moved("shared.1.bias"));
      expect(length).toBeCloseTo(1e-3 / (1 + 1e-6 / trainer.history.directionNorms[0]), 12);
    },
  );

  it("decides how the shared gradient is clipped, unless a user does", async () => {
    const norms = async (clip: number | undefined, clipNorm?: number) => {
      const { method } = spy("gramian", clip === undefined ? {} : { clipNorm: clip });
      const trainer = await trainerFor(method, {
        optimizer: sgd(),
        learningRate: 1,
        ...(clipNorm === undefined ? {} : { clipNorm }),
      });
      await trainer.run({ steps: 1 });
      const [before, after] = [net.params.shared, trainer.current.params.shared].map((layers) =>
        layers.flatMap(({ weight, bias }) => [...weight.data, ...(bias?.data ?? [])].map(Number)),
      );
      const moved = Math.hypot(...before.map((x, i) => x - after[i]));
      return [moved, trainer.history.directionNorms[0]];
    };
    const [free, norm] = await norms(undefined);
    expect(free).toBeCloseTo(norm, 12);
    expect((await norms(0.1))[0]).toBeCloseTo(0.1 / (1 + 1e-6 / norm), 12);
    expect((await norms(0.1, 0.2))[0]).toBeCloseTo(0.2 / (1 + 1e-6 / norm), 12);
    expect((await norms(0.1, 0))[0]).toBeCloseTo(norm, 12);
  });
});

describe("misuse and failure", () => {
  it("of a loss that is not finite names the task, and leaves the state", async () => {
    const broken = { ...data, task1: { ...data.task1, data: new Float64Array(40).fill(Number.NaN) } };
    for (const method of [linearScalarization(), pcGrad()]) {
      const trainer = await trainerFor(method, { data: broken });
      await expect(trainer.run({ steps: 1 })).rejects.toThrow(
        'The loss of task "task1" became NaN at step 0, with learning rate',
      );
      expect(trainer.current.step).toBe(0);
      expect(trainer.history.seconds.length).toBe(0);
    }
  });

  it("of recorded gradients that are too large leaves the state", async () => {
    const trainer = await createMultiTaskTrainer({
      losses: ({ w }) => [mul(1e200, sum(w))],
      params: { w: ndarray(Float64Array.of(1, 2), [2]) },
      method: linearScalarization({ weights: [1e-200] }),
      optimizer: sgd(),
      learningRate: 0.1,
      recordGradients: true,
    });
    const { current } = trainer;
    await expect(trainer.run({ steps: 1 })).rejects.toThrow("is Infinity, not a finite number");
    expect(trainer.current).toBe(current);
    expect(trainer.history.losses).toEqual([[]]);
  });

  it("of options says what they may be", async () => {
    const make = (options: object) => trainerFor(linearScalarization(), options);
    await expect(make({ strategy: "both" })).rejects.toThrow(
      'strategy must be one of auto, keep, recompute; got "both"',
    );
    await expect(make({ clipNorm: -1 })).rejects.toThrow(
      "clipNorm must be a number >= 0, 0 for no limit; got -1",
    );
    await expect(make({ optimizer: sgd })).rejects.toThrow(
      "optimizer must be one such as sgd() or adam(); got function. Call it.",
    );
    await expect(trainerFor(pcGrad as never)).rejects.toThrow(
      "method must be one such as fairGrad(); got function. Call it.",
    );
    await expect(make({ learningRate: -1 })).rejects.toThrow("learning rate must be a finite number >= 0");
    await expect(make({ tasks: ["task0", "task1", "task1"] })).rejects.toThrow(
      "names of tasks must differ; got",
    );
    const weighted = await trainerFor(gradDrop(), { headGradient: "weighted" });
    await expect(weighted.run({ steps: 1 })).rejects.toThrow(
      'headGradient: "weighted" needs a method that gives weights of the tasks; graddrop gives a direction only',
    );
    await expect(make({ seed: 1.5, batchSize: undefined })).rejects.toThrow(
      "seed must be an integer; got 1.5",
    );
    await expect(make({ batchSize: 21 })).rejects.toThrow("batchSize must be an integer in 1..20");
    await expect(
      make({ data: { ...data, x: { shape: [3, 3], data: new Float64Array(9) } } }),
    ).rejects.toThrow('must have equally many examples, at least one; "x" has 3 and "task0" 20');
  });

  it("of two runs at a time is refused", async () => {
    const trainer = await trainerFor(linearScalarization());
    const first = trainer.run({ steps: 2 });
    await expect(trainer.run({ steps: 1 })).rejects.toThrow("this trainer is running");
    expect(() => trainer.restore(trainer.current)).toThrow("this trainer is running");
    await expect(trainer.evaluate(data)).rejects.toThrow("evaluate: this trainer is running");
    await first;
    expect(trainer.current.step).toBe(2);
  });
});

describe("a model with a state", () => {
  type P = { readonly shared: { readonly w: NdArray } };
  const shared = { w: ndarray(Float64Array.of(2), [1]) };
  const state = { mean: ndarray(Float64Array.of(0), [1]), untouched: ndarray(Float64Array.of(5), [1]) };
  // Two losses of w and the running mean of x, which only training changes.
  const running: TaskLosses<P> = ({ shared: { w } }, { x }, { training, state: given, keepState }) => {
    const { mean: past, untouched } = given as { mean: Tensor; untouched: Tensor };
    const own = training ? mean(x, { axes: 0, keepDims: true }) : past;
    if (training) keepState?.({ mean: add(mul(0.9, past), mul(0.1, own)), untouched });
    return [mean(mul(w, sub(x, own))), mean(mul(mul(w, w), past))];
  };
  const x = ndarray(Float64Array.of(1, 2, 6), [3]);

  it.each([linearScalarization(), fairGrad(), pcGrad()].map((m) => [m.name, m] as const))(
    "carries it from step to step with %s, evaluates with it, and saves it",
    async (_, method) => {
      const make = () =>
        createMultiTaskTrainer<P>({
          losses: running,
          params: { shared },
          state,
          data: { x },
          method,
          optimizer: sgd(),
          learningRate: 0.01,
        });
      const trainer = await make();
      await trainer.run({ steps: 2 });
      const now = trainer.current.state as typeof state;
      expect(now.mean.data[0]).toBeCloseTo(0.3 + 0.9 * 0.3, 14);
      expect(now.untouched.data[0]).toBe(5);
      const { losses: found } = await trainer.evaluate({ x });
      expect(found[0]).toBeCloseTo(Number(trainer.current.params.shared.w.data[0]) * (3 - 0.57), 13);
      const second = await make();
      resume(second, decodeMultiTaskCheckpoint(encodeMultiTaskCheckpoint(trainer)));
      await second.run({ steps: 1 });
      await trainer.run({ steps: 1 });
      expect(second.current).toEqual(trainer.current);
    },
  );
});
