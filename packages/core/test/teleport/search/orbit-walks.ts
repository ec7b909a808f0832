// Searches on an orbit, against what was recorded.

import { distance, type Problem, randomProblem } from "isoloss-test-support/symmetry/support";
import { expect } from "vitest";
import { ndarray } from "../../../src/array.js";
import { mul } from "../../../src/graph/ops/arithmetic.js";
import type { MlpParams } from "../../../src/nn/models/mlp.js";
import { adam } from "../../../src/optim/adam.js";
import { sgd } from "../../../src/optim/sgd.js";
import type { RuntimeName } from "../../../src/runtime/compile.js";
import { mapArrays } from "../../../src/symmetry/parameter-axes.js";
import { positiveScaling } from "../../../src/symmetry/positive-scaling.js";
import type { Symmetry } from "../../../src/symmetry/symmetry.js";
import type { GuardOptions } from "../../../src/teleport/guard.js";
import { decrease } from "../../../src/teleport/objective/decrease.js";
import { gradNormSq, type ObjectiveFor } from "../../../src/teleport/objective/objective.js";
import type { TeleportReport } from "../../../src/teleport/report.js";
import { balance } from "../../../src/teleport/search/balance.js";
import { gradientAscent } from "../../../src/teleport/search/gradient-ascent.js";
import { levelSet } from "../../../src/teleport/search/level-set/level-set.js";
import { lineSearch } from "../../../src/teleport/search/line-search.js";
import { randomSearch } from "../../../src/teleport/search/random.js";
import { scalingCorner } from "../../../src/teleport/search/scaling-corner.js";
import type { SearchFactory } from "../../../src/teleport/search/search.js";
import { createTeleporter } from "../../../src/teleport/teleporter.js";
import { symmetryRows } from "../../symmetry/symmetries.js";
import { expectWalk, orbit, recordOf, type Walk } from "./recorded-walks.js";

const optimizer = sgd();
export type Make = (symmetry: Symmetry<MlpParams>) => SearchFactory<MlpParams>;

export interface Case {
  readonly guard?: GuardOptions | false;
  readonly objective?: ObjectiveFor<MlpParams>;
  readonly runtime?: RuntimeName;
  /** With held-out data, and a loss of their own there; default false. */
  readonly heldOut?: boolean;
}

/** A teleport, and whether all of it was one run. */
async function teleport(
  { params, batch, loss }: Problem,
  search: SearchFactory<MlpParams>,
  { guard = {}, objective = gradNormSq, runtime = "javascript", heldOut = false }: Case,
  isAsked: boolean,
) {
  let wasWhole = false;
  const memory = { optimizer: optimizer.init(params), learningRate: ndarray(Float64Array.of(0.05), []) };
  const teleporter = await createTeleporter<MlpParams>({
    objective,
    loss,
    params,
    batch,
    memory,
    runtime,
    search: async (problem) => {
      const found = await search(problem);
      const { run } = found;
      return {
        ...found,
        // Without the race in its program it asks the host at each candidate.
        races: isAsked ? false : found.races,
        run(start, setting, limits, how) {
          wasWhole = how?.whyNot === undefined;
          return run(start, setting, limits, how);
        },
      };
    },
    guard: guard && { curvature: 0, ...guard },
    heldOutLoss: heldOut ? (p, b) => mul(0.5, loss(p, b)) : undefined,
  });
  const result = await teleporter.teleport(params, batch, {
    memory,
    ...(heldOut
      ? { heldOut: mapArrays(batch, ({ shape, data }) => ({ shape, data: data.slice().reverse() })) }
      : {}),
  });
  const pushed = (await result.pushForward?.(params, 1)) as MlpParams | undefined;
  await teleporter.dispose();
  return { ...result, pushed, wasWhole };
}

export const line: Make = (symmetry) => lineSearch(symmetry, { steps: 3, evaluations: 8 });
export const far: Make = (symmetry) => lineSearch(symmetry, { steps: 4, evaluations: 14, bound: 3 });
export const random: Make = (symmetry) => randomSearch(symmetry, { samples: 12, seed: 3 });
export const wild: Make = (symmetry) => randomSearch(symmetry, { samples: 9, bound: 4 });
export const corner: Make = (symmetry) => scalingCorner(symmetry, { bound: 0.4 });
export const plainCorner: Make = (symmetry) => scalingCorner(symmetry, { bound: 2, sweeps: 0 });

export const even: Make = (symmetry) => balance(symmetry);
export const evenRanges: Make = (symmetry) => balance(symmetry, { by: "range" });
export const evenGradients: Make = (symmetry) => balance(symmetry, { by: "gradient", tolerance: 1e-6 });

export const ascent: Make = (symmetry) => gradientAscent(symmetry, { steps: 4, bound: 1 });
export const along: Make = () => levelSet<MlpParams>({ steps: 4 });

export const race = { learningRate: 0.02, steps: 4 };
export const adaptive = { ...race, optimizer: adam() };
/** At a rate at which descent from many points diverges. */
export const steep = { learningRate: 0.6, steps: 3, optimizer: sgd({ momentum: 0.9 }) };
export const virtual = decrease({ optimizer });

const groups = Object.fromEntries(symmetryRows.map((row) => [row.name, row]));

/** Expects the recorded walk of a search, and with a race the same end where the host runs the race, asked at each candidate. */
async function expectRecorded(
  problem: Problem,
  make: () => SearchFactory<MlpParams>,
  options: Case,
  record: Walk | undefined,
): Promise<TeleportReport> {
  const { report, pushed, params, wasWhole } = await teleport(problem, make(), options, false);
  expect(wasWhole).toBe(true);
  if (record) expectWalk({ report, pushed }, record, problem.label);
  const { guard = {} } = options;
  if (guard === false || guard.race === undefined) return report;
  const asked = await teleport(problem, make(), options, true);
  expect(asked.wasWhole).toBe(false);
  expect(asked.report.reason, problem.label).toBe(report.reason);
  expect(asked.report.halvings, problem.label).toBe(report.halvings);
  if (options.heldOut) expect(report.heldOut?.drift).toBeCloseTo(asked.report.heldOut?.drift as number, 10);
  expect(distance(asked.params, params), problem.label).toBeLessThan(1e-6);
  return report;
}

/** How many teleports of a search for positive scaling were accepted. */
export async function expectScaling(name: string, search: Make, options: Case): Promise<number> {
  let accepted = 0;
  for (const seed of [60, 61, 63]) {
    const problem = randomProblem(seed, { activations: ["relu", "leakyRelu"] });
    const make = () => search(positiveScaling(problem.params, problem.activation));
    const report = await expectRecorded(problem, make, options, recordOf(orbit, name, seed));
    if (report.accepted) accepted++;
  }
  return accepted;
}

/** Expects the recorded walks of a search for another group. */
export async function expectGroup(group: string, name: string, search: Make): Promise<void> {
  for (const seed of [70, 71]) {
    const problem = randomProblem(seed, groups[group]);
    const record = recordOf(orbit, `${group}, ${name}`, seed);
    if (record === undefined) throw new Error(`no walk of ${group}, ${name} is recorded`);
    await expectRecorded(problem, () => search(groups[group].make(problem)), {}, record);
  }
}
