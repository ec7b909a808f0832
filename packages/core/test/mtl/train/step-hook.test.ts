import { describe, expect, it } from "vitest";
import { isNdArray, type NdArray } from "../../../src/array.js";
import { conflictOf } from "../../../src/mtl/conflict.js";
import { taskGradients } from "../../../src/mtl/gradients/task-gradients.js";
import { taskUpdates } from "../../../src/mtl/gradients/task-updates.js";
import type { MultiTaskMethod } from "../../../src/mtl/method.js";
import { fairGrad } from "../../../src/mtl/methods/fair-grad.js";
import { famo } from "../../../src/mtl/methods/famo.js";
import { gradDrop } from "../../../src/mtl/methods/grad-drop.js";
import { linearScalarization } from "../../../src/mtl/methods/linear-scalarization.js";
import type { BeforeStep, StepContext } from "../../../src/mtl/train/trainer.js";
import { adam } from "../../../src/optim/adam.js";
import { flatten, unflatten } from "../../../src/tree.js";
import { flat, type NetParams } from "../gradients/networks.js";
import { data, net, trainerFor } from "./training-support.js";

const shifted = (params: NetParams, by: number): NetParams => {
  const { leaves, def } = flatten<NdArray>(params, isNdArray);
  const moved = leaves.map(({ shape, data: d }) => ({ shape, data: (d as Float64Array).map((x) => x + by) }));
  return unflatten(def, moved) as NetParams;
};

const plainLosses = { losses: net.losses };

