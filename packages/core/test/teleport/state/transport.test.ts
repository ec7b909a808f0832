import { describe, expect, it } from "vitest";
import { array, type NdArray } from "../../../src/array.js";
import type { BatchLoss } from "../../../src/batch.js";
import { OptionError } from "../../../src/errors.js";
import { mul, sub } from "../../../src/graph/ops/arithmetic.js";
import { square } from "../../../src/graph/ops/elementary.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { adagrad } from "../../../src/optim/adagrad.js";
import { adam } from "../../../src/optim/adam.js";
import { adamw } from "../../../src/optim/adamw.js";
import { type Optimizer, type OptimizerState, zeroSteps } from "../../../src/optim/optimizer.js";
import { rmsprop } from "../../../src/optim/rmsprop.js";
import { gd, sgd } from "../../../src/optim/sgd.js";
import { withAverage } from "../../../src/optim/with-average.js";
import { jit } from "../../../src/runtime/jit.js";
import { scaling } from "../../../src/symmetry/scaling.js";
import { isRefusal } from "../../../src/symmetry/symmetry.js";
import {
  createTransport,
  type TransportPolicy,
  transportPolicies,
} from "../../../src/teleport/state/transport.js";
import type { Teleported } from "../../../src/teleport/teleporter.js";
import { arrived, expectClose, numbers, vector } from "./transport-support.js";

interface Pair<A> {
  readonly a: A;
  readonly b: A;
}

/** L = sum (a b - 1)^2: a to a f, b to b / f keep it. */
const productLoss: BatchLoss<Pair<NdArray>> = ({ a, b }) => sum(square(sub(mul(a, b), 1)));
const pair = (a: readonly number[], b: readonly number[]): Pair<NdArray> => ({ a: vector(a), b: vector(b) });
const start = pair([1, 2], [3, -1]);
const parameterAxis = (path: string, power: number) => ({ path, view: [2], axis: 0, power });
const factors = scaling<Pair<NdArray>>([
  { kind: "scaling", size: 2, axes: [parameterAxis("a", 1), parameterAxis("b", -1)], exact: true },
]);

/** a times (2, 1/2), b the other way. */
async function scaledTeleport(): Promise<Teleported<Pair<NdArray>>> {
  const T = [vector([Math.log(2), -Math.log(2)])];
  const params = await factors.act(start, T, {});
  if (isRefusal(params)) throw new Error(params.refused);
  return arrived(
    params,
    async (tree, power) => (await factors.pushForward?.(tree, T, power, start, {})) ?? tree,
  );
}

const transportOf = (policy: TransportPolicy, optimizer: Optimizer) =>
  createTransport({ policy, optimizer, loss: productLoss, params: start, batch: {} });

/** An optimizer, the powers of its moments, and entries that do not change with the parameters. */
const optimizers: [string, Optimizer, Record<string, 1 | 2>, string[]][] = [
  ["Adam", adam(), { m: 1, v: 2 }, ["step"]],
  ["AMSGrad", adam({ amsgrad: true }), { m: 1, v: 2, vMax: 2 }, ["step"]],
  ["AdamW", adamw(), { m: 1, v: 2 }, ["step"]],
  [
    "centered RMSprop with momentum",
    rmsprop({ centered: true, momentum: 0.9 }),
    { square: 2, mean: 1 },
    ["velocity"],
  ],
  ["AdaGrad", adagrad(), { sum: 2 }, []],
  ["SGD with momentum", sgd({ momentum: 0.9 }), { velocity: 1 }, []],
];

/** A state with other numbers in each entry. */
function filled(optimizer: Optimizer): OptimizerState {
  const entries = Object.entries(optimizer.init(start)).map(([name, value], i) => [
    name,
    name === "step" ? value : pair([0.4 + i, 0.6 + i], [0.8 + i, 1.2 + i]),
  ]);
  return Object.fromEntries(entries);
}

