import { mean } from "es-toolkit";
import { OptionError } from "isoloss";
import type { Correlation } from "isoloss/linalg";
import { type MinimumRow, minimaStudy } from "isoloss/teleport";
import { z } from "zod";
import { dataSchema } from "../../catalogue/datasets.js";
import { lossOf } from "../../catalogue/loss.js";
import { modelSchema } from "../../catalogue/models.js";
import { count, type Named, positive } from "../../catalogue/named.js";
import {
  learningRateSchema,
  makeLearningRate,
  makeOptimizer,
  optimizerSchema,
} from "../../catalogue/optimizers.js";
import type { OwnData } from "../../catalogue/own/data.js";
import type { JobContext, Kind, Measured } from "../../kind.js";
import { trainerForm } from "../../records/stored-form.js";
import { finalLossMetric } from "../../results/loss-curve.js";
import { taskOf } from "../train/trainer.js";
import { minimaComparison } from "./comparison.js";

interface MinimaSettings {
  readonly data: Named | OwnData;
  readonly model: Named;
  readonly optimizer: Named;
  readonly learningRate: number | Named;
  readonly batchSize: number;
  readonly epochs: number;
  readonly models: number;
  readonly radii?: readonly number[];
  readonly directions?: number;
  readonly generators?: number;
  readonly scale?: "global" | "tensor";
  readonly examples?: number;
  readonly dtype?: "float32" | "float64";
}

/** Sharpness and curvature of the minima that many trainings of one model end in, against their loss on other data. */
export const minimaKind: Kind = {
  summary: "sharpness and curvature of many trained models against their validation loss",
  stoppable: false,
  stored: trainerForm,
  settings: {
    data: dataSchema,
    model: modelSchema,
    optimizer: optimizerSchema,
    learningRate: learningRateSchema,
    batchSize: count,
    epochs: positive,
    /** Models, each from a start of its own. */
    models: z.int().min(2),
    radii: z.array(positive).min(1).optional(),
    directions: count.optional(),
    generators: count.optional(),
    scale: z.enum(["global", "tensor"]).optional(),
    /** Training examples on which minima are measured. */
    examples: count.optional(),
    dtype: z.enum(["float32", "float64"]).optional(),
  },
  comparison: minimaComparison,
  run: (settings, context) => run(settings as unknown as MinimaSettings, context),
};

async function run(settings: MinimaSettings, { seed, directory, progress }: JobContext): Promise<Measured> {
  const { data: _, model: __, epochs, models, batchSize, optimizer, learningRate, ...measuring } = settings;
  const { model, data } = await taskOf(settings);
  const { train, validation } = data;
  if (validation === undefined) {
    throw new OptionError(
      "Minima are compared by their loss on examples that were not trained on: the kind minima needs data.validation above 0.",
    );
  }
  const steps = Math.round(epochs * Math.floor(train.inputs.shape[0] / batchSize));
  const begin = performance.now();
  const evaluations: Evaluation[] = [];
  const { rows, correlations } = await minimaStudy({
    ...measuring,
    model,
    loss: lossOf(train),
    data: { training: train, validation },
    optimizer: makeOptimizer(optimizer),
    learningRate: makeLearningRate(learningRate, steps),
    batchSize,
    steps,
    seeds: Array.from({ length: models }, (_, i) => seed * models + i),
    onProgress({ done, step, loss, row }) {
      const seconds = (performance.now() - begin) / 1000;
      const at = row ? done * steps : done * steps + step;
      progress({ step: at, steps: models * steps, loss, teleports: 0, stepsPerSecond: at / seconds });
      if (row === undefined) return;
      const record = recordOf(row, done - 1, seconds);
      evaluations.push(record);
      directory?.appendMetrics([{ ...record, loss: row.trainingLoss, gradNormSq: row.gradNormSq }]);
    },
  });
  return {
    status: "completed",
    steps: models * steps,
    wallSeconds: (performance.now() - begin) / 1000,
    loss: rows.map((row) => row.trainingLoss),
    gradNormSq: rows.map((row) => row.gradNormSq),
    seconds: evaluations.map((e) => e.seconds),
    evaluations,
    metrics: {
      // Over the models: the list of losses is not a curve.
      [finalLossMetric]: mean(rows.map((row) => row.trainingLoss)),
      ...means(evaluations),
      ...Object.assign(
        {},
        ...Object.entries(correlations).map(([name, r]) => figures(name, r as Correlation)),
      ),
    },
  };
}

type Evaluation = NonNullable<Measured["evaluations"]>[number];

/** One model; its index stands for the step. */
const recordOf = (row: MinimumRow, step: number, seconds: number): Evaluation => ({
  step,
  seconds,
  sharpness: row.sharpness,
  ...(row.curvature === undefined ? {} : { curvature: row.curvature }),
  "train.loss": row.trainingLoss,
  "validation.loss": row.validationLoss,
  ...(row.accuracy === undefined ? {} : { "validation.accuracy": row.accuracy }),
});

function means(rows: readonly Evaluation[]): Record<string, number> {
  const names = Object.keys(rows[0]).filter((name) => name !== "step" && name !== "seconds");
  return Object.fromEntries(names.map((name) => [name, mean(rows.map((row) => row[name]))]));
}

const figures = (name: string, { pearson, interval, spearman }: Correlation): Record<string, number> => ({
  [`correlation.${name}`]: pearson,
  [`correlation.${name}.low`]: interval[0],
  [`correlation.${name}.high`]: interval[1],
  [`correlation.${name}.ranks`]: spearman,
});
