import { mean } from "es-toolkit";
import { OptionError } from "isoloss";
import type { Correlation } from "isoloss/linalg";
import { type MinimumRow, minimaStudy } from "isoloss/teleport";
import type { TaskTableData } from "isoloss-figures";
import { z } from "zod";
import { dataSchema } from "../../catalogue/datasets.js";
import { modelSchema } from "../../catalogue/models.js";
import { count, positive } from "../../catalogue/named.js";
import {
  learningRateSchema,
  makeLearningRate,
  makeOptimizer,
  optimizerSchema,
} from "../../catalogue/optimizers.js";
import { lossOf } from "../../catalogue/run-data.js";
import type { DrawComparison, Evaluation, JobContext, JobResult, Kind, Measured } from "../../kind.js";
import { trainerForm } from "../../records/points.js";
import { formatNumber } from "../../results/format-number.js";
import { finalLossMetric } from "../../results/loss-curve.js";
import { taskOf } from "../train/trainer.js";
import { computeSettings } from "../training-loop.js";

const minimaSettings = {
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
  ...computeSettings,
};

type MinimaSettings = z.output<z.ZodObject<typeof minimaSettings>>;

/** Sharpness and curvature of the minima that many trainings of one model end in, against their loss on other data. */
export const minimaKind: Kind = {
  summary: "sharpness and curvature of many trained models against their validation loss",
  stoppable: false,
  stored: trainerForm,
  settings: minimaSettings,
  comparison: { tables, figures: { minima: minimaFigures } },
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

const measures = {
  sharpness: "sharpness",
  curvature: "curvature",
  trainingLoss: "training loss",
  sharpnessGivenLoss: "sharpness given it",
  curvatureGivenLoss: "curvature given it",
} as const;

const metricOf = ({ document }: JobResult, name: string): number | null => document.metrics[name] ?? null;

function tables(results: readonly JobResult[]): TaskTableData[] {
  if (results.length === 0) return [];
  return [
    {
      caption:
        "Pearson's r of each measure of a minimum with its validation loss, over models, with 95 % intervals. The training " +
        "loss is the control: a sharper minimum may only be one that is less far down. Given it, r is partial: the correlation " +
        "of both where the training loss is held fixed",
      rowLabel: "variant",
      columns: [
        { name: "models", digits: 0 },
        ...Object.values(measures).flatMap((group) =>
          ["r", "low", "high", "of ranks"].map((name) => ({ name, group, digits: 3 })),
        ),
      ],
      rows: results.map((result) => ({
        name: result.variant,
        values: [
          result.evaluations?.length ?? null,
          ...Object.keys(measures).flatMap((key) =>
            ["", ".low", ".high", ".ranks"].map((end) => metricOf(result, `correlation.${key}${end}`)),
          ),
        ],
      })),
    },
  ];
}

async function minimaFigures(
  results: readonly JobResult[],
  options: Parameters<DrawComparison>[1],
): ReturnType<DrawComparison> {
  // Loaded where it is drawn: it takes longer than some runs.
  const { scatter } = await import("isoloss-figures");
  return results.flatMap((result) =>
    (["sharpness", "curvature"] as const).flatMap((key) => {
      const points = (result.evaluations ?? []).flatMap((row) =>
        row[key] === undefined ? [] : [{ x: row[key], y: row["validation.loss"] }],
      );
      if (points.length === 0) return [];
      const [r, low, high] = ["", ".low", ".high"].map((end) => metricOf(result, `correlation.${key}${end}`));
      const element = scatter(
        {
          series: [{ name: result.variant, points }],
          xLabel: key,
          yLabel: "validation loss",
          notes: [
            `${result.variant}, ${points.length} models: Pearson's r ${formatNumber(r ?? Number.NaN, 3)}, ` +
              `95 % interval [${formatNumber(low ?? Number.NaN, 3)}, ${formatNumber(high ?? Number.NaN, 3)}].`,
          ],
        },
        { ...options(), title: `Minima of ${result.variant}: ${key} and validation loss` },
      );
      return [{ name: `${key}-${result.variant}`, element }];
    }),
  );
}
