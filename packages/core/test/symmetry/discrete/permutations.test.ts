import { float64, numbers } from "isoloss-test-support/nn/support";
import { combine, distance, evaluator, randomProblem, relative } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { OptionError, ShapeError } from "../../../src/errors.js";
import { createRng } from "../../../src/math/rng.js";
import type { MlpParams } from "../../../src/nn/models/mlp.js";
import { permutations } from "../../../src/symmetry/discrete/permutations.js";
import { gradNormSq } from "../../../src/teleport/objective/objective.js";
import { gradientOf, hiddenUnits, leavesOf } from "../units.js";

const seeds = Array.from({ length: 20 }, (_, i) => 5000 + i);
const activations = ["relu", "tanh", "gelu"] as const;

describe("permutations", () => {
  it("puts unit pi[i] in place i along each parameterAxis, by hand", () => {
    const params = { a: float64([1, 2, 3, 4, 5, 6], [3, 2]), b: float64([7, 8, 9, 10, 11, 12], [2, 3]) };
    const { act, paths } = permutations(params, [
      {
        size: 3,
        axes: [
          { path: "a", view: [3, 2], axis: 0 },
          { path: "b", view: [2, 3], axis: 1 },
        ],
      },
    ]);
    const moved = act(params, [[2, 0, 1]]);
    expect(numbers(moved.a)).toEqual([5, 6, 1, 2, 3, 4]);
    expect(numbers(moved.b)).toEqual([9, 7, 8, 12, 10, 11]);
    expect(moved.a.shape).toEqual([3, 2]);
    expect(paths).toEqual(["a", "b"]);
  });

  it("acts on a part of a parameter and through a view, by hand", () => {
    const params = { a: float64([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [2, 5]) };
    const parameterAxis = { path: "a", part: { axis: 1, start: 1, count: 4 }, view: [2, 2, 2], axis: 1 };
    const { act } = permutations(params, [{ size: 2, axes: [parameterAxis] }]);
    expect(numbers(act(params, [[1, 0]]).a)).toEqual([0, 3, 4, 1, 2, 5, 8, 9, 6, 7]);
  });

  it("keeps the loss of random networks on all data, and ||grad L||^2 with it", () => {
    for (const seed of seeds) {
      const problem = randomProblem(seed, { activations });
      const symmetry = permutations(problem.params, hiddenUnits(problem.params));
      const moved = symmetry.act(problem.params, symmetry.random(createRng(seed)));
      for (const f of [problem.loss, gradNormSq(problem.loss)]) {
        const value = evaluator(f, problem);
        expect(relative(value(problem.params, problem.batch), value(moved, problem.batch))).toBeLessThan(
          1e-12,
        );
      }
    }
  });

  it("pushes gradients and their squares forward to those of the new point", async () => {
    for (const seed of seeds.slice(0, 5)) {
      const problem = randomProblem(seed, { activations });
      const symmetry = permutations(problem.params, hiddenUnits(problem.params));
      const element = symmetry.random(createRng(seed));
      const before = await gradientOf(problem, problem.params);
      const after = await gradientOf(problem, symmetry.act(problem.params, element));
      expect(distance(after, symmetry.pushForward(before, element, 1))).toBeLessThan(1e-12);
      const squared = (g: MlpParams) => combine((a, b) => a * b, g, g);
      expect(distance(squared(after), symmetry.pushForward(squared(before), element, 2))).toBeLessThan(1e-12);
    }
  });

  it("is a group: composition acts as one after the other, the inverse undoes, bit for bit", () => {
    for (const seed of seeds) {
      const { params } = randomProblem(seed, { activations });
      const { act, compose, inverse, random, identity } = permutations(params, hiddenUnits(params));
      const [a, b] = [random(createRng(seed)), random(createRng(seed + 1))];
      expect(act(params, compose(b, a))).toEqual(act(act(params, a), b));
      expect(act(act(params, a), inverse(a))).toEqual(params);
      expect(compose(inverse(a), a)).toEqual(identity);
      expect(act(params, identity)).toEqual(params);
    }
  });

  it("moves by each swap of two units of a space once, and shares arrays that it leaves alone", () => {
    const { params } = randomProblem(5001, { activations });
    const spaces = hiddenUnits(params);
    const symmetry = permutations(params, spaces);
    const all = Array.from({ length: symmetry.moves }, (_, i) => symmetry.move(i));
    expect(symmetry.moves).toBe(spaces.reduce((sum, { size }) => sum + (size * (size - 1)) / 2, 0));
    expect(new Set(all.map((e) => JSON.stringify(e))).size).toBe(symmetry.moves);
    for (const element of all) {
      const changed =
        element.flat().length - element.flatMap((p) => p.filter((from, i) => from === i)).length;
      expect(changed).toBe(2);
      expect(symmetry.inverse(element)).toEqual(element);
    }
    const same = symmetry.act(params, symmetry.identity);
    leavesOf(same).forEach((leaf, i) => {
      expect(leaf).toBe(leavesOf(params)[i]);
    });
  });

  it("keeps float32", () => {
    const { params } = randomProblem(5001, { activations, dtype: "float32" });
    const symmetry = permutations(params, hiddenUnits(params));
    const moved = symmetry.act(params, symmetry.random(createRng(1)));
    expect(leavesOf(moved).every(({ data }) => data instanceof Float32Array)).toBe(true);
  });

  it("refuses paths, views and axes that do not fit, and spaces that do not commute", () => {
    const params = { a: float64([1, 2, 3, 4, 5, 6], [3, 2]) };
    const make =
      (path: string, view: number[], axis: number, size = 3) =>
      () =>
        permutations(params, [{ size, axes: [{ path, view, axis }] }]);
    expect(make("b", [3, 2], 0)).toThrow(/no parameter "b"; the parameters are a/);
    expect(make("a", [3, 3], 0)).toThrow(ShapeError);
    expect(make("a", [3, 2], 1)).toThrow(/must have the 3 units/);
    expect(make("a", [3, 2], 0, 0)).toThrow(OptionError);
    expect(() => permutations(params, [])).toThrow(OptionError);
    const heads = { size: 3, axes: [{ path: "a", view: [3, 2], axis: 0 }] };
    const units = { size: 6, axes: [{ path: "a", view: [6], axis: 0 }] };
    expect(() => permutations(params, [heads, units])).toThrow(/spaces 0 and 1/);
    const columns = { size: 2, axes: [{ path: "a", view: [3, 2], axis: 1 }] };
    expect(permutations(params, [heads, columns]).moves).toBe(4);
  });
});
