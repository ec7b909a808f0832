import { gd } from "isoloss";
import { z } from "zod";
import { fromZero } from "../../catalogue/named.js";
import {
  descentSchema,
  learningRateSchema,
  makeDirections,
  makeLearningRate,
  makeOptimizer,
} from "../../catalogue/optimizers.js";
import { anyProblemSchema, makeAnyProblem } from "../../catalogue/own/problem.js";
import type { TeleportContext } from "../../catalogue/symmetries.js";
import { teleportSchema } from "../../catalogue/teleport.js";
import type { Settings } from "../../kind.js";
import { computeSettings } from "../training-loop.js";

export const minimizeSettings = {
  /** One of the catalogue, or one's own: `{ module: FILE#NAME }`. */
  problem: anyProblemSchema,
  optimizer: descentSchema,
  learningRate: learningRateSchema,
  steps: fromZero,
  dtype: z.enum(["float32", "float64"]).optional(),
  ...computeSettings,
  /**
   * Runs after the first, of which the quickest one's seconds count; default 0. Just-in-time compilers make the first ones
   * slow, and other programs some of the others.
   */
  warmUps: fromZero.optional(),
  teleport: teleportSchema.nullable().optional(),
};

/** Settings of a run of kind minimize, checked. */
export type MinimizeSettings = z.output<z.ZodObject<typeof minimizeSettings>>;

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
    quadratic,
    activation: slope === undefined ? undefined : { activation: "leakyRelu", slope },
  };
  return { problem, context, hasSymmetry };
}
