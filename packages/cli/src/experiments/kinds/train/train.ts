import { decodeCheckpoint, resume } from "isoloss";
import { adaptiveClipOptions } from "isoloss/optim";
import { z } from "zod";
import { dataSchema } from "../../catalogue/datasets.js";
import { modelSchema } from "../../catalogue/models.js";
import { count, fromZero, positive } from "../../catalogue/named.js";
import { learningRateSchema, optimizerSchema } from "../../catalogue/optimizers.js";
import { ownModelSchema } from "../../catalogue/own/model.js";
import { ownModuleSchema } from "../../catalogue/own/problem.js";
import { formOf, testFoldSchema } from "../../catalogue/run-data.js";
import { schemaOf } from "../../catalogue/schema-of.js";
import { teleportSchema } from "../../catalogue/teleport.js";
import type { JobContext, Kind, Measured, Settings } from "../../kind.js";
import { trainerForm } from "../../records/stored-form.js";
import { epochSettings } from "../training-loop.js";
import { networkPoints } from "./diagnose.js";
import { modelOnnx, modelPredictions } from "./export.js";
import { trained } from "./trained.js";
import { type TrainSettings, trainerOf } from "./trainer.js";

/** What a run of a trainer is told. */
export const trainSettings = {
  data: dataSchema,
  /** Which of n parts of the test data judges the run, [i, n] with i from 0: sweeps and `reproduce` give each fresh seed its own. */
  testFold: testFoldSchema.optional(),
  /** One of the catalogue, or one's own: `{ onnx: FILE }`, `{ module: FILE#NAME }`. */
  model: z.union([modelSchema, ownModelSchema]).meta({ title: "model" }),
  /** A loss of one's own, `{ module: FILE#NAME }`; default cross-entropy of classes, mean squared error of numbers. */
  loss: ownModuleSchema.optional(),
  optimizer: optimizerSchema,
  learningRate: learningRateSchema,
  batchSize: count,
  epochs: positive.optional(),
  steps: fromZero.optional(),
  /** Epochs between evaluations; default 1. */
  evaluateEvery: positive.optional(),
  ...epochSettings,
  dtype: z.enum(["float32", "float64"]).optional(),
  runtime: z.enum(["auto", "javascript", "onnx"]).meta({ title: "runtime" }).optional(),
  clipNorm: positive.optional(),
  adaptiveClip: schemaOf({ options: adaptiveClipOptions }).optional(),
  teleport: teleportSchema.nullable().optional(),
};

/** What such runs can report at pauses: the mean loss of the last mini-batches, or figures on the validation data. */
export const trainPauseMetrics = ["loss", "validation.loss", "validation.accuracy"];

/** Training of a model on mini-batches. */
export const trainKind: Kind = {
  summary: "a model on mini-batches of a data set: a classifier, or a regression on data of your own",
  stoppable: true,
  pauseMetrics: trainPauseMetrics,
  settings: trainSettings,
  run: (settings, context) => run(settings as unknown as TrainSettings, context),
  stored: trainerForm,
  export: { onnx: modelOnnx, predict: modelPredictions },
  diagnose: networkPoints,
};

async function run(settings: TrainSettings, context: JobContext): Promise<Measured> {
  const made = await trainerOf(settings as unknown as Settings, context.seed);
  try {
    await context.directory?.writeData(formOf(made.data));
    if (context.before) resume(made.trainer, decodeCheckpoint(context.before.checkpoint));
    return await trained(made, settings, context);
  } finally {
    await made.trainer.dispose();
  }
}
