// Weights that are trained on what a virtual step does: the trainer's derivatives, and Auto-Lambda.
import { describe, expect, it } from "vitest";
import { isNdArray, type NdArray, ndarray } from "../../../src/array.js";
import { OptionError, ShapeError } from "../../../src/errors.js";
import { add, mul, sub } from "../../../src/graph/ops/arithmetic.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { conflictOf } from "../../../src/mtl/conflict.js";
import { taskGradients } from "../../../src/mtl/gradients/task-gradients.js";
import type { MultiTaskMethod } from "../../../src/mtl/method.js";
import { type AutoLambdaOptions, autoLambda } from "../../../src/mtl/methods/auto-lambda.js";
import { fairGrad } from "../../../src/mtl/methods/fair-grad.js";
import { forum } from "../../../src/mtl/methods/forum.js";
import { linearScalarization } from "../../../src/mtl/methods/linear-scalarization.js";
import type { TaskLosses } from "../../../src/mtl/train/task-losses.js";
import { createMultiTaskTrainer } from "../../../src/mtl/train/trainer.js";
import { sgd } from "../../../src/optim/sgd.js";
import { flatten, unflatten } from "../../../src/tree.js";
import { flat, type NetParams, randomNet } from "../gradients/networks.js";
import { expectNumbers, inputOf } from "../methods/stateful-support.js";

/** Parameters after a plain step along sum_k w_k grad L_k, heads included. */
function stepped(
  params: NetParams,
  { jacobian, heads = [] }: { readonly jacobian?: NdArray; readonly heads?: readonly NdArray[] },
  weights: readonly number[],
  rate: number,
): NetParams {
  const { leaves, paths, def } = flatten<NdArray>(params, isNdArray);
  const width = jacobian?.shape[1] as number;
  let [at, head] = [0, 0];
  const moved = leaves.map(({ shape, data }, leaf) => {
    const task = paths[leaf].startsWith("heads.") ? Math.floor(head / 2) : undefined;
    const own = task === undefined ? undefined : heads[head++];
    const start = at;
    if (own === undefined) at += data.length;
    const gradient = (p: number) =>
      own
        ? weights[task as number] * Number(own.data[p])
        : weights.reduce((g, w, k) => g + w * Number(jacobian?.data[k * width + start + p]), 0);
    return { shape, data: Float64Array.from(data as Float64Array, (x, p) => x - rate * gradient(p)) };
  });
  return unflatten(def, moved) as NetParams;
}

describe("the derivatives of losses after a virtual step", () => {
  it("are those of its weights, by difference quotients", async () => {
    const net = randomNet({ seed: 1 });
    const { params, losses, batch } = net;
    const other = randomNet({ seed: 2 }).batch;
    const gradients = taskGradients({ losses, params, batch, keep: true, groupLimit: 30 });
    const measured = await gradients.measure(params, batch);
    const [weights, rate, h] = [[0.3, 1.2, -0.5], 0.2, 1e-5];
    const after = async (w: readonly number[]) =>
      (await gradients.forward(stepped(params, measured, w, rate), other)).losses;
    const options = { weights: Float64Array.from(weights), learningRate: rate };
    const ahead = await gradients.ahead(params, { batch, other }, options);
    expect(ahead.shape).toEqual([3, 3]);
    for (const i of [0, 1, 2]) {
      const [up, down] = [
        await after(weights.map((w, k) => (k === i ? w + h : w))),
        await after(weights.map((w, k) => (k === i ? w - h : w))),
      ];
      expectNumbers(
        ahead.data.slice(3 * i, 3 * i + 3),
        Array.from(up, (x, j) => (x - down[j]) / (2 * h)),
        1e-9,
      );
    }
    await gradients.dispose();
  });
});

describe("losses after virtual steps", () => {
  it("are those of plain steps on one batch, until the loss is too large", async () => {
    const net = randomNet({ seed: 1 });
    const { params, losses, batch } = net;
    const gradients = taskGradients({ losses, params, batch, keep: true });
    const weights = [0.3, 1.2, -0.5];
    let at = params;
    for (let step = 0; step < 3; step++) {
      at = stepped(at, await gradients.measure(at, batch), weights, 0.2);
    }
    const options = { weights: Float64Array.from(weights), learningRate: 0.2 };
    const found = await gradients.descended(params, batch, { ...options, steps: 3 });
    expectNumbers(found, (await gradients.forward(at, batch)).losses, 1e-12);
    const wild = { weights: Float64Array.of(1, 1, 1), learningRate: 1e4, steps: 5 };
    expect([...(await gradients.descended(params, batch, wild))].every(Number.isFinite)).toBe(true);
    await gradients.dispose();
  });

  it("lead FORUM's step in all parameters, heads included", async () => {
    const net = randomNet({ seed: 1 });
    const { params, losses, batch, tasks } = net;
    const method = forum({ innerRate: 0.05, innerSteps: 2 });
    const directions: Float64Array[] = [];
    const gramians: NdArray<Float64Array>[] = [];
    const trainer = await createMultiTaskTrainer({
      losses,
      params,
      data: batch,
      method,
      optimizer: sgd(),
      learningRate: 1,
      async beforeStep(context) {
        directions.push(await context.direction());
        gramians.push(await context.gramian());
        expect(await context.conflict()).toEqual(conflictOf(gramians[0]));
        return {};
      },
    });
    await trainer.run({ steps: 1 });
    // Without batches each sample is all the data, so that both Jacobians are the same; each head's rows are zero for other tasks.
    const gradients = taskGradients({ losses, params, batch, tasks, spansHeads: true, keep: true });
    const { jacobian, losses: here } = await gradients.measure(params, batch);
    const all = jacobian as NdArray<Float64Array>;
    const descended = await gradients.descended(params, batch, {
      weights: Float64Array.of(1 / 3, 1 / 3, 1 / 3),
      learningRate: 0.05,
      steps: 2,
    });
    const input = { ...inputOf([...here], [[1], [1], [1]]), jacobian: all, samples: [all, all], descended };
    const { direction } = method.combine(input, method.init(3));
    const before = flat(params);
    expectNumbers(
      flat(trainer.current.params),
      before.map((x, i) => x - (direction?.[i] ?? NaN)),
      1e-10,
    );
    expect(trainer.history.tasks).toEqual(tasks);
    // A hook, such as COST, moves the shared parameters alone.
    const shared = await taskGradients({ losses, params, batch, keep: true }).measure(params, batch);
    const { heads } = shared;
    const ofHeads = (heads ?? []).reduce((size, { data }) => size + data.length, 0);
    expect(directions.map((d) => d.length)).toEqual([all.shape[1] - ofHeads]);
    expectNumbers(gramians[0].data, shared.gramian.data, 1e-12);
    await trainer.dispose();
    await gradients.dispose();
  });
});

