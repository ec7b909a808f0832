import { float64, numbers } from "isoloss-test-support/nn/support";
import {
  distance,
  evaluator,
  randomProblem,
  randomT,
  relative,
  scaledT,
} from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import type { NdArray } from "../../src/array.js";
import type { BatchLoss } from "../../src/batch.js";
import { OptionError } from "../../src/errors.js";
import { mul, neg } from "../../src/graph/ops/arithmetic.js";
import { exp, square } from "../../src/graph/ops/elementary.js";
import { fillLike } from "../../src/graph/ops/leaf.js";
import { sum } from "../../src/graph/ops/reduce.js";
import { trace } from "../../src/graph/trace.js";
import { compile } from "../../src/runtime/compile.js";
import { hiddenAction } from "../../src/symmetry/hidden/hidden-action.js";
import { product } from "../../src/symmetry/product.js";
import { isRefusal, type Symmetry } from "../../src/symmetry/symmetry.js";
import { gradNormSq } from "../../src/teleport/objective/objective.js";
import { gradientAscent } from "../../src/teleport/search/gradient-ascent.js";
import { traceAscent } from "../../src/teleport/search/orbit-walk.js";
import { namedArrays } from "../../src/tree.js";
import { problemOf, teleportBy } from "../teleport/search/support.js";

interface Three {
  readonly a: NdArray;
  readonly b: NdArray;
  readonly c: NdArray;
}

const three = (a: number, b: number, c: number): Three => ({
  a: float64([a]),
  b: float64([b]),
  c: float64([c]),
});
const start = three(2, -3, 0.5);

/** (a b c - 1)^2: kept by two independent scalings. */
const loss: BatchLoss<Three> = ({ a, b, c }) => sum(square(mul(mul(mul(a, b), c), 2)));

/** u -> e^t u, v -> e^-t v. */
function scalingOf(u: keyof Three, v: keyof Three): Symmetry<Three> {
  const scaled = (p: Three, t: number): Three => ({
    ...p,
    [u]: float64([Number(p[u].data[0]) * Math.exp(t)]),
    [v]: float64([Number(p[v].data[0]) * Math.exp(-t)]),
  });
  return {
    name: `${u}${v}`,
    paths: [u, v],
    exact: "everywhere",
    algebra: [[1]],
    bound: { kind: "element", value: 0.5 },
    derivative: (p, [t]) => {
      const zero = { a: fillLike(p.a, 0), b: fillLike(p.b, 0), c: fillLike(p.c, 0) };
      return { ...zero, [u]: mul(p[u], t), [v]: neg(mul(p[v], t)) };
    },
    act: async (p, [t]) => scaled(p, Number(t.data[0])),
    trace: (p, [t]) => ({ ...p, [u]: mul(p[u], exp(t)), [v]: mul(p[v], exp(neg(t))) }),
    inverse: (T) => scaledT(T, -1),
    compose: ([s], [f]) => [float64([Number(s.data[0]) + Number(f.data[0])])],
    pushForward: async (tree, [t], power) => scaled(tree, -power * Number(t.data[0])),
  };
}

const both = product([scalingOf("a", "b"), scalingOf("b", "c")], { commuting: true });
const T = [float64([0.3]), float64([-0.2])];
const values = (p: unknown): number[] => Object.values(p as Three).flatMap(numbers);

