// Do sharpness and curvature of minima correlate with the loss on validation data? Zhao, Gower, Walters, Yu,
// ICLR 2024, table 1, fig. 4.
import type { Batch } from "../batch.js";
import { takeRows } from "../data/batches.js";
import type { Dataset } from "../data/dataset.js";
import { describeValue, OptionError } from "../errors.js";
import { type Correlation, correlation, partialCorrelation } from "../math/correlation.js";
import { crossEntropy } from "../nn/losses/cross-entropy.js";
import { compileOptionNames, pickCompileOptions } from "../runtime/compile.js";
import { symmetriesOf } from "../symmetry/symmetries-of.js";
import type { Symmetry } from "../symmetry/symmetry.js";
import { createMinimumMeter, type MinimumMeter, type MinimumSettings } from "../teleport/curvature/minima.js";
import { namedArrays } from "../tree.js";
import { prepareDataset } from "./dataset.js";
import { requireSteps } from "./run-steps.js";
import { teleportLoss } from "./teleport-batches.js";
import { createTrainer } from "./trainer.js";
import type { TrainerOptions } from "./trainer-options.js";

/** One trained model. */
export interface MinimumRow {
  readonly seed: number;
  /** Mean increase of the training loss under random perturbations: see `createMinimumMeter`. */
  readonly sharpness: number;
  /** Mean curvature of random curves of the symmetry; left out where there is none. */
  readonly curvature?: number | undefined;
  /** Training loss and the squared norm of its gradient, on the data used for sharpness. */
  readonly trainingLoss: number;
  readonly gradNormSq: number;
  readonly validationLoss: number;
  /** Accuracy on validation data; left out unless labels are classes. */
  readonly accuracy?: number | undefined;
}

export interface MinimaStudyProgress {
  /** Number of finished models, and of all models. */
  readonly done: number;
  readonly of: number;
  /** Seed of the current model, or of the last one if all are done. */
  readonly seed: number;
  /** Number of steps that it has been trained for. */
  readonly step: number;
  /** Its mean training loss since the last report. */
  readonly loss: number;
  /** The measurements, once that model is done. */
  readonly row?: MinimumRow | undefined;
}

export interface MinimaStudyOptions<P, S>
  extends Omit<TrainerOptions<P, S>, "data" | "seed" | "teleport">,
    Omit<MinimumSettings, "seed"> {
  readonly data: { readonly training: Dataset; readonly validation: Dataset };
  /** Seeds of initialization and order of batches: one model each. */
  readonly seeds: readonly number[];
  /** Number of training steps. */
  readonly steps: number;
  /** Default: the exact scalings that are found in the graph of the loss. */
  readonly symmetry?: Symmetry<P> | ((params: P) => Symmetry<P>) | undefined;
  /**
   * Number of leading examples of the training data on which sharpness is measured; default all, but at most
   * 1000.
   */
  readonly examples?: number | undefined;
  /** Seed of perturbations and generators, the same for all models; default 0. */
  readonly measureSeed?: number | undefined;
  /**
   * Called at reports of the training and after each model, and awaited. An exception that it throws ends the
   * study.
   */
  readonly onProgress?: ((progress: MinimaStudyProgress) => void | Promise<void>) | undefined;
}

export interface MinimaStudy {
  readonly rows: readonly MinimumRow[];
  /**
   * Correlation of each measure with the validation loss. That of the training loss is the control: if
   * training has not converged, a sharper minimum may just be one with a higher training loss.
   */
  readonly correlations: {
    readonly sharpness: Correlation;
    readonly curvature?: Correlation | undefined;
    readonly trainingLoss: Correlation;
    /** That of sharpness where the training loss is held fixed: see `partialCorrelation`. */
    readonly sharpnessGivenLoss: Correlation;
    readonly curvatureGivenLoss?: Correlation | undefined;
  };
}

/**
 * Trains a model from several seeds and measures how well sharpness and curvature of the minima predict the
 * loss on validation data. Models are measured as they are evaluated: with running statistics and without
 * dropout.
 *
 * @throws OptionError for fewer than two seeds or settings out of range; what `createTrainer` and `Trainer.run` throw
 *
 * @example
 * const model = mlp({ sizes: [64, 16, 10] });
 * const options = { optimizer: sgd(), learningRate: 0.1, batchSize: 20, seeds: [0, 1, 2, 3], steps: 2000 };
 * const { rows, correlations } = await minimaStudy({ model, data: { training, validation }, ...options });
 * console.log(correlations.sharpness.pearson, correlations.sharpness.interval);
 */
