import { describe, expect, it } from "vitest";
import { array, item, type NdArray } from "../../../src/array.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec } from "../../../src/graph/trace.js";
import { masked } from "../../../src/moves/prune/pruned.js";
import { adagrad } from "../../../src/optim/adagrad.js";
import { adam, scaleByAdam } from "../../../src/optim/adam.js";
import { adamw } from "../../../src/optim/adamw.js";
import { withAdaptiveClipping } from "../../../src/optim/adaptive-clip.js";
import { chain } from "../../../src/optim/chain.js";
import { clip } from "../../../src/optim/clip.js";
import type { Optimizer, OptimizerState } from "../../../src/optim/optimizer.js";
import { rmsprop } from "../../../src/optim/rmsprop.js";
import { gd, sgd } from "../../../src/optim/sgd.js";
import { withAccumulation } from "../../../src/optim/with-accumulation.js";
import { withGroups } from "../../../src/optim/with-groups.js";
import { jit } from "../../../src/runtime/jit.js";
import { reusedState } from "../../../src/teleport/state/reused-state.js";

const vector = (values: readonly number[]): NdArray => array([...values], "float64");

interface Stepped {
  readonly params: { readonly w: NdArray };
  readonly state: Readonly<Record<string, { readonly w: NdArray }>> & { readonly step?: NdArray };
  readonly before: OptimizerState;
}

/** One step of an optimizer, with trajectory reuse. */
async function stepOf(optimizer: Optimizer, isMoved?: (path: string) => boolean) {
  type Params = { readonly w: Tensor };
  const p = { w: vector([1, -1]) };
  const f = (params: Params, state: OptimizerState, g: Params, sigma: Tensor) => {
    const before = reusedState(optimizer, state, g, params, sigma, isMoved);
    return { before, ...optimizer.update(g, before, params, rateOf(sigma)) };
  };
  const args = [p, optimizer.init(p), p, spec([], "float64")];
  const step = (await jit(f as never, args)) as unknown as (...given: unknown[]) => Promise<Stepped>;
  return (params: unknown, state: unknown, g: readonly number[], sigma: number) =>
    step(params, state, { w: vector(g) }, array(sigma, "float64"));
}

const rateOf = (like: Tensor): Tensor => constant(0.1, like.dtype);
const numbers = ({ data }: NdArray): number[] => Array.from(data, Number);

/** Plain averages in float64: v <- kept v + (1 - kept) g^p. */
const blend = (v: readonly number[], g: readonly number[], kept: number, power = 1) =>
  v.map((x, i) => kept * x + (1 - kept) * g[i] ** power);

const gradients = [
  [0.3, 0.1],
  [-0.2, 0.4],
  [0.5, -0.6],
  [0.1, 0.2],
  [-0.3, 0.7],
  [0.4, -0.1],
];

const optimizers: [string, Optimizer][] = [
  ["Adam", adam()],
  ["Adam with weight decay", adam({ weightDecay: 0.1 })],
  ["Adam with AMSGrad", adam({ amsgrad: true })],
  ["AdamW", adamw()],
  ["RMSprop", rmsprop()],
  ["centered RMSprop with decay", rmsprop({ centered: true, weightDecay: 0.2, momentum: 0.5 })],
  ["SGD with momentum", sgd({ momentum: 0.9 })],
  ["Nesterov", sgd({ momentum: 0.9, nesterov: true })],
  ["AdaGrad", adagrad()],
  ["gradient descent", gd()],
];

