import { mean, sumBy } from "es-toolkit";
import { type Dataset, decodeCheckpoint, encodeCheckpoint, resume, type Trainer } from "isoloss";
import type { TrainingImages } from "isoloss/node";
import { adaptiveClipOptions } from "isoloss/optim";
import { z } from "zod";
import type { RunDirectory } from "../../../run/directory.js";
import { dataSchema } from "../../catalogue/datasets.js";
import { modelSchema } from "../../catalogue/models.js";
import { count, fromZero, positive } from "../../catalogue/named.js";
import { learningRateSchema, optimizerSchema } from "../../catalogue/optimizers.js";
import type { Tree } from "../../catalogue/problems.js";
import { schemaOf } from "../../catalogue/schema-of.js";
import { teleportSchema } from "../../catalogue/teleport.js";
import type { JobContext, Kind, Measured, Settings } from "../../kind.js";
import { trainerForm } from "../../records/stored-form.js";
import { teleportRecord } from "../../records/teleport-record.js";
import { trainingLoop } from "../training-loop.js";
import { networkPoints } from "./diagnose.js";
import { modelOnnx } from "./export.js";
import { type TrainSettings, trainerOf } from "./trainer.js";

/** Training of a classifier on mini-batches. */
export const trainKind: Kind = {
  summary: "a classifier on mini-batches of a data set",
  stoppable: true,
  settings: {
    data: dataSchema,
    model: modelSchema,
    optimizer: optimizerSchema,
    learningRate: learningRateSchema,
    batchSize: count,
    epochs: positive.optional(),
    steps: fromZero.optional(),
    evaluateEvery: positive.optional(),
    dtype: z.enum(["float32", "float64"]).optional(),
    runtime: z.enum(["auto", "javascript", "onnx"]).meta({ title: "runtime" }).optional(),
    clipNorm: positive.optional(),
    adaptiveClip: schemaOf({ options: adaptiveClipOptions }).optional(),
    teleport: teleportSchema.nullable().optional(),
  },
  run: (settings, context) => run(settings as unknown as TrainSettings, context),
  stored: trainerForm,
  export: { onnx: modelOnnx },
  diagnose: networkPoints,
};

async function run(settings: TrainSettings, context: JobContext): Promise<Measured> {
  const { seed, directory, before } = context;
  const { trainer, data, steps } = await trainerOf(settings as unknown as Settings, seed);
  try {
    if (before) resume(trainer, decodeCheckpoint(before.checkpoint));
    const evaluations = (before?.metrics ?? []).filter(
      (r) => "validation.loss" in r,
    ) as unknown as Evaluation[];
    const { validation } = data;
    const status = await trainingLoop(
      {
        trainer,
        length: () => steps,
        evaluateEvery: Math.max(1, Math.round((settings.evaluateEvery ?? 1) * trainer.stepsPerEpoch)),
        evaluations,
        ...(validation ? { evaluate: () => evaluated(trainer, validation, directory) } : {}),
        append: appender(trainer, directory),
        encodeCheckpoint: () => encodeCheckpoint(trainer),
        progressOf: (last) => ({
          loss: mean(trainer.history.loss.slice(-last)),
          gradNormSq: trainer.history.gradNormSq.at(-1) ?? Number.NaN,
          teleports: trainer.history.teleports.filter(({ accepted }) => accepted).length,
        }),
      },
      context,
    );
    return {
      ...measuredBy(trainer),
      status,
      evaluations,
      metrics: await metricsOf(trainer, data, status, evaluations),
    };
  } finally {
    await trainer.dispose();
  }
}

type Evaluation = NonNullable<Measured["evaluations"]>[number];

/** Loss and accuracy on the validation data, written as a record. */
async function evaluated(
  trainer: Trainer<Tree, Tree>,
  validation: Dataset,
  directory: RunDirectory | undefined,
): Promise<Evaluation> {
  const { loss, accuracy } = await trainer.evaluate(validation);
  const record: Evaluation = {
    step: trainer.current.step,
    seconds: trainer.history.seconds.at(-1) ?? 0,
    "validation.loss": loss,
    ...(accuracy === undefined ? {} : { "validation.accuracy": accuracy }),
  };
  directory?.appendMetrics(record);
  return record;
}

function measuredBy({ current, history }: Trainer<Tree, Tree>) {
  return {
    steps: current.step,
    wallSeconds: history.seconds.at(-1) ?? 0,
    loss: [...history.loss],
    gradNormSq: [...history.gradNormSq],
    seconds: [...history.seconds],
    teleports: [...history.teleports],
  };
}

async function metricsOf(
  trainer: Trainer<Tree, Tree>,
  data: TrainingImages,
  status: Measured["status"],
  evaluations: readonly Evaluation[],
): Promise<Record<string, number>> {
  const { teleports, seconds } = trainer.history;
  const spent = sumBy(teleports, (t) => t.seconds);
  const metrics: Record<string, number> = {
    "teleports.accepted": teleports.filter(({ accepted }) => accepted).length,
    "teleports.seconds": spent,
    "teleports.fraction": spent / Math.max(seconds.at(-1) ?? 0, 1e-9),
  };
  const last = evaluations.at(-1);
  if (last) {
    for (const [name, value] of Object.entries(last))
      if (name.startsWith("validation.")) metrics[name] = value;
    metrics["validation.leastLoss"] = Math.min(...evaluations.map((e) => e["validation.loss"]));
  }
  if (status !== "completed") return metrics;
  for (const [name, set] of Object.entries({ train: data.train, test: data.test })) {
    if (set === undefined) continue;
    const { loss, accuracy } = await trainer.evaluate(set);
    metrics[`${name}.loss`] = loss;
    if (accuracy !== undefined) metrics[`${name}.accuracy`] = accuracy;
  }
  return metrics;
}

/** Appends the steps of a trainer since the last call to the run's records. */
function appender(trainer: Trainer<Tree, Tree>, directory: RunDirectory | undefined): () => void {
  let written = trainer.current.step;
  let writtenTeleports = trainer.history.teleports.length;
  return () => {
    const { loss, gradNormSq, seconds, teleports } = trainer.history;
    const fresh = loss.slice(written).map((value, i) => {
      const step = written + i;
      return { step, loss: value, gradNormSq: gradNormSq[step], seconds: seconds[step] };
    });
    directory?.appendMetrics(...fresh);
    directory?.appendTeleports(...teleports.slice(writtenTeleports).map(teleportRecord));
    written = loss.length;
    writtenTeleports = teleports.length;
  };
}
