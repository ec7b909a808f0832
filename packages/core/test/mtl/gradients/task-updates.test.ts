import { describe, expect, it } from "vitest";
import type { NdArray } from "../../../src/array.js";
import type { BatchTensors } from "../../../src/batch.js";
import { grad } from "../../../src/graph/autodiff.js";
import { add, mul } from "../../../src/graph/ops/arithmetic.js";
import { concat, slice } from "../../../src/graph/ops/slice.js";
import type { TensorsOf } from "../../../src/graph/trace.js";
import { taskGradients } from "../../../src/mtl/gradients/task-gradients.js";
import { taskUpdates, type UpdateInput } from "../../../src/mtl/gradients/task-updates.js";
import { adagrad } from "../../../src/optim/adagrad.js";
import { adam } from "../../../src/optim/adam.js";
import type { Optimizer } from "../../../src/optim/optimizer.js";
import { sgd } from "../../../src/optim/sgd.js";
import { jit } from "../../../src/runtime/jit.js";
import { flat, type NetParams, randomNet, trunk } from "./networks.js";

const weights = Float64Array.of(0.5, -0.25, 2);
const headWeights = Float64Array.of(1, 3, 0);
const size = 44;

async function setting(
  options: {
    readonly optimizer?: Optimizer;
    readonly clipNorm?: number;
    readonly dtype?: "float32" | "float64";
    readonly representation?: "one tensor" | "two tensors" | undefined;
  } = {},
) {
  const { optimizer = sgd(), clipNorm, dtype = "float64" } = options;
  const { params, batch, losses: ofOne } = randomNet({ dtype });
  const representations = {
    "one tensor": ({ shared }: never, { x }: never) => trunk(shared, x),
    "two tensors": ({ shared }: never, { x }: never) => {
      const z = trunk(shared, x);
      return [slice(z, { starts: [0, 0], ends: [2, 4] }), slice(z, { starts: [2, 0], ends: [6, 4] })];
    },
  };
  const losses: typeof ofOne = (p, b, context) => {
    const { representations: parts } = context;
    return ofOne(p, b, parts ? { ...context, representation: concat(parts) } : context);
  };
  const gradients = taskGradients({
    losses,
    params,
    batch,
    keep: true,
    ...(options.representation ? { representation: representations[options.representation] as never } : {}),
  });
  const optimizerState = optimizer.init(params);
  const updates = taskUpdates({
    gradients,
    optimizer,
    optimizerState,
    ...(clipNorm === undefined ? {} : { clipNorm }),
  });
  const measured = await gradients.measure(params, batch);
  const input: UpdateInput<NetParams> = { params, batch, seed: 0n, weights, headWeights, ...measured };
  return { params, batch, losses, gradients, updates, optimizerState, measured, input };
}

/** J' w by a plain loop. */
const combined = ({ shape: [K, P], data }: NdArray, w: Float64Array): number[] =>
  Array.from({ length: P }, (_, p) => {
    let sum = 0;
    for (let k = 0; k < K; k++) sum += w[k] * Number(data[k * P + p]);
    return sum;
  });

const expectClose = (got: readonly number[], want: readonly number[], tolerance = 1e-13) => {
  expect(got.length).toBe(want.length);
  const largest = Math.max(...want.map(Math.abs));
  expect(Math.max(...want.map((x, i) => Math.abs(x - got[i]))) / largest).toBeLessThan(tolerance);
};

/** What a step of size 1 of plain descent subtracted. */
const stepped = (before: NetParams, after: NetParams): number[] => {
  const next = flat(after);
  return flat(before).map((x, i) => x - next[i]);
};

describe("the update from weights", () => {
  it.each(["weighted", "combined"] as const)(
    "%s steps along J' w, and along each head's own gradient times its weight",
    async (kind) => {
      const { params, updates, optimizerState, measured, input } = await setting();
      const memory = { optimizer: optimizerState, learningRate: 1 };
      const result = await updates.apply(kind, input, memory);
      const step = stepped(params, result.params);
      const want = combined(measured.jacobian as NdArray, weights);
      expectClose(step.slice(0, size), want);
      expect(result.norm).toBeCloseTo(Math.hypot(...want), 12);
      const heads = (measured.heads ?? []).flatMap((g, i) =>
        Array.from(g.data as Float64Array, (x) => headWeights[Math.floor(i / 2)] * x),
      );
      expectClose(step.slice(size), heads);
      expectClose([...(await updates.direction(kind, input))], want);
    },
  );

  it("is the gradient of the weighted sum of losses", async () => {
    const { params, batch, losses, updates, optimizerState, input } = await setting();
    const total = (p: TensorsOf<NetParams>, b: BatchTensors) =>
      losses(p, b, { training: true, state: {} })
        .map((loss, k) => mul(weights[k], loss))
        .reduce((sum, loss) => add(sum, loss));
    const f = await jit((p, b) => grad(total)(p, b), [params, batch]);
    const want = await f(params, batch);
    const both = { ...input, headWeights: weights };
    const { params: after } = await updates.apply("weighted", both, {
      optimizer: optimizerState,
      learningRate: 1,
    });
    expectClose(stepped(params, after), flat(want));
  });

  it("gives the same in float32 to rounding", async () => {
    const { updates, input, measured } = await setting({ dtype: "float32" });
    const want = combined(measured.jacobian as NdArray, weights);
    expectClose([...(await updates.direction("weighted", input))], want, 1e-5);
    expectClose([...(await updates.direction("combined", input))], want, 1e-6);
  });
});

