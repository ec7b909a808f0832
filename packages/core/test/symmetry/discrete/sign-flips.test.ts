import { float64, numbers } from "isoloss-test-support/nn/support";
import { combine, distance, evaluator, randomProblem, relative } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { OptionError } from "../../../src/errors.js";
import { createRng } from "../../../src/math/rng.js";
import type { MlpParams } from "../../../src/nn/models/mlp.js";
import { signFlips } from "../../../src/symmetry/discrete/sign-flips.js";
import { gradientOf, hiddenUnits } from "../units.js";

const seeds = Array.from({ length: 20 }, (_, i) => 6000 + i);
const activations = ["tanh", "identity"] as const;

describe("signFlips", () => {
  it("multiplies unit i by its sign along each parameterAxis, by hand", () => {
    const params = { a: float64([1, 2, 3, 4, 5, 6], [3, 2]), b: float64([7, 8, 9, 10, 11, 12], [2, 3]) };
    const { act } = signFlips(params, [
      {
        size: 3,
        axes: [
          { path: "a", view: [3, 2], axis: 0 },
          { path: "b", part: { axis: 0, start: 1, count: 1 }, view: [1, 3], axis: 1 },
        ],
      },
    ]);
    const moved = act(params, [[1, -1, 1]]);
    expect(numbers(moved.a)).toEqual([1, 2, -3, -4, 5, 6]);
    expect(numbers(moved.b)).toEqual([7, 8, 9, 10, -11, 12]);
  });

  it("flips a whole parameter by a single sign, whatever the axes", () => {
    const params = { a: float64([1, 2, 3, 4], [2, 2]) };
    const { act } = signFlips(params, [{ size: 1, axes: [{ path: "a", view: [2, 2], axis: 0 }] }]);
    expect(numbers(act(params, [[-1]]).a)).toEqual([-1, -2, -3, -4]);
  });

  it("keeps the loss of random networks with an odd activation on all data", () => {
    for (const seed of seeds) {
      const problem = randomProblem(seed, { activations });
      const symmetry = signFlips(problem.params, hiddenUnits(problem.params));
      const moved = symmetry.act(problem.params, symmetry.random(createRng(seed)));
      const value = evaluator(problem.loss, problem);
      expect(relative(value(problem.params, problem.batch), value(moved, problem.batch))).toBeLessThan(1e-13);
    }
  });

  it("does not keep it for an activation that is not odd", () => {
    const problem = randomProblem(6001, { activations: ["softplus"] });
    const symmetry = signFlips(problem.params, hiddenUnits(problem.params));
    const value = evaluator(problem.loss, problem);
    const moved = symmetry.act(problem.params, symmetry.move(0));
    expect(relative(value(problem.params, problem.batch), value(moved, problem.batch))).toBeGreaterThan(1e-3);
  });

  it("pushes gradients forward with their signs, and squares without", async () => {
    for (const seed of seeds.slice(0, 5)) {
      const problem = randomProblem(seed, { activations });
      const symmetry = signFlips(problem.params, hiddenUnits(problem.params));
      const element = symmetry.random(createRng(seed));
      const before = await gradientOf(problem, problem.params);
      const after = await gradientOf(problem, symmetry.act(problem.params, element));
      expect(distance(after, symmetry.pushForward(before, element, 1))).toBeLessThan(1e-12);
      const squared = (g: MlpParams) => combine((a, b) => a * b, g, g);
      expect(distance(squared(after), symmetry.pushForward(squared(before), element, 2))).toBeLessThan(1e-12);
    }
  });

  it("is a group whose elements undo themselves, and moves by one unit", () => {
    for (const seed of seeds) {
      const { params } = randomProblem(seed, { activations });
      const symmetry = signFlips(params, hiddenUnits(params));
      const { act, compose, inverse, random, identity } = symmetry;
      const [a, b] = [random(createRng(seed)), random(createRng(seed + 1))];
      expect(act(params, compose(b, a))).toEqual(act(act(params, a), b));
      expect(act(act(params, a), inverse(a))).toEqual(params);
      expect(compose(a, a)).toEqual(identity);
      const all = Array.from({ length: symmetry.moves }, (_, i) => symmetry.move(i));
      expect(new Set(all.map((e) => JSON.stringify(e))).size).toBe(symmetry.moves);
      for (const element of all) expect(element.flat().filter((sign) => sign === -1)).toHaveLength(1);
    }
  });

  it("refuses axes that do not fit", () => {
    const params = { a: float64([1, 2], [2]) };
    expect(() => signFlips(params, [{ size: 2, axes: [{ path: "b", view: [2], axis: 0 }] }])).toThrow(
      OptionError,
    );
  });
});
