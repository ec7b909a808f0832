import { describe, expect, it } from "vitest";
import type { MlpParams } from "../../../src/nn/models/mlp.js";
import { positiveScaling } from "../../../src/symmetry/positive-scaling.js";
import type { Symmetry } from "../../../src/symmetry/symmetry.js";
import { type GradientAscentOptions, gradientAscent } from "../../../src/teleport/search/gradient-ascent.js";
import { createTeleporter } from "../../../src/teleport/teleporter.js";
import { distance, type Problem, randomProblem } from "../../symmetry/support.js";

const seeds = Array.from({ length: 12 }, (_, i) => 40 + i);

async function teleport(
  { params, batch, loss }: Problem,
  symmetry: Symmetry<MlpParams>,
  options: GradientAscentOptions,
) {
  const search = gradientAscent(symmetry, options);
  const teleporter = await createTeleporter({ search, loss, params, batch, guard: { curvature: 0 } });
  const result = await teleporter.teleport(params, batch);
  const pushed = await result.pushForward?.(params, 1);
  await teleporter.dispose();
  return { ...result, pushed: pushed as MlpParams };
}

/** The same action, step by step. */
const stepwise = ({ trace: _, ...symmetry }: Symmetry<MlpParams>): Symmetry<MlpParams> => symmetry;

describe("an ascent as one loop", () => {
  it.each<GradientAscentOptions>([
    {},
    { steps: 3, stepSize: 0.02 },
    { momentum: 0.5, bound: 1 },
    { normalised: false, stepSize: 1e-3 },
    { steps: 40, bound: 0.1 },
  ])("leads where steps one by one lead: %j", async (options) => {
    let accepted = 0;
    for (const seed of seeds) {
      const problem = randomProblem(seed, { activations: ["relu", "leakyRelu"] });
      const symmetry = positiveScaling(problem.params, problem.activation);
      const leap = await teleport(problem, symmetry, options);
      const walk = await teleport(problem, stepwise(symmetry), options);
      const { seconds: _, ...report } = leap.report;
      expect(walk.report.reason, problem.label).toBe(report.reason);
      expect(walk.report.steps, problem.label).toBe(report.steps);
      expect(distance(walk.params, leap.params), problem.label).toBeLessThan(1e-12);
      if (!report.accepted) continue;
      expect(walk.report.gradNormSqAfter / report.gradNormSqAfter, problem.label).toBeCloseTo(1, 10);
      expect(distance(walk.pushed, leap.pushed), problem.label).toBeLessThan(1e-12);
      accepted++;
    }
    expect(accepted).toBeGreaterThan(6);
  });
});