describe("the update from a direction", () => {
  it("takes it as the shared gradient, leaves in order", async () => {
    const { params, updates, optimizerState, input } = await setting();
    const direction = Float64Array.from({ length: size }, (_, i) => i - 20);
    const { params: after } = await updates.apply(
      "given",
      { ...input, direction },
      { optimizer: optimizerState, learningRate: 0.5 },
    );
    expectClose(
      stepped(params, after).slice(0, size),
      [...direction].map((d) => d / 2),
      1e-12,
    );
  });

  it.each(["one tensor", "two tensors"] as const)(
    "pulls one in %s of a representation back to the shared parameters",
    async (representation) => {
      const { params, updates, optimizerState, input, measured } = await setting({ representation });
      const plain = await setting();
      const direction = Float64Array.from(combined(measured.jacobian as NdArray, weights));
      const { params: after } = await updates.apply(
        "pulled",
        { ...input, direction },
        { optimizer: optimizerState, learningRate: 1 },
      );
      const want = combined(plain.measured.jacobian as NdArray, weights);
      expectClose(stepped(params, after).slice(0, size), want);
      // With weights there is nothing to pull back: the weighted loss is differentiated as ever.
      expectClose([...(await updates.direction("weighted", input))], want);
    },
  );
});

it("clips the shared gradient alone", async () => {
  const { params, updates, optimizerState, input, measured } = await setting({ clipNorm: 0.01 });
  const result = await updates.apply("weighted", input, { optimizer: optimizerState, learningRate: 1 });
  const d = combined(measured.jacobian as NdArray, weights);
  const norm = Math.hypot(...d);
  expect(result.norm).toBeCloseTo(norm, 12);
  const step = stepped(params, result.params);
  expectClose(
    step.slice(0, size),
    d.map((x) => (x * 0.01) / (norm + 1e-6)),
    1e-11,
  );
  expect(Math.hypot(...step.slice(size))).toBeGreaterThan(0.1);
});

describe("historical trajectory reuse", () => {
  /** A moment of the shared parameters after one step from a state of 0.1, -0.2, ..., and the gradient of that step. */
  async function momentAfter(optimizer: Optimizer, name: string, reuse?: number) {
    const { params, updates, optimizerState, input } = await setting({ optimizer });
    const filled = (tree: unknown, value: number): unknown =>
      JSON.parse(
        JSON.stringify(tree, (_, v) => (ArrayBuffer.isView(v) ? Array.from(v as never) : v)),
        (key, v) => (key === "data" ? Float64Array.from(v, () => value) : v),
      );
    // After a million steps Adam's correction of its start is over; reused-state.test.ts is about that.
    const step = "step" in optimizerState ? { step: filled(optimizerState.step, 1e6) } : {};
    const before = { ...optimizerState, ...step, [name]: filled(optimizerState[name], 0.1) };
    const memory = { optimizer: before, learningRate: 0.01, ...(reuse === undefined ? {} : { reuse }) };
    const { optimizer: after } = await updates.apply("weighted", input, memory);
    const g = [...(await updates.direction("weighted", input))];
    expect(flat(params).length).toBe(flat(after[name]).length);
    const all = flat(after[name]);
    return { shared: all.slice(0, size), heads: all.slice(size), g };
  }

  it("makes Adam's moments sigma b v + (1 - sigma b) g for one step, in the shared parameters alone", async () => {
    for (const sigma of [1, 0.5, 0, -0.3]) {
      const b = 0.9 * Math.max(0, sigma);
      const m = await momentAfter(adam(), "m", sigma);
      expectClose(
        m.shared,
        m.g.map((g) => b * 0.1 + (1 - b) * g),
      );
      const c = 0.999 * Math.max(0, sigma);
      const v = await momentAfter(adam(), "v", sigma);
      expectClose(
        v.shared,
        v.g.map((g) => c * 0.1 + (1 - c) * g * g),
      );
      expectClose(v.heads, (await momentAfter(adam(), "v")).heads);
    }
  });

  it("keeps the part sigma of a velocity or a sum of squares", async () => {
    const velocity = await momentAfter(sgd({ momentum: 0.5 }), "velocity", 0.25);
    expectClose(
      velocity.shared,
      velocity.g.map((g) => 0.5 * 0.25 * 0.1 + g),
    );
    const sum = await momentAfter(adagrad(), "sum", 0.25);
    expectClose(
      sum.shared,
      sum.g.map((g) => 0.25 * 0.1 + g * g),
    );
  });
});
