import { randomProblem } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { OptionError } from "../../../src/errors.js";
import { equal, less, where } from "../../../src/graph/ops/compare.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import type { TensorsOf } from "../../../src/graph/trace.js";
import { hiddenAction } from "../../../src/symmetry/hidden/hidden-action.js";
import { pseudoInverseAction } from "../../../src/symmetry/hidden/pseudo-inverse-action.js";
import type { Objective } from "../../../src/teleport/objective/objective.js";
import { type RandomSearchOptions, randomSearch } from "../../../src/teleport/search/random.js";
import { teleport } from "../../../src/teleport/teleporter.js";
import { batchOf, linearized, numbersOf, productLoss, refusing, type Toy, toy, toyScaling } from "../toy.js";
import { everyProposal, problemOf, teleportBy } from "./support.js";

const batch = batchOf(1, 3);
const problem = problemOf(productLoss, toy(2, 1), batch);

/** log of the factor on a. */
const T = (p: ReturnType<typeof toy>) => Math.log(numbersOf(p)[0] / 2);

describe("randomSearch", () => {
  it("goes to the best of its samples, all relative to the start and within the bound", async () => {
    const reached: number[] = [];
    for (const samples of [1, 2, 5, 30]) {
      const { params } = await teleportBy(randomSearch(toyScaling(), { samples, seed: 4 }), problem);
      reached.push(T(params));
    }
    // ||g||^2 rises with T here: see line-search.test.ts. More samples begin with the same ones.
    expect([...reached].sort((a, b) => a - b)).toEqual(reached);
    expect(reached[3]).toBeGreaterThan(0.4);
    expect(reached[3]).toBeLessThanOrEqual(0.5);
  });

  it("keeps the norm of T within a bound on the norm, and does not only draw at one radius", async () => {
    const norms: number[] = [];
    for (let seed = 0; seed < 40; seed++) {
      const symmetry = toyScaling({ bound: { kind: "norm", value: 0.2 } });
      const { params, report } = await teleportBy(randomSearch(symmetry, { samples: 1, seed }), problem);
      if (report.accepted) norms.push(T(params));
    }
    expect(Math.max(...norms)).toBeLessThanOrEqual(0.2);
    expect(Math.max(...norms)).toBeGreaterThan(0.15);
    expect(Math.min(...norms)).toBeLessThan(0.05);
  });

  it("goes on to the next best where the guard refuses, and says why none is left", async () => {
    const { report } = await teleportBy(
      randomSearch(toyScaling({ ...linearized, exact: "no" }), { samples: 3 }),
      problem,
    );
    expect(report.accepted).toBe(false);
    expect(report.reason).toMatch(/the loss drifts/);
    const search = randomSearch(toyScaling({ ...refusing, exact: "no" }), { samples: 3 });
    const { stopped } = await everyProposal(search, problem, 1);
    expect(stopped).toBe("none of 3 random group elements can act: no action here");
  });

  it("passes over samples whose objective is not finite, and does not say that they cannot act", async () => {
    const overflowing: Objective = () => (p) => {
      const { a } = p as unknown as TensorsOf<Toy>;
      return sum(where(less(a, 2.5), a, Infinity));
    };
    const { params, report } = await teleportBy(
      randomSearch(toyScaling(), { samples: 30 }),
      problem,
      overflowing,
    );
    expect(report).toMatchObject({ accepted: true, halvings: 0 });
    const [a] = numbersOf(params);
    expect(a).toBeGreaterThan(2);
    expect(a).toBeLessThan(2.5);
    const nowhere: Objective = () => (p) => {
      const { a } = p as unknown as TensorsOf<Toy>;
      return sum(where(equal(a, 2), a, Number.NaN));
    };
    const none = await teleportBy(randomSearch(toyScaling(), { samples: 3 }), problem, nowhere);
    expect(none.report.reason).toBe("none of 3 random group elements raises the objective");
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
