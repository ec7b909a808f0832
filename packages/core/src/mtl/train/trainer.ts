import type { NoBatch } from "../../batch.js";
import { prepareSources } from "./sources.js";
import { trainerOn } from "./trainer-on.js";
import type { MultiTaskData, MultiTaskTrainer, MultiTaskTrainerOptions } from "./trainer-options.js";
import { checkChoices, startOf } from "./trainer-start.js";

export type { BeforeStep, RunSetup, StepChange, StepContext } from "./step-hook.js";
export type {
  MultiTaskData,
  MultiTaskProgress,
  MultiTaskTrainer,
  MultiTaskTrainerOptions,
  RunMultiTaskOptions,
} from "./trainer-options.js";

/**
 * Compiles a run of several tasks: gradients per task, a method that combines them, and an optimizer.
 *
 * A step measures losses and, if the method needs them, G = J J' or J on a batch, asks the method for weights
 * w, and steps along J' w (clipped) in the shared parameters and along w_k or 1 times grad L_k in the heads.
 *
 * @throws ShapeError, DTypeError, DataError, OptionError when losses, parameters, data and settings do not fit
 *
 * @example
 * const trainer = await createMultiTaskTrainer({
 *   losses, params, data: { x, left, right }, method: fairGrad(), optimizer: adam(), learningRate: 1e-3, batchSize: 256,
 * });
 * await trainer.run({ steps: 1000 });
 * trainer.history.losses[0]?.at(-1);
 */
export function createMultiTaskTrainer<P, const D extends MultiTaskData = NoBatch, S = unknown>(
  // The second part lets TypeScript infer types where another option is misspelled: its error then names that option.
  options: MultiTaskTrainerOptions<P, D, S> & Pick<MultiTaskTrainerOptions<P, D, S>, "params" | "data">,
): Promise<MultiTaskTrainer<P, D>>;
export async function createMultiTaskTrainer<P>(
  options: MultiTaskTrainerOptions<P>,
): Promise<MultiTaskTrainer<P>> {
  checkChoices(options);
  const { data = {}, batchSize, seed = 0 } = options;
  const { params, dtype } = startOf(options, seed);
  const sources = await prepareSources(data, { batchSize, seed, dtype });
  try {
    return await trainerOn(sources, options, { params, dtype, seed });
  } catch (error) {
    await sources.dispose();
    throw error;
  }
}
