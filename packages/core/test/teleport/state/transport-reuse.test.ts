import { describe, expect, it } from "vitest";
import { array, type NdArray } from "../../../src/array.js";
import type { BatchLoss } from "../../../src/batch.js";
import { add, mul } from "../../../src/graph/ops/arithmetic.js";
import { log } from "../../../src/graph/ops/elementary.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec } from "../../../src/graph/trace.js";
import { adagrad } from "../../../src/optim/adagrad.js";
import { adam } from "../../../src/optim/adam.js";
import type { Optimizer, OptimizerState } from "../../../src/optim/optimizer.js";
import { rmsprop } from "../../../src/optim/rmsprop.js";
import { sgd } from "../../../src/optim/sgd.js";
import { jit } from "../../../src/runtime/jit.js";
import { createTransport } from "../../../src/teleport/state/transport.js";
import { arrived, expectClose, numbers, vector } from "./transport-support.js";

interface Weights {
  readonly w: NdArray;
}

const g = [0.3, 0.1];
/** L = g . w, with the gradient g everywhere. */
const linearLoss: BatchLoss<{ readonly w: NdArray }> = ({ w }, { slope }) => sum(mul(w, slope));
const batch = { slope: vector(g) };
const origin: Weights = { w: vector([1, -1]) };

/** A move of length 2 whose cosine with -g is sigma. */
function moveOf(sigma: number): number[] {
  const length = Math.hypot(...g);
  const [along, across] = [g.map((x) => -x / length), [-g[1] / length, g[0] / length]];
  return along.map((x, i) => 2 * (sigma * x + Math.sqrt(1 - sigma * sigma) * across[i]));
}

const reuseOf = (optimizer: Optimizer, sign?: 1 | -1) =>
  createTransport({
    policy: "reuse",
    optimizer,
    loss: linearLoss,
    params: origin,
    batch,
    ...(sign === undefined ? {} : { sign }),
  });

/** Carries a state over a move, from the origin. */
async function reused(optimizer: Optimizer, state: OptimizerState, move: readonly number[], sign?: 1 | -1) {
  const transport = await reuseOf(optimizer, sign);
  const to = { w: vector(move.map((v, i) => v + [1, -1][i])) };
  const carried = await transport.transport({ from: origin, state, batch, moved: arrived(to) });
  await transport.dispose();
  return { ...carried, to };
}

/** One ordinary step of an optimizer with the gradient g. */
async function stepped(optimizer: Optimizer, state: OptimizerState, params: Weights = origin) {
  const update = (p: { w: Tensor }, s: OptimizerState, slope: { w: Tensor }, rate: Tensor) =>
    optimizer.update(slope, s, p, rate);
  const step = await jit(update, [params, state, origin, spec([], "float64")]);
  const run = step as unknown as (
    ...args: unknown[]
  ) => Promise<{ params: Weights; state: Record<string, Weights> }>;
  const result = await run(params, state, { w: vector(g) }, array(0.1, "float64"));
  await step.dispose();
  return result;
}

/** v <- kept v + (1 - kept) g^power. */
const blend = (v: readonly number[], kept: number, power = 1) =>
  v.map((x, i) => kept * x + (1 - kept) * g[i] ** power);

const adamState = (step: number): OptimizerState => ({
  step: array(step, "float64"),
  m: { w: vector([0.1, -0.2]) },
  v: { w: vector([0.01, 0.04]) },
});

