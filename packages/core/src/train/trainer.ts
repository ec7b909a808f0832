import { describeValue } from "../describe.js";
import { OptionError } from "../errors.js";
import { requireModel } from "../nn/require-model.js";
import { requireOptimizer } from "../optim/optimizer.js";
import { requireKnown } from "../options.js";
import { createFeed } from "./feed.js";
import { requirePlan } from "./teleports.js";
import { trainerOn } from "./trainer-on.js";
import type { Trainer, TrainerOptions } from "./trainer-options.js";

/**
 * Compiles the training step and initializes the model as PyTorch would with the same seed.
 *
 * @throws ShapeError, DTypeError when model, data and loss do not fit; DataError for labels that are not classes;
 *   OptionError for settings out of range
 *
 * @example
 * const { images, labels } = digits();
 * const trainer = await createTrainer({
 *   model: mlp({ sizes: [64, 16, 10] }),
 *   data: { inputs: images, labels },
 *   optimizer: adam(),
 *   learningRate: 1e-3,
 *   batchSize: 50,
 *   teleport: { when: inEpochs([1], { batches: 4 }), symmetry: (p) => positiveScaling(p) },
 * });
 * await trainer.run({ steps: 200 });
 */
export async function createTrainer<P, S>(
  // The second part lets TypeScript infer P and S where another option is misspelled: its error then names that option.
  options: TrainerOptions<P, S> & Pick<TrainerOptions<P, S>, "model">,
): Promise<Trainer<P, S>> {
  const { seed = 0, dtype = "float32", batchSize } = options;
  if (dtype !== "float32" && dtype !== "float64") {
    throw new OptionError(`dtype must be float32 or float64; got ${describeValue(dtype)}.`);
  }
  requireParts(options);
  const feed = await createFeed(options.data, { batchSize, seed, dtype });
  try {
    return await trainerOn(feed, { ...options, seed, dtype });
  } catch (error) {
    await feed.dispose();
    throw error;
  }
}

/**
 * Checks options that no type checker has seen. Throws for missing or misspelled parts, and for functions
 * that must be called first.
 *
 * @throws OptionError
 */
function requireParts<P, S>(options: TrainerOptions<P, S>): void {
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