export async function minimaStudy<P, S>(options: MinimaStudyOptions<P, S>): Promise<MinimaStudy> {
  requireSteps("minimaStudy", options, [
    ...(["model", "data", "optimizer", "learningRate", "loss", "batchSize", "dtype", "clipNorm"] as const),
    ...([
      "evaluationBatchSize",
      "adaptiveClip",
      "gradNorm",
      ...compileOptionNames,
      "seeds",
      "steps",
      "symmetry",
      "examples",
    ] as const),
    ...(["measureSeed", "radii", "directions", "scale", "generators", "onProgress"] as const),
  ]);
  const { data, seeds, steps, symmetry, examples, measureSeed = 0, onProgress, ...others } = options;
  const { radii, directions, scale, generators, ...trainerOptions } = others;
  const { training, validation } = data;
  if (!Array.isArray(seeds) || seeds.length < 2 || new Set(seeds).size < seeds.length) {
    throw new OptionError(
      `minimaStudy: needs two or more seeds, all different; got ${describeValue(seeds)}.`,
    );
  }
  const { model, loss = crossEntropy, dtype = "float32" } = trainerOptions;
  const prepared = prepareDataset(training, dtype);
  const count = prepared.inputs.shape[0];
  const measured = examples ?? Math.min(count, 1000);
  if (!Number.isInteger(measured) || measured < 1 || measured > count) {
    throw new OptionError(
      `minimaStudy: examples must be an integer from 1 to the ${count} of the training data; got ${examples}.`,
    );
  }
  const first = Array.from({ length: measured }, (_, i) => i);
  const [x, y] = [takeRows(prepared.inputs, first), takeRows(prepared.labels, first)];

  /** Created for the first model, used for all. */
  let meter: MinimumMeter<P> | undefined;
  const meterFor = async (params: P, batch: Batch, state: S): Promise<MinimumMeter<P>> => {
    const lossOf = teleportLoss({ model, loss, state, training: false });
    const given = typeof symmetry === "function" ? symmetry(params) : symmetry;
    const group = given ?? symmetriesOf(lossOf, params, batch).scaling;
    return createMinimumMeter({
      ...pickCompileOptions(trainerOptions),
      radii,
      directions,
      scale,
      generators,
      seed: measureSeed,
      loss: lossOf,
      params,
      batch,
      symmetry: group,
    });
  };

  const rows: MinimumRow[] = [];
  try {
    for (const [done, seed] of seeds.entries()) {
      const trainer = await createTrainer({ ...trainerOptions, data: training, seed });
      try {
        let latest = Number.NaN;
        await trainer.run({
          steps,
          onProgress: async ({ step, loss: recent }) => {
            latest = recent;
            await onProgress?.({ done, of: seeds.length, seed, step, loss: recent });
          },
        });
        const { params, state } = trainer.current;
        const batch: Batch = { x, y, ...namedArrays({ state }) };
        meter ??= await meterFor(params, batch, state);
        const { loss: trainingLoss, gradNormSq, sharpness, curvature } = await meter.measure(params, batch);
        const { loss: validationLoss, accuracy } = await trainer.evaluate(validation);
        const row: MinimumRow = {
          seed,
          sharpness,
          ...(curvature === undefined ? {} : { curvature }),
          trainingLoss,
          gradNormSq,
          validationLoss,
          ...(accuracy === undefined ? {} : { accuracy }),
        };
        rows.push(row);
        await onProgress?.({ done: done + 1, of: seeds.length, seed, step: steps, loss: latest, row });
      } finally {
        await trainer.dispose();
      }
    }
  } finally {
    await meter?.dispose();
  }
  const validationLosses = rows.map(({ validationLoss }) => validationLoss);
  const trainingLosses = rows.map(({ trainingLoss }) => trainingLoss);
  const sharpnesses = rows.map(({ sharpness }) => sharpness);
  const withValidation = (values: readonly number[]) => correlation(values, validationLosses);
  const givenLoss = (values: readonly number[]) =>
    partialCorrelation(values, validationLosses, trainingLosses);
  const curvatures = rows.flatMap(({ curvature }) => curvature ?? []);
  return {
    rows,
    correlations: {
      sharpness: withValidation(sharpnesses),
      ...(curvatures.length > 0 ? { curvature: withValidation(curvatures) } : {}),
      trainingLoss: withValidation(trainingLosses),
      sharpnessGivenLoss: givenLoss(sharpnesses),
      ...(curvatures.length > 0 ? { curvatureGivenLoss: givenLoss(curvatures) } : {}),
    },
  };
}