describe("a hook before the step", () => {
  it("sees the step's batch with its losses, Gramian, conflict and combined direction", async () => {
    const seen: StepContext<NetParams>[] = [];
    const checks: Promise<void>[] = [];
    const method = fairGrad();
    const trainer = await trainerFor(method, {
      ...plainLosses,
      beforeStep: async (context) => {
        seen.push(context);
        const gradients = taskGradients({
          losses: net.losses,
          params: context.params,
          batch: context.batch,
          keep: true,
        });
        const found = await gradients.measure(context.params, context.batch);
        expect([...(await context.losses())]).toEqual(Array.from(found.losses, (x) => expect.closeTo(x, 13)));
        const G = await context.gramian();
        expect([...G.data]).toEqual(Array.from(found.gramian.data, (x) => expect.closeTo(x, 13)));
        expect(await context.conflict()).toEqual(conflictOf(G));
        const { weights } = method.combine(
          { losses: found.losses, gramian: G, step: 0, epoch: 0, rng: {} as never },
          null,
        );
        const optimizer = adam();
        const updates = taskUpdates({
          gradients,
          optimizer,
          optimizerState: optimizer.init(net.params),
          clipNorm: 1,
        });
        const want = await updates.direction("weighted", {
          params: context.params,
          batch: context.batch,
          seed: 0n,
          weights,
          headWeights: Float64Array.of(1, 1, 1),
        });
        expect([...(await context.direction())]).toEqual(Array.from(want, (x) => expect.closeTo(x, 12)));
        return undefined;
      },
    });
    await trainer.run({ steps: 5 });
    await Promise.all(checks);
    expect(seen.map(({ step, epoch, stepsPerEpoch }) => [step, epoch, stepsPerEpoch])).toEqual([
      [0, 0, 4],
      [1, 0, 4],
      [2, 0, 4],
      [3, 0, 4],
      [4, 1, 4],
    ]);
    expect(seen[0].batch.x.shape).toEqual([5, 3]);
    expect(seen[0].setup.tasks).toEqual(net.tasks);
    expect(seen[0].setup.sharedPaths).toEqual([
      "shared.0.weight",
      "shared.0.bias",
      "shared.1.weight",
      "shared.1.bias",
    ]);
    expect(seen[4].learningRate).toBe(0.01);
  });

  it.each([linearScalarization(), fairGrad(), gradDrop()].map((m) => [m.name, m] as const))(
    "that only looks leaves the run with %s as it is, bit for bit",
    async (_, method) => {
      const look: BeforeStep<NetParams> = async ({ conflict, direction, sample, losses }) => {
        await losses();
        await conflict();
        await direction();
        await sample(3);
        return { event: "looked" };
      };
      const [plain, watched] = [await trainerFor(method), await trainerFor(method, { beforeStep: look })];
      await plain.run({ steps: 6 });
      await watched.run({ steps: 6 });
      expect(flat(watched.current.params)).toEqual(flat(plain.current.params));
      expect(watched.history.losses).toEqual(plain.history.losses);
      expect(watched.history.events.map(({ step, event }) => [step, event])).toEqual(
        [0, 1, 2, 3, 4, 5].map((t) => [t, "looked"]),
      );
    },
  );

  it("that asks for the direction has the method combine once, and again for another rate alone", async () => {
    const combined: number[] = [];
    const method = fairGrad();
    const counted: typeof method = {
      ...method,
      combine(input, state) {
        combined.push(input.step);
        return method.combine(input, state);
      },
    };
    const trainer = await trainerFor(counted, {
      beforeStep: async ({ direction, step }) => {
        expect(await direction()).toEqual(await direction());
        return step === 1 ? { learningRate: 0.5 } : undefined;
      },
    });
    await trainer.run({ steps: 3 });
    expect(combined).toEqual([0, 1, 1, 2]);
  });

  it("that moves parameters has the step taken at the new point, on the same batch", async () => {
    for (const method of [linearScalarization(), fairGrad()]) {
      const moved = await trainerFor(method, {
        ...plainLosses,
        beforeStep: async ({ step, params }) => (step === 0 ? { params: shifted(params, 0.1) } : undefined),
      });
      const there = await trainerFor(method, { ...plainLosses, params: shifted(net.params, 0.1) });
      await moved.run({ steps: 3 });
      await there.run({ steps: 3 });
      expect(flat(moved.current.params)).toEqual(flat(there.current.params));
      expect(moved.history.losses).toEqual(there.history.losses);
    }
  });

  it("keeps a memory from call to call", async () => {
    const memories: unknown[] = [];
    const trainer = await trainerFor(linearScalarization(), {
      beforeStep: async ({ memory, step }) => {
        memories.push(memory);
        return step === 1 ? {} : { memory: { last: step } };
      },
    });
    await trainer.run({ steps: 4 });
    expect(memories).toEqual([undefined, { last: 0 }, { last: 0 }, { last: 2 }]);
    expect(trainer.current.memory).toEqual({ last: 3 });
  });

  it("changes the optimizer's moments for one step with `reuse`, and not the next one", async () => {
    // m after step t, from the moments before: sigma = 0 at step 2 makes m / (1 - 0.9^3) the gradient of that step.
    const gradients: number[][] = [];
    const moments: number[][] = [];
    const trainer = await trainerFor(fairGrad(), {
      ...plainLosses,
      beforeStep: async ({ step, optimizer, direction }) => {
        gradients.push([...(await direction())]);
        moments.push(flat((optimizer as { m: { shared: unknown } }).m.shared));
        return step === 2 ? { reuse: 0 } : undefined;
      },
    });
    await trainer.run({ steps: 5 });
    const blend = (kept: number, t: number) =>
      gradients[t].map((g, p) => expect.closeTo(kept * moments[t][p] + (1 - kept) * g, 12));
    expect(moments[2]).toEqual(blend(0.9, 1));
    expect(moments[3]).toEqual(gradients[2].map((g) => expect.closeTo((1 - 0.9 ** 3) * g, 12)));
    expect(moments[4]).toEqual(blend(0.9, 3));
  });

  it("sets the learning rate of a step, and sees those of the run", async () => {
    const rate = (step: number) => 0.1 / (step + 1);
    const seen: number[] = [];
    const hooked = await trainerFor(fairGrad(), {
      learningRate: rate,
      beforeStep: async ({ step, learningRate, learningRateAt }) => {
        seen.push(learningRate, learningRateAt(0));
        return step === 2 ? { learningRate: 0.1 } : undefined;
      },
    });
    const plain = await trainerFor(fairGrad(), { learningRate: (t) => (t === 2 ? 0.1 : rate(t)) });
    await hooked.run({ steps: 4 });
    await plain.run({ steps: 4 });
    expect(seen).toEqual([0, 1, 2, 3].flatMap((t) => [rate(t), 0.1]));
    expect(flat(hooked.current.params)).toEqual(flat(plain.current.params));
  });

  it("ends a step with `skip`: its batch changes nothing, and moved parameters and a new state stay", async () => {
    const moved = shifted(net.params, 0.1);
    const state = adam().init(net.params);
    for (const method of [famo(), fairGrad()]) {
      const trainer = await trainerFor(method, {
        ...plainLosses,
        beforeStep: async ({ step }) =>
          step === 3 ? { params: moved, optimizer: state, skip: true } : undefined,
      });
      await trainer.run({ steps: 3 });
      const before = trainer.current;
      const plain = await trainerFor(method, plainLosses);
      await trainer.run({ steps: 1 });
      await plain.run({ steps: 4 });
      expect(trainer.current).toMatchObject({ step: 4, optimizer: state, method: before.method });
      expect(flat(trainer.current.params)).toEqual(flat(moved));
      // Its losses are those before the move, and count to the mean of the epoch, which ends with it.
      expect(trainer.history.losses).toEqual(plain.history.losses);
      expect(trainer.history.directionNorms[3]).toBe(0);
      expect(trainer.history.weights.map((w) => w[3])).toEqual(net.tasks.map(() => Number.NaN));
      await trainer.run({ steps: 1 });
      expect(flat(trainer.current.params)).not.toEqual(flat(moved));
    }
  });

  it("asks a method nothing at a step with `skip`, and measures its gradients all the same", async () => {
    const plain = fairGrad();
    const combined: number[] = [];
    const method: MultiTaskMethod = {
      ...plain,
      samplesPerStep: 2,
      combine(input, state) {
        combined.push(input.step);
        return { ...plain.combine(input, state as never), note: "fell back" };
      },
    };
    const beforeStep: BeforeStep<NetParams> = async ({ step }) => ({ skip: step === 1 });
    const trainer = await trainerFor(method, { ...plainLosses, beforeStep });
    await trainer.run({ steps: 3 });
    expect(combined).toEqual([0, 2]);
    const { history } = trainer;
    expect(history.notes.map(({ step }) => step)).toEqual([0, 2]);
    expect(history.norms.flat().every(Number.isFinite)).toBe(true);
    await trainer.dispose();
  });

  it("draws examples of its own: the same for a label, others for another one or at another step", async () => {
    const draws: number[][] = [];
    const trainer = await trainerFor(linearScalarization(), {
      beforeStep: async ({ sample }) => {
        for (const label of ["a", "a", "b"]) {
          draws.push(Array.from((await sample(4, label)).x.data, Number));
        }
        expect((await sample(100)).x.shape).toEqual([20, 3]);
        return undefined;
      },
    });
    await trainer.run({ steps: 2 });
    expect(draws[1]).toEqual(draws[0]);
    expect(new Set(draws.map(String)).size).toBe(4);
    const rows = Array.from({ length: 20 }, (_, i) =>
      String([...(data.x.data as Float64Array).slice(3 * i, 3 * i + 3)]),
    );
    expect(rows).toContain(String(draws[0].slice(0, 3)));
  });

  it.each([
    ["lack an array", {}, /^run: input "(params\.[\w.]+)" \(.*\) is missing; got (?!.*\1).*seed\.$/],
    ["have a number for one", { ...net.params, more: 3 }, 'at "params.more" found number 3. Write array(3).'],
  ])("learns what is wrong with parameters that %s", async (_, params, message) => {
    const trainer = await trainerFor(linearScalarization(), {
      beforeStep: async () => ({ params: params as NetParams }),
    });
    await expect(trainer.run({ steps: 1 })).rejects.toThrow(message);
    await trainer.dispose();
  });

  it("that fails ends the run and leaves the state", async () => {
    const trainer = await trainerFor(fairGrad(), {
      beforeStep: async ({ step }) => {
        if (step === 2) throw new Error("no more");
        return undefined;
      },
    });
    await expect(trainer.run({ steps: 5 })).rejects.toThrow("no more");
    expect(trainer.current.step).toBe(2);
    expect(trainer.history.seconds.length).toBe(2);
  });
});
