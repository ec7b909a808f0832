import { readFileSync } from "node:fs";
import { distance, randomProblem } from "isoloss-test-support/symmetry/support";
import { expect } from "vitest";
import type { GuardOptions } from "../../../../src/teleport/guard.js";
import { gradNormSq, minimized } from "../../../../src/teleport/objective/objective.js";
import { type LevelSetOptions, levelSet } from "../../../../src/teleport/search/level-set/level-set.js";
import type { SearchFactory, WhyNot } from "../../../../src/teleport/search/search.js";
import { createTeleporter, type TeleporterOptions } from "../../../../src/teleport/teleporter.js";
import type { Walk } from "../recorded-walks.js";

interface Recorded {
  readonly options: LevelSetOptions & {
    readonly objective?: "minimized";
    readonly guard?: GuardOptions | false;
  };
  readonly walks: readonly Walk[];
}

export const { cases }: { readonly cases: readonly Recorded[] } = JSON.parse(
  readFileSync(new URL("../../../golden/level-set-walks.json", import.meta.url), "utf8"),
);

type Problem<P> = Pick<TeleporterOptions<P>, "loss" | "params" | "batch" | "runtime">;

/** @param whyNot what the host says of each candidate; left out: it is not asked */
export async function walked<P>(
  { loss, params, batch, runtime }: Problem<P>,
  { guard = {}, objective, ...options }: Recorded["options"],
  whyNot?: WhyNot<P>,
) {
  const search: SearchFactory<P> = async (problem) => {
    const found = await levelSet<P>(options)(problem);
    return {
      ...found,
      run: async (start, setting, limits) => found.run?.(start, setting, limits, { whyNot }) as never,
    };
  };
  const teleporter = await createTeleporter<P>({
    search,
    loss,
    params,
    batch,
    runtime,
    objective: objective ? minimized(gradNormSq) : gradNormSq,
    guard: guard && { curvature: 0, ...guard },
  });
  const result = await teleporter.teleport(params, batch as never);
  await teleporter.dispose();
  return result;
}

/** A problem of the recorded walks. */
export const problemAt = (seed: number) => randomProblem(seed, { activations: ["tanh", "softplus", "elu"] });

/** Expects the recorded walks of some seeds. */
export async function expectRecorded({ options, walks }: Recorded, seeds: readonly number[]): Promise<void> {
  for (const { seed, lossAfter, gradNormSqAfter, ...record } of walks.filter((w) => seeds.includes(w.seed))) {
    const problem = problemAt(seed);
    const { report } = await walked(problem, options);
    expect(report, problem.label).toMatchObject(record);
    expect(report.lossAfter / lossAfter, problem.label).toBeCloseTo(1, 9);
    expect(report.gradNormSqAfter / gradNormSqAfter, problem.label).toBeCloseTo(1, 8);
  }
}

/** Expects that the same walk follows where the host is asked at each candidate and refuses none. */
export async function expectSameAsked({ options }: Recorded, seed: number): Promise<void> {
  const problem = problemAt(seed);
  const whole = await walked(problem, options);
  let count = 0;
  const asked = await walked(problem, options, async () => {
    count++;
    return undefined;
  });
  const { reason, steps, halvings } = whole.report;
  // It is asked of each point that keeps the loss, also of one that does not raise the objective.
  expect(count, problem.label).toBeGreaterThanOrEqual(steps);
  expect(count, problem.label).toBeLessThanOrEqual(steps + halvings + 1);
  expect(asked.report, problem.label).toMatchObject({ reason, steps, halvings });
  expect(distance(asked.params, whole.params), problem.label).toBeLessThan(1e-12);
}
