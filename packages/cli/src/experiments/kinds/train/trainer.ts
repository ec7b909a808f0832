import { createTrainer, OptionError } from "isoloss";
import type { AdaptiveClipOptions } from "isoloss/optim";
import { asImages, loadData } from "../../catalogue/datasets.js";
import { makeModel } from "../../catalogue/models.js";
import type { Named } from "../../catalogue/named.js";
import { makeLearningRate, makeOptimizer } from "../../catalogue/optimizers.js";
import type { Tree } from "../../catalogue/problems.js";
import type { TeleportContext } from "../../catalogue/symmetries.js";
import { makeTeleportPlan, type TeleportConfig } from "../../catalogue/teleport.js";
import type { Settings } from "../../kind.js";

/** Settings of a run of kind train, checked. */
export interface TrainSettings {
  readonly data: Named;
  readonly model: Named;
  readonly optimizer: Named;
  readonly learningRate: number | Named;
  readonly batchSize: number;
  readonly epochs?: number;
  readonly steps?: number;
  readonly evaluateEvery?: number;
  readonly dtype?: "float32" | "float64";
  readonly runtime?: "auto" | "javascript" | "onnx";
  readonly clipNorm?: number;
  readonly adaptiveClip?: AdaptiveClipOptions;
  readonly teleport?: TeleportConfig | null;
}

/** The trainer of a run with its data, and its number of steps. */
export async function trainerOf(settings: Settings, seed: number) {
  const { data: named, epochs, steps: given, teleport, ...rest } = settings as unknown as TrainSettings;
  const { dtype = "float32", runtime, clipNorm, adaptiveClip, batchSize } = rest;
  if ((epochs === undefined) === (given === undefined)) {
    throw new OptionError("A run of kind train needs either epochs or steps.");
  }
  const raw = await loadData(named);
  const { model, takesImages, activation } = makeModel(rest.model, raw.image);
  const data = takesImages ? asImages(raw) : raw;
  const stepsPerEpoch = Math.floor(data.train.inputs.shape[0] / batchSize);
  const steps = given ?? Math.round((epochs as number) * stepsPerEpoch);
  const context: TeleportContext = {
    seed,
    optimizer: makeOptimizer(rest.optimizer),
    learningRate: makeLearningRate(rest.learningRate, steps),
    ...(activation ? { activation } : {}),
  };
  const trainer = await createTrainer<Tree, Tree>({
    model,
    data: data.train,
    optimizer: context.optimizer,
    learningRate: context.learningRate,
    batchSize,
    seed,
    dtype,
    gradNorm: true,
    ...(runtime === undefined ? {} : { runtime }),
    ...(clipNorm === undefined ? {} : { clipNorm }),
    ...(adaptiveClip === undefined ? {} : { adaptiveClip }),
    ...(teleport ? { teleport: makeTeleportPlan(teleport, context) } : {}),
  });
  return { trainer, data, steps, context, model };
}