describe("trajectory reuse in an optimizer", () => {
  // sigma (beta m + (1 - beta) g) + (1 - sigma) g, sigma at least 0, and so v. After many steps the correction of Adam's start is 1 and the moments are those of the formula.
  it.each([
    [1, [0.12, -0.17], [0.01008, 0.03997]],
    [0.5, [0.21, -0.035], [0.05004, 0.024985]],
    [0, [0.3, 0.1], [0.09, 0.01]],
    [-0.7, [0.3, 0.1], [0.09, 0.01]],
  ])("gives Adam the known moments with sigma %f", async (sigma, m, v) => {
    const step = await stepOf(adam());
    const state = {
      step: array(1e6, "float64"),
      m: { w: vector([0.1, -0.2]) },
      v: { w: vector([0.01, 0.04]) },
    };
    const after = (await step({ w: vector([1, -1]) }, state, [0.3, 0.1], sigma)).state;
    numbers(after.m.w).forEach((x, i) => {
      expect(x).toBeCloseTo(m[i], 14);
    });
    numbers(after.v.w).forEach((x, i) => {
      expect(x).toBeCloseTo(v[i], 14);
    });
  });

  it.each(optimizers)("changes nothing with sigma 1: %s", async (_, optimizer) => {
    const step = await stepOf(optimizer);
    let [params, state]: [unknown, OptimizerState] = [
      { w: vector([1, -1]) },
      optimizer.init({ w: vector([1, -1]) }),
    ];
    for (const g of gradients) {
      const result = await step(params, state, g, 1);
      expect(result.before).toEqual(state);
      ({ params, state } = result);
    }
  });

  it.each(optimizers.slice(0, 9))("changes one step and no other: %s", async (_, optimizer) => {
    const step = await stepOf(optimizer);
    const at = 3;
    const states = async (sigma: number) => {
      let [params, state]: [unknown, OptimizerState] = [
        { w: vector([1, -1]) },
        optimizer.init({ w: vector([1, -1]) }),
      ];
      const changed: boolean[] = [];
      for (const [t, g] of gradients.entries()) {
        const result = await step(params, state, g, t === at ? sigma : 1);
        changed.push(JSON.stringify(result.before) !== JSON.stringify(state));
        ({ params, state } = result);
      }
      return { changed, params };
    };
    const reused = await states(0.4);
    expect(reused.changed).toEqual(gradients.map((_g, t) => t === at));
    expect(reused.params).not.toEqual((await states(1)).params);
  });

  it.each([0.4, 0])("divides Adam's moments by 1 - sigma b^t: sigma %f", async (sigma) => {
    const step = await stepOf(adam());
    let [params, state]: [{ w: NdArray }, OptimizerState] = [
      { w: vector([1, -1]) },
      adam().init({ w: vector([1, -1]) }),
    ];
    let [m, v] = [
      [0, 0],
      [0, 0],
    ];
    for (const [t, g] of gradients.slice(0, 3).entries()) {
      const kept = t === 2 ? sigma : 1;
      const before = numbers(params.w);
      ({ params, state } = await step(params, state, g, kept));
      m = blend(m, g, kept * 0.9);
      v = blend(v, g, kept * 0.999, 2);
      const [b1, b2] = [0.9, 0.999].map((b) => 1 - kept * b ** (t + 1));
      numbers(params.w).forEach((w, i) => {
        const expected = before[i] - (0.1 * (m[i] / b1)) / (Math.sqrt(v[i] / b2) + 1e-8);
        expect(w).toBeCloseTo(expected, 10);
      });
    }
  });

  it("leaves averages that later steps divide rightly: of equal gradients all are 1", async () => {
    const step = await stepOf(adam());
    let [params, state]: [unknown, Record<string, { w: NdArray }> & { step?: NdArray }] = [
      { w: vector([1, -1]) },
      adam().init({ w: vector([1, -1]) }) as never,
    ];
    for (let t = 1; t <= 6; t++) {
      ({ params, state } = await step(params, state, [1, 1], t === 3 ? 0.3 : 1));
      expect(item(state.step as NdArray)).toBe(t);
      expect(numbers(state.m.w)[0] / (1 - 0.9 ** t)).toBeCloseTo(1, 13);
      expect(numbers(state.v.w)[0] / (1 - 0.999 ** t)).toBeCloseTo(1, 12);
    }
  });

  it("takes weight decay into the gradient where the optimizer does", async () => {
    const decay = 0.2;
    const [g, w] = [
      [0.3, 0.1],
      [1, -1],
    ];
    const decayed = g.map((x, i) => x + decay * w[i]);
    const optimizer = rmsprop({ weightDecay: decay, centered: true });
    const step = await stepOf(optimizer);
    const past = [0.01, 0.04];
    const state = { square: { w: vector(past) }, mean: { w: vector(past) } };
    const after = (await step({ w: vector(w) }, state, g, 0.5)).state;
    blend(past, decayed, 0.5 * 0.99, 2).forEach((x, i) => {
      expect(numbers(after.square.w)[i]).toBeCloseTo(x, 13);
      expect(numbers(after.mean.w)[i]).toBeCloseTo(0.5 * 0.99 * past[i] + 0.01 * decayed[i], 13);
    });
  });

  it.each([0, 1e-3, 0.5])("leaves centered RMSprop a variance to divide by: sigma %f", async (sigma) => {
    const step = await stepOf(rmsprop({ centered: true }));
    const state = { square: { w: vector([0.01, 0.09]) }, mean: { w: vector([0.1, -0.3]) } };
    const { params } = await step({ w: vector([1, -1]) }, state, [0.3, 0.1], sigma);
    // By the rate 0.1 no step is longer than some units of it, as after any history of such gradients.
    numbers(params.w).forEach((w, i) => {
      expect(Math.abs(w - [1, -1][i])).toBeLessThan(0.5);
    });
  });

  it("keeps the part sigma of sums, and of maxima all or nothing", async () => {
    const momentum = await stepOf(sgd({ momentum: 0.9 }));
    const velocity = (
      await momentum({ w: vector([1, -1]) }, { velocity: { w: vector([2, 4]) } }, [1, 1], 0.5)
    ).state.velocity.w;
    expect(numbers(velocity)).toEqual([0.5 * 0.9 * 2 + 1, 0.5 * 0.9 * 4 + 1]);
    const sums = await stepOf(adagrad());
    const sum = (await sums({ w: vector([1, -1]) }, { sum: { w: vector([2, 4]) } }, [1, 2], 0.25)).state.sum
      .w;
    expect(numbers(sum)).toEqual([0.5 + 1, 1 + 4]);
    const amsgrad = await stepOf(adam({ amsgrad: true }));
    const state = { ...adam({ amsgrad: true }).init({ w: vector([0, 0]) }), vMax: { w: vector([9, 9]) } };
    const largest = async (sigma: number) =>
      numbers((await amsgrad({ w: vector([1, -1]) }, state, [1, 1], sigma)).state.vMax.w)[0];
    expect(await largest(0.1)).toBe(9);
    expect(await largest(-0.1)).toBeLessThan(1);
  });

  it("leaves the moments of parameters that did not move", async () => {
    const step = await stepOf(sgd({ momentum: 0.9 }), (path) => path !== "w");
    const state = { velocity: { w: vector([2, 4]) } };
    expect((await step({ w: vector([1, -1]) }, state, [1, 1], 0)).before).toEqual(state);
  });

  describe("of an optimizer around another one", () => {
    const [g, w] = [
      [0.3, 0.1],
      [1, -1],
    ];
    /** After so many steps that the correction of Adam's start is 1. */
    const past = (optimizer: Optimizer): OptimizerState => ({
      ...optimizer.init({ w: vector([0, 0]) }),
      step: array(1e6, "float64"),
      m: { w: vector([0.1, -0.2]) },
      v: { w: vector([0.01, 0.04]) },
    });
    const begunAgain = async (optimizer: Optimizer) =>
      (await stepOf(optimizer))({ w: vector(w) }, past(optimizer), g, 0);
    const expectMoments = ({ m, v }: Stepped["state"], gradient: readonly number[]) => {
      gradient.forEach((x, i) => {
        expect(numbers(m.w)[i]).toBeCloseTo(x, 14);
        expect(numbers(v.w)[i]).toBeCloseTo(x * x, 14);
      });
    };

    it("takes the options of a parameter's own group", async () => {
      const own = adam({ betas: [0.5, 0.9], weightDecay: 0.2 });
      const { state, params } = await begunAgain(withGroups(adam(), [{ match: ["w"], optimizer: own }]));
      expectMoments(
        state,
        g.map((x, i) => x + 0.2 * w[i]),
      );
      // Adam's first step has the length of the rate.
      numbers(params.w).forEach((x, i) => {
        expect(Math.abs(x - w[i])).toBeCloseTo(0.1, 7);
      });
    });

    it("leaves the moments of frozen parameters", async () => {
      const optimizer = withGroups(adam(), [{ match: ["still"], frozen: true }]);
      const tree = (x: NdArray) => ({ w: x, still: x });
      const state = optimizer.init(tree(vector(w)));
      const run = (await jit(
        ((s: OptimizerState, p: object, sigma: Tensor) => reusedState(optimizer, s, p, p, sigma)) as never,
        [state, tree(vector(g)), spec([], "float64")],
      )) as unknown as (...given: unknown[]) => Promise<{ m: { w: NdArray; still: NdArray } }>;
      const { m } = await run({ ...state, step: array(1, "float64") }, tree(vector(g)), array(0, "float64"));
      expect([numbers(m.w).some((x) => x > 0), numbers(m.still)]).toEqual([true, [0, 0]]);
    });

    it("takes gradients as they are clipped and masked", async () => {
      const limit = 0.01;
      const clipped = g.map((x) => (limit * Math.hypot(...w) * x) / Math.hypot(...g));
      expectMoments((await begunAgain(withAdaptiveClipping(adam(), { limit }))).state, clipped);
      const parts = [clip({ norm: 0.2 }), scaleByAdam()];
      const shorter = g.map((x) => (0.2 * x) / (Math.hypot(...g) + 1e-6));
      expectMoments((await begunAgain(chain("clipped", parts))).state, shorter);
      expectMoments((await begunAgain(masked(adam(), { w: vector([1, 0]) }))).state, [0.3, 0]);
    });

    it("takes the gradient of the step where they are accumulated", async () => {
      const { before, state } = await begunAgain(withAccumulation(adam(), { steps: 2 }));
      expectMoments(before as Stepped["state"], g);
      expect(state.m).toEqual(before.m);
      const bounded = withAdaptiveClipping(withAccumulation(adam(), { steps: 2 }), { limit: 0.01 });
      const clipped = g.map((x) => (0.01 * Math.hypot(...w) * x) / Math.hypot(...g));
      expectMoments((await begunAgain(bounded)).before as Stepped["state"], clipped);
    });
  });
});