describe("a hook of a method that spans the heads", () => {
  it.each([fairGrad(), linearScalarization()].map((m) => [m.name, m] as const))(
    "sees the Gramian in the shared parameters where %s keeps no rows for its step",
    async (_, method) => {
      const { params, losses, batch } = randomNet({ seed: 1 });
      const gramians: NdArray<Float64Array>[] = [];
      const trainer = await createMultiTaskTrainer({
        losses,
        params,
        data: batch,
        method: { ...method, spansHeads: true } as MultiTaskMethod,
        strategy: "recompute",
        optimizer: sgd(),
        learningRate: 1,
        async beforeStep({ gramian }) {
          gramians.push(await gramian());
          return undefined;
        },
      });
      await trainer.run({ steps: 1 });
      const shared = taskGradients({ losses, params, batch });
      expectNumbers(gramians[0].data, (await shared.measure(params, batch)).gramian.data, 1e-12);
      await trainer.dispose();
      await shared.dispose();
    },
  );
});

describe("Auto-Lambda", () => {
  const rows = [
    [1, 2],
    [3, -1],
    [0, 1],
  ];
  const ahead = ndarray(Float64Array.of(-2, 1, 0.5, 0.25, -1, 0.125, 3, 0, -4), [3, 3]);
  /** The squares that Adam has after a step: those of the derivatives in a. */
  const squares = (options: AutoLambdaOptions) => {
    const method = autoLambda(options);
    const { state, weights } = method.combine(inputOf([1, 2, 3], rows, { ahead }), method.init(3));
    return { squares: state.adam.v.map((v) => v / 0.001), a: state.a, weights };
  };

  it("takes a step of Adam along the sum over the primary tasks, by hand", () => {
    expectNumbers(squares({}).squares, [0.5 ** 2, 0.625 ** 2, 1], 1e-12);
    const { squares: one, a } = squares({ primary: [1], learningRate: 0.01 });
    expectNumbers(one, [1, 1, 0], 1e-12);
    expectNumbers(a, [0.09, 0.11, 0.1], 1e-8);
    // w_i (s_i - w . s) with equal weights and s = -0.5, -0.625, -1.
    const mean = (-0.5 - 0.625 - 1) / 3;
    const { squares: soft, weights } = squares({ weights: "softmax", learningRate: 0.01 });
    expectNumbers(
      soft,
      [-0.5, -0.625, -1].map((s) => ((s - mean) / 3) ** 2),
      1e-12,
    );
    expect(weights?.reduce((x, y) => x + y)).toBeCloseTo(1, 12);
  });

  it("says what it lacks", () => {
    const method = autoLambda({ primary: [2] });
    expect(() => method.init(2)).toThrow(OptionError);
    expect(() => method.init(2)).toThrow("primary tasks are numbered 0 to 1; got 2");
    const { ahead: _, ...rest } = inputOf([1, 2, 3], rows);
    expect(() => method.combine(rest, method.init(3))).toThrow(ShapeError);
    expect(() => method.combine(rest, method.init(3))).toThrow("needs ahead [3, 3]");
  });

  it("learns which task helps the primary one", async () => {
    type P = { readonly shared: { readonly x: NdArray } };
    /** The second task pulls away from the first one's minimum, the third one towards it. */
    const losses: TaskLosses<P> = ({ shared: { x } }) => {
      const [near, far] = [sub(x, 1), add(x, 1)];
      return [near, far, near].map((d) => sum(mul(d, d)));
    };
    const trainer = await createMultiTaskTrainer<P>({
      losses,
      params: { shared: { x: ndarray(Float64Array.of(0, 0.2), [2]) } },
      tasks: ["primary", "harmful", "helpful"],
      method: autoLambda({ primary: [0], learningRate: 0.02 }),
      optimizer: sgd(),
      learningRate: 0.05,
    });
    await trainer.run({ steps: 40 });
    const [primary, harmful, helpful] = trainer.history.weights.map((w) => w.at(-1) as number);
    expect(helpful).toBeCloseTo(primary, 12);
    expect(helpful).toBeGreaterThan(0.3);
    expect(harmful).toBeLessThan(0);
    await trainer.dispose();
  });
});