describe("historical trajectory reuse", () => {
  // sigma (beta m + (1 - beta) g) + (1 - sigma) g, sigma at least 0, and so v; after a million steps Adam's correction of its start is 1.
  it.each([
    [1, [0.12, -0.17], [0.01008, 0.03997]],
    [0.5, [0.21, -0.035], [0.05004, 0.024985]],
    [0, [0.3, 0.1], [0.09, 0.01]],
    [-0.7, [0.3, 0.1], [0.09, 0.01]],
  ])(
    "gives the step after a move with sigma %f the known moments, and the next its own",
    async (sigma, m, v) => {
      const { state, note } = await reused(adam(), adamState(1e6), moveOf(sigma));
      expect(note).toBeUndefined();
      const first = (await stepped(adam(), state)).state;
      expectClose(numbers(first.m.w), m);
      expectClose(numbers(first.v.w), v);
      const second = (await stepped(adam(), first)).state;
      expectClose(numbers(second.m.w), blend(m, 0.9));
      expectClose(numbers(second.v.w), blend(v, 0.999, 2));
    },
  );

  it.each([
    [1, 0.8],
    [2, 0.8],
    [5, 0.3],
    [40, 0.5],
    [3, 0],
  ])("lets Adam's step %i with sigma %f divide by 1 - sigma b^t", async (t, sigma) => {
    const { state, to } = await reused(adam(), adamState(t - 1), moveOf(sigma));
    const { params } = await stepped(adam(), state, to);
    const [m, v] = [blend([0.1, -0.2], sigma * 0.9), blend([0.01, 0.04], sigma * 0.999, 2)];
    const wanted = numbers(to.w).map((w, i) => {
      const [mean, spread] = [m[i] / (1 - sigma * 0.9 ** t), v[i] / (1 - sigma * 0.999 ** t)];
      return w - (0.1 * mean) / (Math.sqrt(spread) + 1e-8);
    });
    expectClose(numbers(params.w), wanted, 11);
  });

  it.each([1, -1] as const)("takes sigma with the sign %i", async (sign) => {
    const [with1, against] = [moveOf(1), moveOf(-1)];
    const [same, fresh] = sign === -1 ? [with1, against] : [against, with1];
    const after = async (move: readonly number[]) =>
      numbers((await stepped(adam(), (await reused(adam(), adamState(1e6), move, sign)).state)).state.m.w);
    expectClose(await after(same), [0.12, -0.17]);
    expectClose(await after(fresh), g);
  });

  it("takes the direction of descent unless told otherwise", async () => {
    const { state } = await reused(adam(), adamState(1e6), moveOf(1));
    expectClose(numbers((await stepped(adam(), state)).state.m.w), [0.12, -0.17]);
  });

  const half = moveOf(0.5);
  it("keeps half of the sums with sigma 1/2", async () => {
    const momentum = sgd({ momentum: 0.9 });
    const carried = await reused(momentum, { velocity: { w: vector([2, 4]) } }, half);
    const { velocity } = (await stepped(momentum, carried.state)).state;
    expectClose(numbers(velocity.w), [0.45 * 2 + 0.3, 0.45 * 4 + 0.1]);
    const sums = await reused(adagrad(), { sum: { w: vector([2, 4]) } }, half);
    expectClose(numbers((await stepped(adagrad(), sums.state)).state.sum.w), [1 + 0.09, 2 + 0.01]);
  });

  it("keeps the largest square so far, but not with sigma 0", async () => {
    const optimizer = adam({ amsgrad: true });
    const state = { ...adamState(1e6), vMax: { w: vector([9, 9]) } };
    const largest = async (sigma: number) =>
      numbers((await stepped(optimizer, (await reused(optimizer, state, moveOf(sigma))).state)).state.vMax.w);
    expectClose(await largest(0.2), [9, 9]);
    expectClose(await largest(-0.2), [0.09, 0.01]);
  });

  it("blends RMSprop's squares, weight decay included, shrinks its mean, and leaves its velocity", async () => {
    const optimizer = rmsprop({ centered: true, momentum: 0.5, weightDecay: 0.2 });
    const state = {
      square: { w: vector([0.01, 0.04]) },
      mean: { w: vector([0.1, -0.2]) },
      velocity: { w: vector([7, 8]) },
    };
    const { state: next, to } = await reused(optimizer, state, half);
    expect(numbers((next as typeof state).velocity.w)).toEqual([7, 8]);
    const after = (await stepped(optimizer, next, to)).state;
    const decayed = g.map((x, i) => x + 0.2 * numbers(to.w)[i]);
    const kept = 0.5 * 0.99;
    expectClose(
      numbers(after.mean.w),
      [0.1, -0.2].map((x, i) => kept * x + 0.01 * decayed[i]),
    );
    expectClose(
      numbers(after.square.w),
      [0.01, 0.04].map((x, i) => kept * x + (1 - kept) * decayed[i] ** 2),
    );
  });

  it("leaves the count of steps, and float32 what it is", async () => {
    const single = { w: array([1, -1]) };
    const transport = await createTransport({
      policy: "reuse",
      optimizer: adam(),
      loss: linearLoss,
      params: single,
      batch: { slope: array(g) },
    });
    const state = { step: array(12, "float64"), m: { w: array([0.1, -0.2]) }, v: { w: array([0.01, 0.04]) } };
    const moved = arrived({ w: array([0, 0]) });
    const { state: next } = await transport.transport({
      from: single,
      state,
      batch: { slope: array(g) },
      moved,
    });
    const { step, m, v } = next as typeof state;
    expect(step).toBe(state.step);
    expect([m.w.data, v.w.data].every((data) => data instanceof Float32Array)).toBe(true);
    await transport.dispose();
  });

  it("keeps the state, and a note says why, where the gradient before the move is not finite", async () => {
    const transport = await createTransport({
      policy: "reuse",
      optimizer: adam(),
      // The gradient at 0 is infinite.
      loss: ({ w }: { readonly w: Tensor }) => sum(log(add(w, 0))),
      params: origin,
      batch: {},
    });
    const state = adamState(3);
    const from = { w: vector([0, 1]) };
    const carried = await transport.transport({
      from,
      state,
      batch: {},
      moved: arrived({ w: vector([1, 1]) }),
    });
    expect(carried.state).toBe(state);
    expect(carried.note).toMatch(/^kept: the gradient before the teleport is not finite/);
  });
});
