/**
 * Multi-task learning: methods, trainer, COST and metrics.
 *
 * @module isoloss/mtl
 */

export type { Conflict, ConflictTrigger } from "../mtl/conflict.js";

export type { AdapterOptions } from "../mtl/cost/adapter/adapter.js";
export type {
  ImproveByCosine,
  ImproveBySharpness,
  ImproveNothing,
  ImproveOptions,
} from "../mtl/cost/adapter/improve.js";
export type { BalancedSharpnessOptions } from "../mtl/cost/adapter/sharpness.js";
export { type Cost, cost } from "../mtl/cost/cost.js";
export type { Drift, DriftGuardOptions, Judged } from "../mtl/cost/drift-guard.js";
export type { CostMove, SharedProblem } from "../mtl/cost/move.js";
export type { CostSettings, InnerOptions, PreserveOptions, StateOptions } from "../mtl/cost/presets.js";
export { costPresets } from "../mtl/cost/presets.js";
export type { ConflictMeasures, CostReport } from "../mtl/cost/report.js";
export type { ScheduleOptions } from "../mtl/cost/schedule.js";
export { type CostOptions, costOptions } from "../mtl/cost/settings.js";
export type { SharedParams } from "../mtl/cost/shared-losses.js";
export type { Representation } from "../mtl/gradients/forward.js";
export type { TaskOf } from "../mtl/gradients/parameter-split.js";

export type { Combination, MultiTaskMethod, Need, TaskInput } from "../mtl/method.js";
export { type AlignedMtlOptions, alignedMtl } from "../mtl/methods/aligned-mtl.js";
export { type AutoLambdaOptions, type AutoLambdaState, autoLambda } from "../mtl/methods/auto-lambda.js";
export { type CaGradOptions, caGrad } from "../mtl/methods/ca-grad.js";
export { type ConfigOptions, config as conFig } from "../mtl/methods/config.js";
export { type ConsMtlOptions, consMtl } from "../mtl/methods/cons-mtl.js";
export { type ConstantOptions, constant as constantWeights } from "../mtl/methods/constant.js";
export { type CosmosOptions, cosmos } from "../mtl/methods/cosmos.js";
export { type DbMtlOptions, type DbMtlState, dbMtl } from "../mtl/methods/db-mtl.js";
export { type DibsMtlOptions, dibsMtl } from "../mtl/methods/dibs-mtl.js";
export { type DualProjOptions, dualProj } from "../mtl/methods/dual-proj.js";
export { type DwaOptions, type DwaState, dwa } from "../mtl/methods/dwa.js";
export { type ExcessMtlOptions, type ExcessMtlState, excessMtl } from "../mtl/methods/excess-mtl.js";
export { type FairGradOptions, fairGrad } from "../mtl/methods/fair-grad.js";
export { type FamoOptions, type FamoState, famo } from "../mtl/methods/famo.js";
export { type ForumOptions, type ForumState, forum } from "../mtl/methods/forum.js";
export { geometricLoss } from "../mtl/methods/geometric-loss.js";
export { type Go4AlignOptions, type Go4AlignState, go4Align } from "../mtl/methods/go4-align.js";
export { type GradDropOptions, gradDrop } from "../mtl/methods/grad-drop.js";
export { type GradNormOptions, type GradNormState, gradNorm } from "../mtl/methods/grad-norm.js";
export { type GradVacOptions, type GradVacState, gradVac } from "../mtl/methods/grad-vac.js";
export { type IgbState, igb } from "../mtl/methods/igb.js";
export { type ImGradOptions, imGrad } from "../mtl/methods/im-grad.js";
export { type ImtlGOptions, imtlG } from "../mtl/methods/imtl-g.js";
export { imtlHybrid } from "../mtl/methods/imtl-hybrid.js";
export { type ImtlLOptions, type ImtlLState, imtlL } from "../mtl/methods/imtl-l.js";
export { type KrumOptions, krum } from "../mtl/methods/krum.js";
export { type LdcMtlOptions, type LdcMtlState, ldcMtl } from "../mtl/methods/ldc-mtl.js";
export { type LinearScalarizationOptions, linearScalarization } from "../mtl/methods/linear-scalarization.js";
export { type MgdaOptions, mgda } from "../mtl/methods/mgda.js";
export { type MocoOptions, type MocoState, moco } from "../mtl/methods/moco.js";
export { type ModoOptions, type ModoState, modo } from "../mtl/methods/modo.js";
export { type MomlOptions, type MomlState, moml } from "../mtl/methods/moml.js";
export { type NashMtlOptions, type NashMtlState, nashMtl } from "../mtl/methods/nash-mtl.js";
export { type PbiOptions, pbi } from "../mtl/methods/pbi.js";
export { type PcGradOptions, pcGrad } from "../mtl/methods/pc-grad.js";
export { type PcdOptions, type PcdState, pcd } from "../mtl/methods/pcd.js";
export type { RandomLossWeightingOptions } from "../mtl/methods/random-loss-weighting.js";
export { randomLossWeighting } from "../mtl/methods/random-loss-weighting.js";
export { scaleInvariant } from "../mtl/methods/scale-invariant.js";
export { type SdmGradOptions, type SdmGradState, sdmGrad } from "../mtl/methods/sdm-grad.js";
export { type StchOptions, type StchState, stch } from "../mtl/methods/stch.js";
export { type TrimmedMeanOptions, trimmedMean } from "../mtl/methods/trimmed-mean.js";
export type {
  UncertaintyWeightingOptions,
  UncertaintyWeightingState,
} from "../mtl/methods/uncertainty-weighting.js";
export { uncertaintyWeighting } from "../mtl/methods/uncertainty-weighting.js";
export { type UpGradOptions, upGrad } from "../mtl/methods/up-grad.js";
export { type UwSoOptions, uwSo } from "../mtl/methods/uw-so.js";
export { deltaM } from "../mtl/metrics/delta-m.js";
export { type MeanRankOptions, meanRank } from "../mtl/metrics/mean-rank.js";
export { createMethod, methods, methodWrappers } from "../mtl/registry.js";
export type {
  MultiTaskEvaluation,
  TaskMetrics,
  TaskOutputs,
  TaskResultsOf,
  WeightedMean,
} from "../mtl/train/evaluate.js";
export { accuracy } from "../mtl/train/evaluate.js";
export type { MultiTaskHistory, StepEvent, TaskValues } from "../mtl/train/history.js";
export type { PlainData } from "../mtl/train/step-hook.js";
export type { LossContext, TaskLosses } from "../mtl/train/task-losses.js";
export type { MultiTaskCheckpoint, MultiTaskState } from "../mtl/train/train-state.js";
export { decodeMultiTaskCheckpoint, encodeMultiTaskCheckpoint } from "../mtl/train/train-state.js";
export type {
  BeforeStep,
  MultiTaskProgress,
  MultiTaskTrainer,
  MultiTaskTrainerOptions,
  RunMultiTaskOptions,
  RunSetup,
  StepChange,
  StepContext,
} from "../mtl/train/trainer.js";
export { createMultiTaskTrainer } from "../mtl/train/trainer.js";
export type { EvaluateTasksOptions, MultiTaskData } from "../mtl/train/trainer-options.js";
export { type CrMogmOptions, type CrMogmState, crMogm } from "../mtl/wrappers/cr-mogm.js";
export { type EveryStepsOptions, type EveryStepsState, everySteps } from "../mtl/wrappers/every-steps.js";
export { normalized } from "../mtl/wrappers/normalized.js";
export type { TaskMetricSets, TaskOutput } from "../train/evaluator.js";