describe("an optimizer's state across a teleport", () => {
  it.each(optimizers)("is the same object with keep, and made anew with reset: %s", async (_, optimizer) => {
    const state = filled(optimizer);
    const moved = await scaledTeleport();
    const passage = { from: start, state, batch: {}, moved };
    expect((await (await transportOf("keep", optimizer)).transport(passage)).state).toBe(state);
    const { state: fresh, note } = await (await transportOf("reset", optimizer)).transport(passage);
    expect(fresh).toEqual(optimizer.init(moved.params));
    expect(note).toBeUndefined();
  });

  it.each(optimizers)(
    "is divided by a scaling's factor where it is as a gradient, by its square as squares: %s",
    async (_, optimizer, powers, others) => {
      const state = filled(optimizer);
      const transport = await transportOf("push", optimizer);
      const moved = await scaledTeleport();
      const carried = await transport.transport({ from: start, state, batch: {}, moved });
      expect(carried.note).toBeUndefined();
      expect(Object.keys(carried.state).sort()).toEqual([...Object.keys(powers), ...others].sort());
      for (const [name, power] of Object.entries(powers)) {
        const [past, now] = [state, carried.state].map((s) => s[name] as Pair<NdArray>);
        const [a, b] = [numbers(past.a), numbers(past.b)];
        expectClose(numbers(now.a), [a[0] / 2 ** power, a[1] * 2 ** power]);
        expectClose(numbers(now.b), [b[0] * 2 ** power, b[1] / 2 ** power]);
      }
      for (const name of others) expect(carried.state[name]).toBe(state[name]);
    },
  );

  it("pushed is the one that the run would have on the other side of a scaling", async () => {
    // Gradients transform as moments do, so that averages of the ones are the images of the averages of the others.
    const optimizer = adam({ amsgrad: true });
    const update = (p: Pair<Tensor>, s: OptimizerState, slope: Pair<Tensor>) =>
      optimizer.update(slope, s, p, constant(0, "float64")).state;
    const step = (await jit(update, [start, optimizer.init(start), start])) as unknown as (
      ...args: unknown[]
    ) => Promise<OptimizerState>;
    const moved = await scaledTeleport();
    let [here, there] = [optimizer.init(start), optimizer.init(start)];
    for (const gradient of [pair([1, -2], [0.5, 3]), pair([-0.3, 1], [2, 0.1])]) {
      const image = (await moved.pushForward?.(gradient, 1)) as Pair<NdArray>;
      [here, there] = [await step(start, here, gradient), await step(start, there, image)];
    }
    const transport = await transportOf("push", optimizer);
    const { state } = await transport.transport({ from: start, state: here, batch: {}, moved });
    for (const name of ["m", "v", "vMax"]) {
      const [pushed, wanted] = [state, there].map((s) => s[name] as Pair<NdArray>);
      expectClose(numbers(pushed.a), numbers(wanted.a));
      expectClose(numbers(pushed.b), numbers(wanted.b));
    }
  });

  it("is kept, and a note says why, where there is no push-forward or it refuses", async () => {
    const state = filled(adam());
    const transport = await transportOf("push", adam());
    const carry = (moved: Teleported<Pair<NdArray>>) =>
      transport.transport({ from: start, state, batch: {}, moved });
    const without = await carry(arrived(start));
    expect(without).toEqual({ state, note: "kept: this move has no push-forward" });
    expect(without.state).toBe(state);
    const refusing = await carry(
      arrived(start, async (tree, power) => (power === 2 ? { refused: "no squares here" } : tree)),
    );
    expect(refusing).toEqual({ state, note: "kept: no squares here" });
    expect(refusing.state).toBe(state);
  });

  it("of plain gradient descent is the same object whatever the policy", async () => {
    const state = gd().init(start);
    for (const policy of transportPolicies) {
      const transport = await transportOf(policy, gd());
      const carried = await transport.transport({
        from: start,
        state,
        batch: {},
        moved: await scaledTeleport(),
      });
      expect(carried, policy).toEqual({ state: {} });
      await transport.dispose();
    }
  });

  it("needs a policy that there is", async () => {
    await expect(transportOf("drop" as never, adam())).rejects.toThrow(OptionError);
    await expect(transportOf("drop" as never, adam())).rejects.toThrow(
      /one of keep, reset, push, reuse; got "drop"/,
    );
  });
});

it.each<[string, NdArray, NdArray]>([
  ["a vector", vector([4, 3]), vector([-4, -3])],
  ["a number", array(4, "float64"), array(-4, "float64")],
])("begins an average again where the parameters are %s without a name", async (_, params, moved) => {
  const optimizer = withAverage(sgd());
  const state = { ...optimizer.init(params), averaged: vector([7]), averageStep: vector([9]) };
  const loss: BatchLoss<NdArray> = (w) => sum(square(w));
  const transport = await createTransport({ policy: "keep", optimizer, loss, params, batch: {} });
  const { state: after } = await transport.transport({
    from: params,
    state,
    batch: {},
    moved: arrived(moved),
  });
  expect(after).toEqual({ average: moved, averaged: zeroSteps(), averageStep: state.averageStep });
});
