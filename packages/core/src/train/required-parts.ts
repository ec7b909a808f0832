import { describeValue } from "../describe.js";
import { OptionError } from "../errors.js";
import { requireModel } from "../nn/require-model.js";
import { requireOptimizer } from "../optim/optimizer.js";
import { requireKnown } from "../options.js";
import { requirePlan } from "./teleports.js";
import type { TrainerOptions } from "./trainer-options.js";

/**
 * Checks options that no type checker has seen. Throws for missing or misspelled parts, and for functions
 * that must be called first.
 *
 * @throws OptionError
 */
export function requireParts<P, S>(options: TrainerOptions<P, S>): void {
  const { model, optimizer, learningRate, loss } = options;
  requireKnown("createTrainer", options, [
    ...(["model", "data", "optimizer", "learningRate", "loss", "batchSize", "seed", "dtype"] as const),
    ...(["evaluationBatchSize", "clipNorm", "adaptiveClip", "gradNorm", "teleport"] as const),
    ...(["runtime", "provider", "threads"] as const),
  ]);
  const given = Object.keys(options).join(", ");
  if (model === undefined) {
    throw new OptionError(`createTrainer: model must be one such as mlp({ sizes }); got ${given}.`);
  }
  requireModel("createTrainer", model);
  if (loss !== undefined && typeof loss !== "function") {
    throw new OptionError(
      `createTrainer: loss must be a function of outputs and labels, such as mseLoss; got ${describeValue(loss)}.`,
    );
  }
  if (options.teleport) requirePlan(options.teleport, ["batchSize"]);
  requireOptimizer("createTrainer", optimizer);
  if (learningRate === undefined) {
    throw new OptionError(
      `createTrainer: learningRate is missing, a number or a function of the step; got ${given}.`,
    );
  }
}
