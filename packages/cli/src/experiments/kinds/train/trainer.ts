import { omit } from "es-toolkit";
import { createTrainer, dtypeOf } from "isoloss";
import { masked } from "isoloss/moves";
import { adaptiveClipOptions } from "isoloss/optim";
import { z } from "zod";
import { dataSchema, loadData } from "../../catalogue/datasets.js";
import { type MadeModel, makeModel, modelSchema } from "../../catalogue/models.js";
import { count, positive } from "../../catalogue/named.js";
import {
  learningRateSchema,
  makeLearningRate,
  makeOptimizer,
  optimizerSchema,
} from "../../catalogue/optimizers.js";
import { isOwnModel, ownModel, ownModelSchema } from "../../catalogue/own/model.js";
import { ownLoss, ownModuleSchema } from "../../catalogue/own/problem.js";
import type { Tree } from "../../catalogue/problems.js";
import {
  asFloats,
  asImages,
  asRows,
  exampleShape,
  type LossFunction,
  lossOf,
  type RunData,
  testFoldSchema,
} from "../../catalogue/run-data.js";
import { schemaOf } from "../../catalogue/schema-of.js";
import type { TeleportContext } from "../../catalogue/symmetries.js";
import { makeTeleportPlan, teleportSchema } from "../../catalogue/teleport.js";
import type { Settings } from "../../kind.js";
import { computedBy, computeSettings, epochSettings, requireLength } from "../training-loop.js";

/** Settings of a run of a trainer. */
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
  ...epochSettings,
  dtype: z.enum(["float32", "float64"]).optional(),
  ...computeSettings,
  clipNorm: positive.optional(),
  adaptiveClip: schemaOf({ options: adaptiveClipOptions }).optional(),
  teleport: teleportSchema.nullable().optional(),
};

export type TrainSettings = z.output<z.ZodObject<typeof trainSettings>>;

export interface LearningTask extends MadeModel {
  readonly data: RunData;
  readonly loss: LossFunction;
  /** Of one target under the mean squared error: its unit in those of the labels. */
  readonly targetUnit?: number | undefined;
  /** 0 where weights stay zero. */
  readonly mask?: Tree;
}

export async function taskOf({
  data: named,
  testFold: fold,
  model,
  loss: own,
  dtype,
}: Pick<TrainSettings, "data" | "testFold" | "model" | "loss" | "dtype">): Promise<LearningTask> {
  const raw = await loadData({ data: named, ...(fold && { fold }) });
  const made = await modelFor({ model, dtype }, raw);
  const { labels } = raw.train;
  if (own) {
    // The constant's loss is a cross-entropy, which this loss need not be.
    const { metrics = {} } = made.data;
    const kept = omit(
      metrics,
      Object.keys(metrics).filter((name) => /^constant\..*\.loss$/.test(name)),
    );
    return { ...made, data: { ...made.data, metrics: kept }, loss: await ownLoss(own) };
  }
  const isTarget = dtypeOf(labels) !== "int64" && labels.shape[1] === 1;
  return {
    ...made,
    loss: lossOf(raw.train),
    ...(isTarget ? { targetUnit: raw.targetScale?.stds[0] ?? 1 } : {}),
  };
}

/** The model of a run, with the data in the shape that it takes. */
export const modelFor = async (
  { model, dtype = "float32" }: Pick<TrainSettings, "model" | "dtype">,
  data: RunData,
): Promise<MadeModel & Pick<LearningTask, "data">> =>
  isOwnModel(model)
    ? fitted(await ownModel(model, exampleShape(data), dtype), data)
    : fitted(makeModel(model, data), asFloats(data));

function fitted(made: MadeModel, data: RunData): MadeModel & Pick<LearningTask, "data"> {
  if (made.takesImages === undefined) return { ...made, data };
  return { ...made, data: made.takesImages ? asImages(data) : asRows(data) };
}

/** The trainer of a run with its data, and its number of steps. */
export async function trainerOf(settings: Settings, seed: number) {
  return trainerFor(await taskOf(settings as unknown as TrainSettings), settings, seed);
}

/** The same for data and a model that are there already. */
export async function trainerFor(task: LearningTask, settings: Settings, seed: number) {
  const { epochs, steps: given, teleport, ...rest } = settings as unknown as TrainSettings;
  const { dtype = "float32", clipNorm, adaptiveClip, batchSize } = rest;
  requireLength("A run of training", { epochs, steps: given });
  const { model, data, loss, targetUnit, activation, mask } = task;
  const optimizer = makeOptimizer(rest.optimizer);
  const stepsPerEpoch = Math.floor(data.train.inputs.shape[0] / batchSize);
  const steps = given ?? Math.round((epochs as number) * stepsPerEpoch);
  const context: TeleportContext = {
    seed,
    // Where nothing is trained, all masks have the same program.
    optimizer: mask && steps > 0 ? masked(optimizer, mask) : optimizer,
    learningRate: makeLearningRate(rest.learningRate, steps),
    ...(activation ? { activation } : {}),
  };
  const trainer = await createTrainer<Tree, Tree>({
    model,
    data: data.train,
    loss,
    optimizer: context.optimizer,
    learningRate: context.learningRate,
    batchSize,
    seed,
    dtype,
    gradNorm: true,
    ...computedBy(rest),
    clipNorm,
    adaptiveClip,
    teleport: teleport ? makeTeleportPlan(teleport, context) : undefined,
  });
  return { trainer, data, loss, targetUnit, steps, context, model };
}
