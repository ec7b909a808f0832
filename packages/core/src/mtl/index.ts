/**
 * Multi-task learning: methods, trainer, COST and metrics.
 *
 * @module isoloss/mtl
 */

export type { BinaryCounts, BinaryCountsOptions } from "../metrics/classification.js";
export { accuracyOf, binaryCounts, f1Score } from "../metrics/classification.js";
export type { DepthErrors } from "../metrics/depth.js";
export { depthErrors } from "../metrics/depth.js";
export type { AngleStatistics } from "../metrics/normals.js";
export { angleStatistics } from "../metrics/normals.js";
export { meanAbsoluteError } from "../metrics/regression.js";
export type { ConfusionMatrix, ConfusionOptions } from "../metrics/segmentation.js";
export { confusionMatrix, meanIoU, pixelAccuracy } from "../metrics/segmentation.js";
export type { Conflict, ConflictTrigger } from "./conflict.js";
export { balanceWeights, conflictOf, isTriggered } from "./conflict.js";
export type { AdapterOptions } from "./cost/adapter/adapter.js";
export type {
  ImproveByCosine,
  ImproveBySharpness,
  ImproveNothing,
  ImproveOptions,
} from "./cost/adapter/improve.js";
export type { BalancedSharpnessOptions } from "./cost/adapter/sharpness.js";
export type { Cost } from "./cost/cost.js";
export { cost } from "./cost/cost.js";
export type { Drift, DriftGuardOptions, Judged } from "./cost/drift-guard.js";
export type { CostMove, SharedProblem } from "./cost/move.js";
export type { CostSettings, InnerOptions, PreserveOptions, StateOptions } from "./cost/presets.js";
export { costPresets } from "./cost/presets.js";
export type { ConflictMeasures, CostReport } from "./cost/report.js";
export type { ScheduleOptions } from "./cost/schedule.js";
export type { CostOptions } from "./cost/settings.js";
export { costOptions } from "./cost/settings.js";
export type { SharedParams } from "./cost/shared-losses.js";
export type { Representation } from "./gradients/forward.js";
export type { TaskOf } from "./gradients/parameter-split.js";
export { sharedSizes } from "./gradients/parameter-split.js";
export type { Combination, MultiTaskMethod, Need, TaskInput } from "./method.js";
export type { AlignedMtlOptions } from "./methods/aligned-mtl.js";
export { alignedMtl } from "./methods/aligned-mtl.js";
export type { AutoLambdaOptions, AutoLambdaState } from "./methods/auto-lambda.js";
export { autoLambda } from "./methods/auto-lambda.js";
export type { CaGradOptions } from "./methods/ca-grad.js";
export { caGrad } from "./methods/ca-grad.js";
export type { ConfigOptions } from "./methods/config.js";
export { config as conFig } from "./methods/config.js";
export type { ConsMtlOptions } from "./methods/cons-mtl.js";
export { consMtl } from "./methods/cons-mtl.js";
export type { ConstantOptions } from "./methods/constant.js";
export { constant as constantWeights } from "./methods/constant.js";
export type { CosmosOptions } from "./methods/cosmos.js";
export { cosmos } from "./methods/cosmos.js";
export type { DbMtlOptions, DbMtlState } from "./methods/db-mtl.js";
export { dbMtl } from "./methods/db-mtl.js";
export type { DibsMtlOptions } from "./methods/dibs-mtl.js";
export { dibsMtl } from "./methods/dibs-mtl.js";
export type { DualProjOptions } from "./methods/dual-proj.js";
export { dualProj } from "./methods/dual-proj.js";
export type { DwaOptions, DwaState } from "./methods/dwa.js";
export { dwa } from "./methods/dwa.js";
export type { ExcessMtlOptions, ExcessMtlState } from "./methods/excess-mtl.js";
export { excessMtl } from "./methods/excess-mtl.js";
export type { FairGradOptions } from "./methods/fair-grad.js";
export { fairGrad } from "./methods/fair-grad.js";
export type { FamoOptions, FamoState } from "./methods/famo.js";
export { famo } from "./methods/famo.js";
export { geometricLoss } from "./methods/geometric-loss.js";
export type { Go4AlignOptions, Go4AlignState } from "./methods/go4-align.js";
export { go4Align } from "./methods/go4-align.js";
export type { GradDropOptions } from "./methods/grad-drop.js";
export { gradDrop } from "./methods/grad-drop.js";
export type { GradNormOptions, GradNormState } from "./methods/grad-norm.js";
export { gradNorm } from "./methods/grad-norm.js";
export type { GradVacOptions, GradVacState } from "./methods/grad-vac.js";
export { gradVac } from "./methods/grad-vac.js";
export type { IgbState } from "./methods/igb.js";
export { igb } from "./methods/igb.js";
export type { ImGradOptions } from "./methods/im-grad.js";
export { imGrad } from "./methods/im-grad.js";
export type { ImtlGOptions } from "./methods/imtl-g.js";
export { imtlG } from "./methods/imtl-g.js";
export { imtlHybrid } from "./methods/imtl-hybrid.js";
export type { ImtlLOptions, ImtlLState } from "./methods/imtl-l.js";
export { imtlL } from "./methods/imtl-l.js";
export type { KrumOptions } from "./methods/krum.js";
export { krum } from "./methods/krum.js";
export type { LdcMtlOptions, LdcMtlState } from "./methods/ldc-mtl.js";
export { ldcMtl } from "./methods/ldc-mtl.js";
export type { LinearScalarizationOptions } from "./methods/linear-scalarization.js";
export { linearScalarization } from "./methods/linear-scalarization.js";
export type { MgdaOptions } from "./methods/mgda.js";
export { mgda } from "./methods/mgda.js";
export type { MocoOptions, MocoState } from "./methods/moco.js";
export { moco } from "./methods/moco.js";
export type { ModoOptions, ModoState } from "./methods/modo.js";
export { modo } from "./methods/modo.js";
export type { NashMtlOptions, NashMtlState } from "./methods/nash-mtl.js";
export { nashMtl } from "./methods/nash-mtl.js";
export type { PbiOptions } from "./methods/pbi.js";
export { pbi } from "./methods/pbi.js";
export type { PcGradOptions } from "./methods/pc-grad.js";
export { pcGrad } from "./methods/pc-grad.js";
export type { RandomLossWeightingOptions } from "./methods/random-loss-weighting.js";
export { randomLossWeighting } from "./methods/random-loss-weighting.js";
export { scaleInvariant } from "./methods/scale-invariant.js";
export type { SdmGradOptions, SdmGradState } from "./methods/sdm-grad.js";
export { sdmGrad } from "./methods/sdm-grad.js";
export type { StchOptions, StchState } from "./methods/stch.js";
export { stch } from "./methods/stch.js";
export type { TrimmedMeanOptions } from "./methods/trimmed-mean.js";
export { trimmedMean } from "./methods/trimmed-mean.js";
export type {
  UncertaintyWeightingOptions,
  UncertaintyWeightingState,
} from "./methods/uncertainty-weighting.js";
export { uncertaintyWeighting } from "./methods/uncertainty-weighting.js";
export type { UpGradOptions } from "./methods/up-grad.js";
export { upGrad } from "./methods/up-grad.js";
export type { UwSoOptions } from "./methods/uw-so.js";
export { uwSo } from "./methods/uw-so.js";
export { deltaM } from "./metrics/delta-m.js";
export type { MeanRankOptions } from "./metrics/mean-rank.js";
export { meanRank } from "./metrics/mean-rank.js";
export { createMethod, methods, methodWrappers } from "./registry.js";
export type { MultiTaskCheckpoint } from "./train/checkpoint.js";
export { decodeMultiTaskCheckpoint, encodeMultiTaskCheckpoint } from "./train/checkpoint.js";
export type {
  MultiTaskEvaluation,
  TaskMetricSets,
  TaskMetrics,
  TaskOutput,
  TaskOutputs,
  TaskResultsOf,
  WeightedMean,
} from "./train/evaluate.js";
export { accuracy } from "./train/evaluate.js";
export type { MultiTaskHistory, StepEvent, TaskValues } from "./train/history.js";
export type { PlainData } from "./train/step-hook.js";
export type { LossContext, TaskLosses } from "./train/task-losses.js";
export type { MultiTaskState } from "./train/train-state.js";
export type {
  BeforeStep,
  MultiTaskProgress,
  MultiTaskTrainer,
  MultiTaskTrainerOptions,
  RunMultiTaskOptions,
  RunSetup,
  StepChange,
  StepContext,
} from "./train/trainer.js";
export { createMultiTaskTrainer } from "./train/trainer.js";
export type { EvaluateTasksOptions, MultiTaskData } from "./train/trainer-options.js";
export type { CrMogmOptions, CrMogmState } from "./wrappers/cr-mogm.js";
export { crMogm } from "./wrappers/cr-mogm.js";
export type { EveryStepsOptions, EveryStepsState } from "./wrappers/every-steps.js";
export { everySteps } from "./wrappers/every-steps.js";
export { normalized } from "./wrappers/normalized.js";