describe("product", () => {
  it.each([
    [[], "[]"],
    ["x", '"x"'],
    [scalingOf("a", "b"), "an object with name"],
  ])("says what it got instead of a list of symmetries", (value, got) => {
    const take = () => product(value as never);
    expect(take).toThrow(OptionError);
    expect(take).toThrow(`product takes a list of at least one symmetry; got ${got}`);
  });

  it("acts by one group after the other, by hand", async () => {
    expect(both).toMatchObject({ name: "ab x bc", exact: "everywhere", algebra: [[1], [1]] });
    expect(both.bound).toEqual({ kind: "element", value: 0.5 });
    const moved = values(await both.act(start, T, {}));
    [2 * Math.exp(0.3), -3 * Math.exp(-0.5), 0.5 * Math.exp(0.2)].forEach((v, i) => {
      expect(moved[i]).toBeCloseTo(v, 13);
    });
    const traced = trace(({ p, t }) => both.trace?.(p, t, {}), {
      p: start,
      t: T,
    });
    const results = await (await compile(traced.graph)).run(namedArrays({ p: start, t: T }));
    ["a", "b", "c"].forEach((name, i) => {
      expect(numbers(results[name])[0]).toBeCloseTo(moved[i], 13);
    });
  });

  it("composes and inverts group by group where the groups commute, and only there", async () => {
    const moved = (await both.act(start, T, {})) as Three;
    const back = values(await both.act(moved, both.inverse?.(T) ?? [], {}));
    values(start).forEach((v, i) => {
      expect(back[i]).toBeCloseTo(v, 13);
    });
    const twice = values(await both.act(moved, T, {}));
    values(await both.act(start, both.compose?.(T, T) ?? [], {})).forEach((v, i) => {
      expect(v).toBeCloseTo(twice[i], 13);
    });
    const apart = product([scalingOf("a", "b"), scalingOf("b", "c")]);
    expect([apart.inverse, apart.compose]).toEqual([undefined, undefined]);
    expect(apart.pushForward).toBeDefined();
  });

  it("pushes forward by each group in turn, and not at all where one cannot", async () => {
    const pushed = values(await both.pushForward?.(three(1, 1, 1), T, 1, start, {}));
    [Math.exp(-0.3), Math.exp(0.5), Math.exp(-0.2)].forEach((v, i) => {
      expect(pushed[i]).toBeCloseTo(v, 13);
    });
    const { pushForward: _, ...mute } = scalingOf("a", "b");
    expect(product([mute as Symmetry<Three>, scalingOf("b", "c")]).pushForward).toBeUndefined();
  });

  it("hands each pushForward the point that its own group left", async () => {
    const seen: number[][] = [];
    const spy = (s: Symmetry<Three>): Symmetry<Three> => ({
      ...s,
      pushForward: async (tree, _T, _power, params) => {
        seen.push(values(params));
        return tree;
      },
    });
    await product([spy(scalingOf("a", "b")), spy(scalingOf("b", "c"))]).pushForward?.(start, T, 1, start, {});
    expect(seen).toEqual([values(start), values(await scalingOf("a", "b").act(start, [T[0]], {}))]);
  });

  it("has the bound of the narrowest group, as a norm where one is, and the weakest exactness", () => {
    const { params, activation } = randomProblem(1, { activations: ["tanh"], size: "narrow" });
    const action = hiddenAction(params, activation);
    const small: typeof action = { ...action, bound: { kind: "element", value: 0.1 }, exact: "nearly" };
    expect(product([small, action]).bound).toEqual({
      kind: "norm",
      value: Math.min(0.1, action.bound.value),
    });
    expect(product([small, action]).exact).toBe("batch");
    expect(product([small, { ...small, exact: "everywhere" }]).exact).toBe("nearly");
    expect(product([{ ...action, exact: "no" }, small]).exact).toBe("no");
  });

  it("refuses with the group that refuses, and needs a group", async () => {
    const stubborn = { ...scalingOf("a", "b"), act: async () => ({ refused: "no" }) };
    expect(isRefusal(await product([stubborn, scalingOf("b", "c")]).act(start, T, {}))).toBe(true);
    expect(await product([scalingOf("b", "c"), stubborn]).act(start, T, {})).toEqual({ refused: "no" });
    expect(() => product([])).toThrow(OptionError);
  });

  // The same action twice: contexts of both are handed on, and the derivative is that of difference quotients.
  it("has the gradient in T of difference quotients, with the contexts of its groups", async () => {
    for (const seed of [1, 2, 3, 4]) {
      const problem = randomProblem(seed, { activations: ["leakyRelu", "identity"], size: "narrow" });
      const { params, batch, activation, loss: ofNetwork } = problem;
      const symmetry = product([hiddenAction(params, activation), hiddenAction(params, activation)]);
      const value = evaluator(gradNormSq(ofNetwork), problem);
      const context = await symmetry.context?.(params, batch);
      const graph = traceAscent(symmetry, gradNormSq(ofNetwork), problemOf(ofNetwork, params, batch));
      const results = await (await compile(graph)).run(
        namedArrays({ params, batch, memory: {}, context: context as NdArray[] }),
      );
      const direction = randomT(symmetry.algebra, 1, seed);
      const slope = direction.reduce(
        (total, { data }, i) =>
          total + numbers(results[`T.${i}`]).reduce((s, v, k) => s + v * Number(data[k]), 0),
        0,
      );
      const at = async (h: number) =>
        value((await symmetry.act(params, scaledT(direction, h), batch)) as typeof params, batch);
      const h = 1e-5;
      expect(relative(slope, ((await at(h)) - (await at(-h))) / (2 * h)), problem.label).toBeLessThan(1e-5);
      const moved = (await symmetry.act(params, scaledT(direction, 0.05), batch)) as typeof params;
      const lossOf = evaluator(ofNetwork, problem);
      expect(relative(lossOf(params, batch), lossOf(moved, batch)), problem.label).toBeLessThan(1e-9);
      expect(distance(params, moved)).toBeGreaterThan(1e-3);
      await symmetry.dispose?.();
    }
  });

  it("teleports", async () => {
    const { report } = await teleportBy(gradientAscent(both), { loss, params: start, batch: {} });
    expect(report).toMatchObject({ accepted: true, search: "ab x bc" });
    expect(report.gradNormSqAfter).toBeGreaterThan(1.5 * report.gradNormSqBefore);
    expect(report.drift).toBeLessThan(1e-12);
  });
});
