// Optimizers made of others: groups of parameters, accumulated gradients, averages, and gradients elsewhere.

import { numbers } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { array, ndarray } from "../../src/array.js";
import { OptionError } from "../../src/errors.js";
import { mul } from "../../src/graph/ops/arithmetic.js";
import { square } from "../../src/graph/ops/elementary.js";
import { sum } from "../../src/graph/ops/reduce.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { spec } from "../../src/graph/trace.js";
import { adam } from "../../src/optim/adam.js";
import { adamw } from "../../src/optim/adamw.js";
import type { Optimizer } from "../../src/optim/optimizer.js";
import { sam } from "../../src/optim/sam.js";
import { sgd } from "../../src/optim/sgd.js";
import { withAccumulation } from "../../src/optim/with-accumulation.js";
import { withAverage } from "../../src/optim/with-average.js";
import { withGroups } from "../../src/optim/with-groups.js";
import { jit } from "../../src/runtime/jit.js";
import { givenGradients, gradientOf, runSteps, startOf } from "./support.js";

const float64 = (values: number[]) => ndarray(Float64Array.from(values), [values.length]);
const start = {
  a: { weight: float64([1, -2, 3]), bias: float64([0.5]) },
  b: { weight: float64([4, 5]), bias: float64([6]) },
};
/** Gradients of 12 steps without structure. */
const given = Array.from({ length: 12 }, (_, t) => {
  const wave = (n: number, k: number) =>
    float64(Array.from({ length: n }, (__, i) => Math.sin(1.7 * i + 0.9 * t + k)));
  return { a: { weight: wave(3, 0), bias: wave(1, 1) }, b: { weight: wave(2, 2), bias: wave(1, 3) } };
});
type Tree = typeof start;
const rates = given.map((_, t) => 0.1 / (1 + t));
const run = (optimizer: Optimizer, gradients: object[] = given, own = rates) => {
  const { params, state } = runSteps(optimizer, givenGradients, startOf(optimizer, start), {
    given: gradients,
    rates: own,
  });
  return { params: params as Tree, state: state as Record<string, never> };
};

describe("withGroups", () => {
  it("gives each parameter the steps of its group, as optimizers of their own would", () => {
    for (const [make, noDecay] of [
      [() => adamw({ weightDecay: 0.1 }), () => adamw({ weightDecay: 0 })],
      [() => sgd({ momentum: 0.9, weightDecay: 0.1 }), () => sgd({ momentum: 0.9 })],
    ]) {
      const optimizer = withGroups(make(), [
        { match: ["*.bias"], optimizer: noDecay() },
        { match: ["b.*", "a.bias"], rate: 3 },
      ]);
      const { params } = run(optimizer);
      expect(params.a.weight).toEqual(run(make()).params.a.weight);
      expect(params.a.bias).toEqual(run(noDecay()).params.a.bias);
      expect(params.b.bias).toEqual(run(noDecay()).params.b.bias);
      expect(numbers(params.b.weight)).toEqual(numbers(run(make(), given, rates.map((r) => 3 * r)).params.b.weight)); // biome-ignore format: one line
    }
  });

  it("leaves frozen parameters and their moments as they are", () => {
    const optimizer = withGroups(adam(), [{ match: ["a.*"], frozen: true }]);
    const { params, state } = run(optimizer);
    expect(params.a).toEqual(start.a);
    expect(params.b).toEqual(run(adam()).params.b);
    const { m, step } = state as unknown as { m: Tree; step: unknown };
    expect(numbers(m.a.weight)).toEqual([0, 0, 0]);
    expect(step).toEqual(array(12, "float64"));
    expect(["a.weight", "b.weight"].map((path) => optimizer.isFrozen?.(path))).toEqual([true, false]);
  });

  it("keeps the state of the optimizer, and so its moments", () => {
    const optimizer = withGroups(adam(), [{ match: ["a.*"], rate: 2 }]);
    expect(optimizer.init(start)).toEqual(adam().init(start));
    expect(optimizer.moments).toEqual(adam().moments);
    expect(optimizer.name).toBe("adam");
  });

  it.each<[string, () => unknown, string]>([
    [
      "a pattern that matches nothing",
      () => withGroups(adam(), [{ match: ["c.*"] }]).init(start),
      'withGroups: the pattern "c.*" selects none of',
    ],
    [
      "another optimizer",
      () => withGroups(adam(), [{ match: ["a.*"], optimizer: sgd() }]).init(start),
      "must have the same state; adam has step, m, v, sgd of a group none",
    ],
    [
      "nothing to train",
      () => withGroups(adam(), [{ match: ["*"], frozen: true }]).init(start),
      "all parameters are frozen",
    ],
    ["no patterns", () => withGroups(adam(), [{ match: [] }]), "match must be a list of 1 or more"],
    [
      "a misspelled option",
      () => withGroups(adam(), [{ match: ["a.*"], rates: 1 } as never]),
      'withGroups has no option "rates"',
    ],
    ["no list", () => withGroups(adam(), {} as never), "groups must be a list"],
    ["a single array", () => withGroups(adam(), []).init(float64([1])), "parameters must have names"],
  ])("refuses %s", (_, call, message) => {
    expect(call).toThrow(OptionError);
    expect(call).toThrow(message);
  });
});

