import { gd } from "isoloss";
import { makeAnyProblem, type ProblemChoice } from "../../catalogue/any-problem.js";
import { makeDirections } from "../../catalogue/line-searches.js";
import type { Named } from "../../catalogue/named.js";
import { makeLearningRate, makeOptimizer } from "../../catalogue/optimizers.js";
import type { TeleportContext } from "../../catalogue/symmetries.js";
import type { TeleportConfig } from "../../catalogue/teleport.js";
import type { Settings } from "../../kind.js";
import type { ComputeSettings } from "../training-loop.js";

/** Settings of a run of kind minimize, checked. */
export interface MinimizeSettings extends ComputeSettings {
  readonly problem: ProblemChoice;
  readonly optimizer: Named;
  readonly learningRate: number | Named;
  readonly steps: number;
  readonly dtype?: "float32" | "float64";
  readonly warmUps?: number;
  readonly teleport?: TeleportConfig | null;
}

/** A problem, and the context of its teleports. */
export async function contextOf(settings: Settings, seed: number) {
  const {
    problem: named,
    optimizer,
    learningRate,
    steps,
    dtype = "float64",
  } = settings as unknown as MinimizeSettings;
  const { problem, quadratic, slope, hasSymmetry = true } = await makeAnyProblem(named, { seed, dtype });
  const context: TeleportContext = {
    seed,
    // For an objective, a line search steps along the gradient.
    optimizer: makeDirections(optimizer) ? gd() : makeOptimizer(optimizer),
    learningRate: makeLearningRate(learningRate, steps),
    loss: problem.loss,
    ownSymmetry: () => problem.symmetry(),
    ...(quadratic ? { quadratic } : {}),
    ...(slope === undefined ? {} : { activation: { activation: "leakyRelu", slope } }),
  };
  return { problem, context, hasSymmetry };
}
