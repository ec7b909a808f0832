import { randomCases } from "isoloss-test-support/random-cases";
import { evaluator, randomProblem } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { OptionError } from "../../../src/errors.js";
import { mul, neg, sub } from "../../../src/graph/ops/arithmetic.js";
import { less, where } from "../../../src/graph/ops/compare.js";
import { square } from "../../../src/graph/ops/elementary.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { hiddenAction } from "../../../src/symmetry/hidden/hidden-action.js";
import { gradNormSq } from "../../../src/teleport/objective/objective.js";
import { gradientAscent } from "../../../src/teleport/search/gradient-ascent.js";
import { type LineSearchOptions, lineSearch } from "../../../src/teleport/search/line-search.js";
import { batchOf, numbersOf, productLoss, refusing, toy, toyScaling } from "../toy.js";
import { everyProposal, problemOf, teleportBy } from "./support.js";

const batch = batchOf(1, 3);
const start = toy(2, 1);
const problem = problemOf(productLoss, start, batch);

describe("lineSearch", () => {
  // L = (ab - 3)^2 at ab = 2: ||g||^2 = 4 (a^2 + b^2), that is 4 (4 e^2t + e^-2t), which rises with t for t > -0.35.
  it("goes to the edge of the trust region where the objective rises all the way, and reports the bound", async () => {
    const { points, stopped } = await everyProposal(lineSearch(toyScaling()), problem, 3);
    expect(points).toHaveLength(2);
    expect(numbersOf(points[1])[0]).toBeCloseTo(2 * Math.exp(0.5), 6);
    expect(stopped).toMatch(/the bound 0.5 on the group element is reached/);
  });

  it("finds a maximum inside by hand: -(a - 2.5)^2", async () => {
    const inside = { ...problem, objective: ((p: never) => peak(p)) as never };
    const { points } = await everyProposal(
      lineSearch(toyScaling(), { evaluations: 40, steps: 1 }),
      inside,
      1,
    );
    expect(numbersOf(points[1])[0]).toBeCloseTo(2.5, 6);
  });

  it("stays where the objective is finite: Infinity from a = 2.02 on", async () => {
    const overflowing = () => (p: ReturnType<typeof toy>) => {
      const { a } = p as unknown as Record<"a", Tensor>;
      return sum(where(less(a, 2.02), a, Infinity));
    };
    const search = lineSearch(toyScaling(), { steps: 1 });
    const { params, report } = await teleportBy(search, problem, overflowing as never);
    expect(report).toMatchObject({ accepted: true, halvings: 0 });
    const [a] = numbersOf(params);
    expect(a).toBeGreaterThan(2.015);
    expect(a).toBeLessThan(2.02);
  });

  it("gets further in one round than one step of gradient ascent, at the same loss", async () => {
    let further = 0;
    const count = randomCases(8);
    for (let seed = 0; seed < count; seed++) {
      const p = randomProblem(7000 + seed, { activations: ["tanh", "softplus"], size: "narrow" });
      const make = () => hiddenAction(p.params, p.activation);
      const searched = await teleportBy(lineSearch(make(), { steps: 1 }), p);
      const stepped = await teleportBy(gradientAscent(make(), { steps: 1 }), p);
      expect(searched.report.drift, p.label).toBeLessThanOrEqual(1e-6);
      if (searched.report.accepted) {
        const value = evaluator(gradNormSq(p.loss), p);
        expect(value(searched.params, p.batch)).toBeGreaterThan(value(p.params, p.batch));
      }
      if (searched.report.gradNormSqAfter >= stepped.report.gradNormSqAfter) further++;
    }
    expect(further).toBeGreaterThanOrEqual(count - 1);
  });

  it("pushes trees forward through all its rounds", async () => {
    const pushing = toyScaling({
      pushForward: async ({ a, b }, [t], power) => {
        const factor = Math.exp(power * Number(t.data[0]));
        return toy(Number(a.data[0]) / factor, Number(b.data[0]) * factor);
      },
    });
    const search = lineSearch(pushing, { steps: 3, evaluations: 2, stepSize: 0.1 });
    const { params, report, pushForward } = await teleportBy(search, problem);
    expect(report.steps).toBeGreaterThan(1);
    const factor = numbersOf(params)[0] / 2;
    const [a, b] = numbersOf((await pushForward?.(toy(1, 1), 2)) as typeof start);
    expect(a).toBeCloseTo(factor ** -2, 12);
    expect(b).toBeCloseTo(factor ** 2, 12);
  });

  it("ends where the objective is stationary, and where no point is better", async () => {
    const flat = { ...problem, objective: ((p: never) => flatObjective(p)) as never };
    expect((await everyProposal(lineSearch(toyScaling()), flat, 1)).stopped).toMatch(
      /stationary along the orbit/,
    );
    const search = lineSearch(toyScaling({ ...refusing, exact: "no" }));
    expect((await everyProposal(search, problem, 1)).stopped).toMatch(/no point of 10/);
  });

  it.each<LineSearchOptions>([{ steps: -1 }, { bound: 0 }, { stepSize: 0 }, { evaluations: 0 }])(
    "refuses %j",
    (options) => {
      expect(() => lineSearch(toyScaling(), options)).toThrow(OptionError);
    },
  );
});

const peak = ({ a }: { a: Tensor }): Tensor => neg(sum(square(sub(a, 2.5))));
const flatObjective = ({ a, b }: { a: Tensor; b: Tensor }): Tensor => sum(mul(a, mul(b, 0)));