describe("withAccumulation", () => {
  it.each([() => sgd({ momentum: 0.9 }), () => adam()])(
    "steps along the mean gradient of several batches",
    (make) => {
      const optimizer = withAccumulation(make(), { steps: 3 });
      const { params, state } = run(optimizer);
      const means = [0, 3, 6, 9].map((from) => {
        const mean = (pick: (tree: Tree) => { data: ArrayLike<number | bigint> }) => {
          const lists = given.slice(from, from + 3).map((tree) => Array.from(pick(tree).data, Number));
          return float64(lists[0].map((_, i) => lists[0][i] / 3 + lists[1][i] / 3 + lists[2][i] / 3));
        };
        return {
          a: { weight: mean(({ a }) => a.weight), bias: mean(({ a }) => a.bias) },
          b: { weight: mean(({ b }) => b.weight), bias: mean(({ b }) => b.bias) },
        };
      });
      // The rate is that of the last of three steps.
      const expected = run(make(), means, [2, 5, 8, 11].map((t) => rates[t])); // biome-ignore format: one line
      expect(params).toEqual(expected.params);
      expect(state).toMatchObject(expected.state);
      expect(numbers((state as unknown as { gradientSum: Tree }).gradientSum.a.weight)).toEqual([0, 0, 0]);
    },
  );

  it("does not move in between", () => {
    expect(run(withAccumulation(adam(), { steps: 13 })).params).toEqual(start);
    expect(run(withAccumulation(adam(), { steps: 1 })).params).toEqual(run(adam()).params);
    expect(() => withAccumulation(adam(), { steps: 0 })).toThrow(OptionError);
  });
});

describe("withAverage", () => {
  /** b.weight after each step of sgd. */
  const path = given.map((_, t) =>
    numbers(run(sgd(), given.slice(0, t + 1), rates.slice(0, t + 1)).params.b.weight),
  );
  const averageOf = (options: object) => {
    const { params, state } = run(withAverage(sgd(), options));
    expect(numbers(params.b.weight)).toEqual(path[11]);
    return numbers((state as unknown as { average: Tree }).average.b.weight);
  };
  const expectNear = (actual: number[], expected: number[]) =>
    actual.forEach((x, i) => {
      expect(x).toBeCloseTo(expected[i], 13);
    });

  it("is a mean of equal weights", () => {
    const mean = (steps: number[]) =>
      [0, 1].map((i) => steps.reduce((s, t) => s + path[t][i], 0) / steps.length);
    expectNear(averageOf({}), mean([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]));
    // After 3 steps each second one: steps 5, 7, 9 and 11, counted from 1.
    expectNear(averageOf({ start: 3, every: 2 }), mean([4, 6, 8, 10]));
    expectNear(averageOf({ start: 12 }), path[11]);
  });

  it("is an exponential mean from the first parameters on", () => {
    let expected = path[2];
    for (const w of path.slice(3)) expected = expected.map((a, i) => 0.9 * a + 0.1 * w[i]);
    expectNear(averageOf({ decay: 0.9, start: 2 }), expected);
  });

  it("is what is evaluated", () => {
    const optimizer = withAverage(adam(), { decay: 0.5 });
    const { params, state } = run(optimizer);
    expect(optimizer.evaluated?.(state, params)).toBe((state as unknown as { average: Tree }).average);
    expect(optimizer.init(start).average).toEqual(start);
    expect(() => withAverage(adam(), { decay: 1 })).toThrow(OptionError);
  });
});

describe("sam", () => {
  const loss = ({ a }: { a: { weight: Tensor; bias: Tensor } }) => sum(mul(square(square(a.weight)), a.bias));
  it("is its optimizer with rho 0, and follows the gradient of the point above otherwise", () => {
    const steps = { rates: [0.01, 0.01, 0.01] };
    const plain = runSteps(sgd(), gradientOf(loss), startOf(sgd(), start), steps);
    const flat = runSteps(sam({ rho: 0, optimizer: sgd() }), gradientOf(loss), startOf(sgd(), start), steps);
    expect(flat.params).toEqual(plain.params);
    // One step by hand: L = c sum w^4, dL/dw = 4 c w^3, dL/dc = sum w^4.
    const gradient = ([w, c]: [number[], number]): [number[], number] => [
      w.map((x) => 4 * c * x ** 3),
      w.reduce((s, x) => s + x ** 4, 0),
    ];
    const [w, c] = [numbers(start.a.weight), 0.5];
    const [gw, gc] = gradient([w, c]);
    const norm = Math.hypot(...gw, gc);
    const [hw, hc] = gradient([w.map((x, i) => x + (0.1 * gw[i]) / norm), c + (0.1 * gc) / norm]);
    const optimizer = sam({ rho: 0.1, optimizer: sgd() });
    const { params } = runSteps(optimizer, gradientOf(loss), startOf(optimizer, start), { rates: [0.01] });
    const { a } = params as Tree;
    numbers(a.weight).forEach((x, i) => {
      expect(x).toBeCloseTo(w[i] - 0.01 * hw[i], 12);
    });
    expect(numbers(a.bias)[0]).toBeCloseTo(c - 0.01 * hc, 12);
  });

  it("stays where it is for gradients whose squares are 0 in float32", async () => {
    const above = await jit(
      (w: Tensor) => {
        let at = w;
        sam({ optimizer: sgd() }).update(mul(1e-24, w), {}, w, 0.1, <P>(v: P) => {
          at = v as Tensor;
          return v;
        });
        return at;
      },
      [spec([2])],
      { runtime: "onnx" },
    );
    expect(numbers(await above(array([1, 2])))).toEqual([1, 2]);
  });

  it("says what it needs", () => {
    expect(() => sam({ rho: -1 })).toThrow(OptionError);
    expect(() => sam({ optimizer: sgd as never })).toThrow("optimizer must be an optimizer such as adam()");
    const { update } = sam();
    expect(() => update({}, {}, {}, 0.1)).toThrow("sam needs the gradient at another point");
  });
});
