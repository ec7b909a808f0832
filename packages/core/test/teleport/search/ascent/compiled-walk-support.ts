import { distance, type Problem, randomProblem } from "isoloss-test-support/symmetry/support";
import { expect, it, vi } from "vitest";
import { ndarray } from "../../../../src/array.js";
import type { MlpParams } from "../../../../src/nn/models/mlp.js";
import { sgd } from "../../../../src/optim/sgd.js";
import { positiveScaling } from "../../../../src/symmetry/positive-scaling.js";
import type { Symmetry } from "../../../../src/symmetry/symmetry.js";
import type { GuardOptions } from "../../../../src/teleport/guard.js";
import { decrease } from "../../../../src/teleport/objective/decrease.js";
import { gradNormSq, type ObjectiveFor } from "../../../../src/teleport/objective/objective.js";
import {
  type GradientAscentOptions,
  gradientAscent,
} from "../../../../src/teleport/search/ascent/gradient-ascent.js";
import { createTeleporter } from "../../../../src/teleport/teleporter.js";
import { symmetryRows } from "../../../symmetry/symmetries.js";

const seeds = Array.from({ length: 12 }, (_, i) => 40 + i);

const optimizer = sgd();

const memoryOf = (params: MlpParams) => ({
  optimizer: optimizer.init(params),
  learningRate: ndarray(Float64Array.of(0.05), []),
});

async function teleport(
  { params, batch, loss }: Problem,
  symmetry: Symmetry<MlpParams>,
  { guard = {}, objective = gradNormSq, ...options }: Ascent,
) {
  const teleporter = await createTeleporter({
    search: gradientAscent(symmetry, options),
    objective,
    loss,
    params,
    batch,
    memory: memoryOf(params),
    guard: guard && { curvature: 0, ...guard },
  });
  const result = await teleporter.teleport(params, batch, { memory: memoryOf(params) });
  const pushed = await result.pushForward?.(params, 1);
  const squares = await result.pushForward?.(params, 2);
  await teleporter.dispose();
  return { ...result, pushed: pushed as MlpParams, squares: squares as MlpParams };
}

/** The same action, step by step. */
const stepwise = ({ trace: _, ...symmetry }: Symmetry<MlpParams>): Symmetry<MlpParams> => symmetry;

interface Ascent extends GradientAscentOptions {
  readonly guard?: GuardOptions | false;
  readonly objective?: ObjectiveFor<MlpParams>;
}

/** Refused where the last of the steps taken one by one leads. */
const tooFar: Ascent = { steps: 5, stepSize: 0.4, bound: 2, objective: decrease({ optimizer }) };

export const ascents: readonly Ascent[] = [
  {},
  { steps: 3, stepSize: 0.02 },
  { momentum: 0.5, bound: 1 },
  { normalized: false, stepSize: 1e-3 },
  { steps: 40, bound: 0.1 },
  { steps: 40, bound: 0.1, guard: { halvings: 20 } },
  tooFar,
  { ...tooFar, momentum: 0.8, steps: 12 },
  { ...tooFar, guard: { halvings: 0 } },
  { ...tooFar, guard: { halvings: 1 } },
  { ...tooFar, guard: { halvings: 9 } },
  { guard: { drift: 1e-16 } },
  { ...tooFar, guard: false },
];

export function expectSameWalks(rows: typeof ascents): void {
  it.each<Ascent>(rows)("leads where steps one by one lead: %j", async (options) => {
    let accepted = 0;
    for (const seed of seeds) {
      const problem = randomProblem(seed, { activations: ["relu", "leakyRelu"] });
      const symmetry = positiveScaling(problem.params, problem.activation);
      const compiled = await teleport(problem, symmetry, options);
      const walk = await teleport(problem, stepwise(symmetry), options);
      const { seconds: _, ...report } = compiled.report;
      expect(walk.report.reason, problem.label).toBe(report.reason);
      expect(walk.report.steps, problem.label).toBe(report.steps);
      expect(walk.report.halvings, problem.label).toBe(report.halvings);
      expect(distance(walk.params, compiled.params), problem.label).toBeLessThan(1e-12);
      if (!report.accepted) continue;
      expect(walk.report.gradNormSqAfter / report.gradNormSqAfter, problem.label).toBeCloseTo(1, 10);
      expect(distance(walk.pushed, compiled.pushed), problem.label).toBeLessThan(1e-12);
      accepted++;
    }
    expect(accepted).toBeGreaterThan(6);
  });
}

const groups = Object.fromEntries(symmetryRows.map((row) => [row.name, row]));

export const ascentsOf: readonly [string, Ascent][] = [
  ["hiddenAction", {}],
  ["hiddenAction", { steps: 30, bound: 0.2, momentum: 0.5 }],
  ["hiddenAction", tooFar],
  ["hiddenAction", { ...tooFar, guard: { halvings: 0 } }],
  ["eq. 8 where symmetriesOf finds it", {}],
  ["pseudoInverseAction", {}],
  ["pseudoInverseAction", { ...tooFar, momentum: 0.3 }],
  ["GL of linear networks", {}],
  ["GL of linear networks", { ...tooFar, guard: { halvings: 6 } }],
  ["product of scaling and GL", { steps: 4, momentum: 0.2 }],
];

export function expectSameWalksOf(rows: typeof ascentsOf): void {
  it.each<[string, Ascent]>(rows)("of %s leads where steps one by one lead: %j", async (name, options) => {
    let [accepted, atOnce] = [0, 0];
    for (const seed of seeds) {
      const problem = randomProblem(seed, groups[name]);
      const symmetry = groups[name].make(problem);
      const isStepwise = vi.fn();
      const { context } = symmetry;
      const watched = context
        ? {
            context(...given: Parameters<typeof context>) {
              isStepwise();
              return context(...given);
            },
          }
        : {};
      const compiled = await teleport(problem, { ...symmetry, ...watched }, options);
      if (isStepwise.mock.calls.length === 0) atOnce++;
      const walk = await teleport(problem, stepwise(groups[name].make(problem)), options);
      expect(walk.report.reason, problem.label).toBe(compiled.report.reason);
      expect(walk.report.steps, problem.label).toBe(compiled.report.steps);
      expect(walk.report.halvings, problem.label).toBe(compiled.report.halvings);
      if (!compiled.report.accepted) continue;
      // Rounding grows where the objective bends: a step of unit length follows a gradient of any size.
      expect(distance(walk.params, compiled.params), problem.label).toBeLessThan(1e-7);
      for (const tree of ["pushed", "squares"] as const) {
        if (walk[tree]) expect(distance(walk[tree], compiled[tree]), problem.label).toBeLessThan(1e-7);
      }
      accepted++;
    }
    expect(atOnce).toBeGreaterThanOrEqual(seeds.length - 2);
    expect(accepted).toBeGreaterThan(6);
  });
}
