import { afterAll, describe, expect, it } from "vitest";
import { ndarray } from "../../../src/array.js";
import type { MlpParams } from "../../../src/nn/models/mlp.js";
import { adam } from "../../../src/optim/adam.js";
import { sgd } from "../../../src/optim/sgd.js";
import type { RuntimeName } from "../../../src/runtime/compile.js";
import { positiveScaling } from "../../../src/symmetry/positive-scaling.js";
import type { Symmetry } from "../../../src/symmetry/symmetry.js";
import type { GuardOptions } from "../../../src/teleport/guard.js";
import { decrease } from "../../../src/teleport/objective/decrease.js";
import { gradNormSq, minimized, type ObjectiveFor } from "../../../src/teleport/objective/objective.js";
import { gradientAscent } from "../../../src/teleport/search/ascent/gradient-ascent.js";
import { levelSet } from "../../../src/teleport/search/level-set/level-set.js";
import { lineSearch } from "../../../src/teleport/search/line-search.js";
import { randomSearch } from "../../../src/teleport/search/random.js";
import { scalingCorner } from "../../../src/teleport/search/scaling-corner.js";
import type { SearchFactory } from "../../../src/teleport/search/search.js";
import { createTeleporter } from "../../../src/teleport/teleporter.js";
import { distance, type Problem, randomProblem } from "../../symmetry/support.js";
import { symmetryRows } from "../../symmetry/symmetries.js";

const optimizer = sgd();
type Make = (symmetry: Symmetry<MlpParams>) => SearchFactory<MlpParams>;

interface Case {
  readonly guard?: GuardOptions | false;
  readonly objective?: ObjectiveFor<MlpParams>;
  readonly runtime?: RuntimeName;
}

/** A teleport, and whether all of it was one run. */
async function teleport(
  { params, batch, loss }: Problem,
  search: SearchFactory<MlpParams>,
  { guard = {}, objective = gradNormSq, runtime = "javascript" }: Case,
  isHosted: boolean,
) {
  let wasWhole = false;
  const memory = { optimizer: optimizer.init(params), learningRate: ndarray(Float64Array.of(0.05), []) };
  const teleporter = await createTeleporter({
    ...{ objective, loss, params, batch, memory, runtime },
    search: async (problem) => {
      const { compiledWalk, ...found } = await search(problem);
      if (compiledWalk === undefined || isHosted) return found;
      return {
        ...found,
        async compiledWalk(...given) {
          const walk = await compiledWalk(...given);
          wasWhole = walk !== undefined;
          return walk;
        },
      };
    },
    guard: guard && { curvature: 0, ...guard },
  });
  const result = await teleporter.teleport(params, batch, { memory });
  const pushed = (await result.pushForward?.(params, 1)) as MlpParams | undefined;
  await teleporter.dispose();
  return { ...result, pushed, wasWhole };
}

const line: Make = (symmetry) => lineSearch(symmetry, { steps: 3, evaluations: 8 });
const far: Make = (symmetry) => lineSearch(symmetry, { steps: 4, evaluations: 14, bound: 3 });
const random: Make = (symmetry) => randomSearch(symmetry, { samples: 12, seed: 3 });
const wild: Make = (symmetry) => randomSearch(symmetry, { samples: 9, bound: 4 });
const corner: Make = (symmetry) => scalingCorner(symmetry, { bound: 0.4 });
const plainCorner: Make = (symmetry) => scalingCorner(symmetry, { bound: 2, sweeps: 0 });

const ascent: Make = (symmetry) => gradientAscent(symmetry, { steps: 4, bound: 1 });
const along: Make = () => levelSet<MlpParams>({ steps: 4 });

const race = { learningRate: 0.02, steps: 4 };
const adaptive = { ...race, optimizer: adam() };
/** At a rate at which descent from many points diverges. */
const steep = { learningRate: 0.6, steps: 3, optimizer: sgd({ momentum: 0.9 }) };
const virtual = decrease({ optimizer });

const rows: readonly (readonly [string, Make, Case])[] = [
  ["line search", line, {}],
  ["line search, of virtual steps", far, { objective: virtual, guard: { halvings: 5 } }],
  ["line search, unguarded", far, { guard: false }],
  ["line search, raced", line, { guard: { race } }],
  ["line search, in ONNX Runtime", line, { objective: minimized(gradNormSq), runtime: "onnx" }],
  ["random elements", random, {}],
  ["random elements, refused", wild, { objective: virtual, guard: { drift: 1e-15, halvings: 2 } }],
  ["random elements, in a steep race", wild, { guard: { race: steep, halvings: 20 } }],
  ["random elements, in ONNX Runtime", random, { guard: { race: adaptive }, runtime: "onnx" }],
  ["corner", corner, {}],
  ["corner, in a steep race", corner, { objective: minimized(gradNormSq), guard: { race: steep } }],
  ["corner, in ONNX Runtime", plainCorner, { objective: virtual, runtime: "onnx" }],
  ["ascent, raced", ascent, { guard: { race } }],
  ["ascent, in a steep race", ascent, { guard: { race: steep } }],
  ["level set, raced", along, { guard: { race: adaptive } }],
  ["level set, in a steep race", along, { guard: { race: steep } }],
];

const groups = Object.fromEntries(symmetryRows.map((row) => [row.name, row]));

async function compare(problem: Problem, make: () => Symmetry<MlpParams>, search: Make, options: Case) {
  const compiled = await teleport(problem, search(make()), options, false);
  const walk = await teleport(problem, search(make()), options, true);
  const { seconds: _, ...report } = compiled.report;
  expect(walk.wasWhole).toBe(false);
  expect(report.reason, problem.label).toBe(walk.report.reason);
  expect(report.steps, problem.label).toBe(walk.report.steps);
  expect(report.halvings, problem.label).toBe(walk.report.halvings);
  expect(distance(walk.params, compiled.params), problem.label).toBeLessThan(1e-6);
  for (const name of ["lossAfter", "objectiveBefore", "objectiveAfter", "gradNormSqAfter"] as const) {
    expect(Math.abs(report[name] / walk.report[name] - 1), `${problem.label} ${name}`).toBeLessThan(1e-6);
  }
  if (walk.pushed && compiled.pushed) {
    expect(distance(walk.pushed, compiled.pushed), problem.label).toBeLessThan(1e-6);
  }
  return compiled;
}

describe("a search on an orbit as one program", () => {
  let accepted = 0;
  afterAll(() => expect(accepted).toBeGreaterThan(rows.length));

  it.each(rows)("leads where the host leads: %s", async (_, search, options) => {
    let whole = 0;
    for (const seed of [60, 61, 63]) {
      const problem = randomProblem(seed, { activations: ["relu", "leakyRelu"] });
      const make = () => positiveScaling(problem.params, problem.activation);
      const { report, wasWhole } = await compare(problem, make, search, options);
      if (report.accepted) accepted++;
      if (wasWhole) whole++;
    }
    expect(whole).toBeGreaterThanOrEqual(2);
  });

  it.each([
    ["hiddenAction", line],
    ["hiddenAction", random],
    ["GL of linear networks", line],
    ["GL of linear networks", wild],
  ] as const)("leads there for %s", async (name, search) => {
    let whole = 0;
    for (const seed of [70, 71]) {
      const problem = randomProblem(seed, groups[name]);
      const { wasWhole } = await compare(problem, () => groups[name].make(problem), search, {});
      if (wasWhole) whole++;
    }
    expect(whole).toBeGreaterThan(0);
  });
});
