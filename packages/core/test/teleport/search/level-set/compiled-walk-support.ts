import { distance, randomProblem } from "isoloss-test-support/symmetry/support";
import { expect, it } from "vitest";
import type { BatchLoss } from "../../../../src/batch.js";
import type { GuardOptions } from "../../../../src/teleport/guard.js";
import { gradNormSq, minimized, type Objective } from "../../../../src/teleport/objective/objective.js";
import { type LevelSetOptions, levelSet } from "../../../../src/teleport/search/level-set/level-set.js";
import type { SearchFactory } from "../../../../src/teleport/search/search.js";
import { createTeleporter, type TeleporterOptions } from "../../../../src/teleport/teleporter.js";

export const seeds = Array.from({ length: 4 }, (_, i) => 70 + i);

/** The same search, whose steps the host takes. */
const stepwise =
  <P>(factory: SearchFactory<P>): SearchFactory<P> =>
  async (problem) => {
    const { compiledWalk: _, ...search } = await factory(problem);
    return search;
  };

/** Fails where the compiled walk leaves the decision to the host. */
const atOnce =
  <P>(factory: SearchFactory<P>): SearchFactory<P> =>
  async (problem) => {
    const search = await factory(problem);
    return {
      ...search,
      async compiledWalk(...args) {
        const walked = await search.compiledWalk?.(...args);
        if (walked === undefined) throw new Error("the compiled walk did not decide");
        return walked;
      },
    };
  };

interface Case extends LevelSetOptions {
  readonly guard?: GuardOptions | false;
  readonly objective?: Objective;
}

export type Problem<P> = Pick<TeleporterOptions<P>, "params" | "batch" | "runtime"> & {
  readonly loss: BatchLoss<P>;
};

export async function both<P>(
  { loss, params, batch, runtime }: Problem<P>,
  { guard = {}, objective, ...options }: Case,
) {
  const results = [];
  for (const form of [atOnce, stepwise]) {
    const teleporter = await createTeleporter<P>({
      search: form(levelSet<P>(options)),
      loss,
      params,
      batch,
      objective: objective ?? gradNormSq,
      guard: guard && { curvature: 0, ...guard },
      ...(runtime ? { runtime } : {}),
    });
    results.push(await teleporter.teleport(params, batch as never));
    await teleporter.dispose();
  }
  return results;
}

export const cases: readonly Case[] = [
  { steps: 15 },
  { steps: 3, rho: 0.02 },
  { steps: 0 },
  { steps: 10, rho: 30 },
  { steps: 5, objective: minimized(gradNormSq) },
  { steps: 5, lineSearch: false },
  { steps: 5, lineSearch: false, rho: 3 },
  { steps: 5, lineSearch: false, rho: 1e8 },
  { steps: 5, project: false, guard: false },
  { steps: 5, project: false, guard: { drift: 1e-3 } },
  { steps: 5, project: false, guard: { drift: 1e-3, halvings: 12 } },
  { steps: 5, project: false, sublevel: false, guard: { drift: 0.05 } },
  { steps: 5, project: false, lineSearch: false, guard: { drift: 1e-3, halvings: 9 } },
  { steps: 20, tolerance: 0.02 },
  { steps: 5, rho: 3, guard: { drift: 1e-11 } },
];

export function expectSameWalks(rows: typeof cases): void {
  it.each(rows)("leads where steps one by one lead: %j", async (options) => {
    for (const seed of seeds) {
      const problem = randomProblem(seed, { activations: ["tanh", "softplus", "elu"] });
      const [compiled, walk] = await both(problem, options);
      const { seconds: _, ...report } = compiled.report;
      expect(report.reason, problem.label).toBe(walk.report.reason);
      expect(report.steps, problem.label).toBe(walk.report.steps);
      expect(report.halvings, problem.label).toBe(walk.report.halvings);
      expect(distance(walk.params, compiled.params), problem.label).toBeLessThan(1e-8);
      expect(walk.report.gradNormSqAfter / report.gradNormSqAfter, problem.label).toBeCloseTo(1, 8);
      expect(walk.report.lossAfter / report.lossAfter, problem.label).toBeCloseTo(1, 9);
    }
  });
}
