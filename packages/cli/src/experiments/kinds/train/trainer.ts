import { omit } from "es-toolkit";
import { createTrainer, dtypeOf } from "isoloss";
import { masked } from "isoloss/moves";
import type { AdaptiveClipOptions } from "isoloss/optim";
import { loadData } from "../../catalogue/datasets.js";
import { type LossFunction, lossOf, ownLoss } from "../../catalogue/loss.js";
import { type MadeModel, makeModel } from "../../catalogue/models.js";
import type { Named } from "../../catalogue/named.js";
import { makeLearningRate, makeOptimizer } from "../../catalogue/optimizers.js";
import type { OwnData } from "../../catalogue/own/data.js";
import { isOwnModel, type OwnModel, ownModel } from "../../catalogue/own/model.js";
import type { OwnModule } from "../../catalogue/own/problem.js";
import type { Tree } from "../../catalogue/problems.js";
import {
  asFloats,
  asImages,
  asRows,
  exampleShape,
  type RunData,
  type TestFold,
} from "../../catalogue/run-data.js";
import type { TeleportContext } from "../../catalogue/symmetries.js";
import { makeTeleportPlan, type TeleportConfig } from "../../catalogue/teleport.js";
import type { Settings } from "../../kind.js";
import { type ComputeSettings, computedBy, type EpochSettings, requireLength } from "../training-loop.js";

/** Settings of a run of kind train, checked. */
export interface TrainSettings extends EpochSettings, ComputeSettings {
  readonly data: Named | OwnData;
  readonly model: Named | OwnModel;
  readonly testFold?: TestFold;
  readonly loss?: OwnModule;
  readonly optimizer: Named;
  readonly learningRate: number | Named;
  readonly batchSize: number;
  readonly epochs?: number;
  readonly steps?: number;
  readonly evaluateEvery?: number;
  readonly dtype?: "float32" | "float64";
  readonly clipNorm?: number;
  readonly adaptiveClip?: AdaptiveClipOptions;
  readonly teleport?: TeleportConfig | null;
}

/** A data set and a model that takes it. */
export interface LearningTask extends MadeModel {
  readonly data: RunData;
  readonly loss: LossFunction;
  /** Of one target under the mean squared error: its unit in those of the labels. */
  readonly targetUnit?: number | undefined;
  /** 0 where weights stay zero. */
  readonly mask?: Tree;
}

/** The data and the model of a run. */
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
    optimizer: mask ? masked(optimizer, mask) : optimizer,
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
    ...(clipNorm === undefined ? {} : { clipNorm }),
    ...(adaptiveClip === undefined ? {} : { adaptiveClip }),
    ...(teleport ? { teleport: makeTeleportPlan(teleport, context) } : {}),
  });
  return { trainer, data, loss, targetUnit, steps, context, model };
}
