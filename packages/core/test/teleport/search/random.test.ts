import { randomProblem } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { OptionError } from "../../../src/errors.js";
import { hiddenAction } from "../../../src/symmetry/hidden/hidden-action.js";
import { pseudoInverseAction } from "../../../src/symmetry/hidden/pseudo-inverse-action.js";
import { type RandomSearchOptions, randomSearch } from "../../../src/teleport/search/random.js";
import { teleport } from "../../../src/teleport/teleporter.js";
import { batchOf, linearizedAct, numbersOf, productLoss, toy, toyScaling } from "../toy.js";
import { everyProposal, problemOf, teleportBy } from "./support.js";

const batch = batchOf(1, 3);
const problem = problemOf(productLoss, toy(2, 1), batch);

/** log of the factor on a. */
const T = (p: ReturnType<typeof toy>) => Math.log(numbersOf(p)[0] / 2);

describe("randomSearch", () => {
  it("goes to the best of its samples, all relative to the start and within the bound", async () => {
    const seen: number[] = [];
    const watched = toyScaling({
      act: async (p, element, b) => {
        seen.push(Number(element[0].data[0]));
        return toyScaling().act(p, element, b);
      },
    });
    const { params, report } = await teleportBy(randomSearch(watched, { samples: 30, seed: 4 }), problem);
    // The first two are those of the check of what the symmetry claims.
    expect(seen.splice(0, 2)).toHaveLength(2);
    expect(seen).toHaveLength(31);
    expect(Math.max(...seen.map(Math.abs))).toBeLessThanOrEqual(0.5);
    // ||g||^2 rises with T here: see line-search.test.ts.
    expect(T(params)).toBeCloseTo(Math.max(...seen), 12);
    expect(report).toMatchObject({ accepted: true, steps: 1 });
  });

  it("keeps the norm of T within a bound on the norm, and does not only draw at one radius", async () => {
    const p = randomProblem(7001, { activations: ["tanh"], size: "narrow" });
    const norms: number[] = [];
    const { trace: _, ...action } = hiddenAction(p.params, p.activation);
    const watched: typeof action = {
      ...action,
      act: async (params, element, b) => {
        norms.push(Math.hypot(...element.flatMap(({ data }) => Array.from(data as Float64Array))));
        return action.act(params, element, b);
      },
    };
    const { report } = await teleportBy(randomSearch(watched, { samples: 40, bound: 0.2 }), p);
    expect(Math.max(...norms)).toBeLessThanOrEqual(0.2);
    expect(Math.max(...norms)).toBeGreaterThan(0.15);
    expect(Math.min(...norms)).toBeLessThan(0.05);
    expect(report.drift).toBeLessThanOrEqual(1e-6);
    expect(report.objectiveAfter).toBeGreaterThanOrEqual(report.objectiveBefore);
  });

  it("goes on to the next best where the guard refuses, and says when there is no other", async () => {
    const { report } = await teleportBy(
      randomSearch(toyScaling({ act: linearizedAct, exact: "no" }), { samples: 3 }),
      problem,
    );
    expect(report.accepted).toBe(false);
    expect(report.reason).toMatch(/no other of 3 random group elements|the loss drifts/);
    const refusing = toyScaling({ act: async () => ({ refused: "no" }) });
    const { stopped } = await everyProposal(randomSearch(refusing, { samples: 3 }), problem, 1);
    expect(stopped).toBe("none of 3 random group elements can act: no");
  });

  it("moves nothing, even without a guard, where the batch is too large for the action", async () => {
    for (const make of [hiddenAction, pseudoInverseAction]) {
      const p = randomProblem(7002, { activations: ["tanh"], size: "wide" });
      const search = randomSearch(make(p.params, { activation: "tanh" }), { samples: 5 });
      const { params: start, batch: at, loss } = p;
      const { params, report } = await teleport({ search, loss, params: start, batch: at, guard: false });
      expect(params).toBe(start);
      expect(report.reason).toMatch(/^none of 5 random group elements can act: .+ for a batch of \d+/);
    }
  });

  it("gives the same point for the same seed and another one for another", async () => {
    const end = async (seed: number) =>
      T((await teleportBy(randomSearch(toyScaling(), { samples: 5, seed }), problem)).params);
    expect(await end(1)).toBe(await end(1));
    expect(await end(2)).not.toBe(await end(1));
  });

  it.each<RandomSearchOptions>([{ samples: 0 }, { seed: -1 }, { bound: 0 }])("refuses %j", (options) => {
    expect(() => randomSearch(toyScaling(), options)).toThrow(OptionError);
  });
});
