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
export type { Cost } from "../mtl/cost/cost.js";
export { cost } from "../mtl/cost/cost.js";
export type { Drift, DriftGuardOptions, Judged } from "../mtl/cost/drift-guard.js";
export type { CostMove, SharedProblem } from "../mtl/cost/move.js";
export type { CostSettings, InnerOptions, PreserveOptions, StateOptions } from "../mtl/cost/presets.js";
export { costPresets } from "../mtl/cost/presets.js";
export type { ConflictMeasures, CostReport } from "../mtl/cost/report.js";
export type { ScheduleOptions } from "../mtl/cost/schedule.js";
export type { CostOptions } from "../mtl/cost/settings.js";
export { costOptions } from "../mtl/cost/settings.js";
export type { SharedParams } from "../mtl/cost/shared-losses.js";
export type { Representation } from "../mtl/gradients/forward.js";
export type { TaskOf } from "../mtl/gradients/parameter-split.js";

export type { Combination, MultiTaskMethod, Need, TaskInput } from "../mtl/method.js";
export type { AlignedMtlOptions } from "../mtl/methods/aligned-mtl.js";
export { alignedMtl } from "../mtl/methods/aligned-mtl.js";
export type { AutoLambdaOptions, AutoLambdaState } from "../mtl/methods/auto-lambda.js";
export { autoLambda } from "../mtl/methods/auto-lambda.js";
export type { CaGradOptions } from "../mtl/methods/ca-grad.js";
export { caGrad } from "../mtl/methods/ca-grad.js";
export type { ConfigOptions } from "../mtl/methods/config.js";
export { config as conFig } from "../mtl/methods/config.js";
export type { ConsMtlOptions } from "../mtl/methods/cons-mtl.js";
export { consMtl } from "../mtl/methods/cons-mtl.js";
export type { ConstantOptions } from "../mtl/methods/constant.js";
export { constant as constantWeights } from "../mtl/methods/constant.js";
export type { CosmosOptions } from "../mtl/methods/cosmos.js";
export { cosmos } from "../mtl/methods/cosmos.js";
export type { DbMtlOptions, DbMtlState } from "../mtl/methods/db-mtl.js";
export { dbMtl } from "../mtl/methods/db-mtl.js";
export type { DibsMtlOptions } from "../mtl/methods/dibs-mtl.js";
export { dibsMtl } from "../mtl/methods/dibs-mtl.js";
export type { DualProjOptions } from "../mtl/methods/dual-proj.js";
export { dualProj } from "../mtl/methods/dual-proj.js";
export type { DwaOptions, DwaState } from "../mtl/methods/dwa.js";
export { dwa } from "../mtl/methods/dwa.js";
export type { ExcessMtlOptions, ExcessMtlState } from "../mtl/methods/excess-mtl.js";
export { excessMtl } from "../mtl/methods/excess-mtl.js";
export type { FairGradOptions } from "../mtl/methods/fair-grad.js";
export { fairGrad } from "../mtl/methods/fair-grad.js";
export type { FamoOptions, FamoState } from "../mtl/methods/famo.js";
export { famo } from "../mtl/methods/famo.js";
export type { ForumOptions, ForumState } from "../mtl/methods/forum.js";
export { forum } from "../mtl/methods/forum.js";
export { geometricLoss } from "../mtl/methods/geometric-loss.js";
export type { Go4AlignOptions, Go4AlignState } from "../mtl/methods/go4-align.js";
export { go4Align } from "../mtl/methods/go4-align.js";
export type { GradDropOptions } from "../mtl/methods/grad-drop.js";
export { gradDrop } from "../mtl/methods/grad-drop.js";
export type { GradNormOptions, GradNormState } from "../mtl/methods/grad-norm.js";
export { gradNorm } from "../mtl/methods/grad-norm.js";
export type { GradVacOptions, GradVacState } from "../mtl/methods/grad-vac.js";
export { gradVac } from "../mtl/methods/grad-vac.js";
export type { IgbState } from "../mtl/methods/igb.js";
export { igb } from "../mtl/methods/igb.js";
export type { ImGradOptions } from "../mtl/methods/im-grad.js";
export { imGrad } from "../mtl/methods/im-grad.js";
export type { ImtlGOptions } from "../mtl/methods/imtl-g.js";
export { imtlG } from "../mtl/methods/imtl-g.js";
export { imtlHybrid } from "../mtl/methods/imtl-hybrid.js";
export type { ImtlLOptions, ImtlLState } from "../mtl/methods/imtl-l.js";
export { imtlL } from "../mtl/methods/imtl-l.js";
export type { KrumOptions } from "../mtl/methods/krum.js";
export { krum } from "../mtl/methods/krum.js";
export type { LdcMtlOptions, LdcMtlState } from "../mtl/methods/ldc-mtl.js";
export { ldcMtl } from "../mtl/methods/ldc-mtl.js";
export type { LinearScalarizationOptions } from "../mtl/methods/linear-scalarization.js";
export { linearScalarization } from "../mtl/methods/linear-scalarization.js";
export type { MgdaOptions } from "../mtl/methods/mgda.js";
export { mgda } from "../mtl/methods/mgda.js";
export type { MocoOptions, MocoState } from "../mtl/methods/moco.js";
export { moco } from "../mtl/methods/moco.js";
export type { ModoOptions, ModoState } from "../mtl/methods/modo.js";
export { modo } from "../mtl/methods/modo.js";
export type { MomlOptions, MomlState } from "../mtl/methods/moml.js";
export { moml } from "../mtl/methods/moml.js";
export type { NashMtlOptions, NashMtlState } from "../mtl/methods/nash-mtl.js";
export { nashMtl } from "../mtl/methods/nash-mtl.js";
export type { PbiOptions } from "../mtl/methods/pbi.js";
export { pbi } from "../mtl/methods/pbi.js";
export type { PcGradOptions } from "../mtl/methods/pc-grad.js";
export { pcGrad } from "../mtl/methods/pc-grad.js";
export type { PcdOptions, PcdState } from "../mtl/methods/pcd.js";
export { pcd } from "../mtl/methods/pcd.js";
export type { RandomLossWeightingOptions } from "../mtl/methods/random-loss-weighting.js";
export { randomLossWeighting } from "../mtl/methods/random-loss-weighting.js";
export { scaleInvariant } from "../mtl/methods/scale-invariant.js";
export type { SdmGradOptions, SdmGradState } from "../mtl/methods/sdm-grad.js";
export { sdmGrad } from "../mtl/methods/sdm-grad.js";
export type { StchOptions, StchState } from "../mtl/methods/stch.js";
export { stch } from "../mtl/methods/stch.js";
export type { TrimmedMeanOptions } from "../mtl/methods/trimmed-mean.js";
export { trimmedMean } from "../mtl/methods/trimmed-mean.js";
export type {
  UncertaintyWeightingOptions,
  UncertaintyWeightingState,
} from "../mtl/methods/uncertainty-weighting.js";
export { uncertaintyWeighting } from "../mtl/methods/uncertainty-weighting.js";
export type { UpGradOptions } from "../mtl/methods/up-grad.js";
export { upGrad } from "../mtl/methods/up-grad.js";
export type { UwSoOptions } from "../mtl/methods/uw-so.js";
export { uwSo } from "../mtl/methods/uw-so.js";
export { deltaM } from "../mtl/metrics/delta-m.js";
export type { MeanRankOptions } from "../mtl/metrics/mean-rank.js";
export { meanRank } from "../mtl/metrics/mean-rank.js";
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
export type { CrMogmOptions, CrMogmState } from "../mtl/wrappers/cr-mogm.js";
export { crMogm } from "../mtl/wrappers/cr-mogm.js";
export type { EveryStepsOptions, EveryStepsState } from "../mtl/wrappers/every-steps.js";
export { everySteps } from "../mtl/wrappers/every-steps.js";
export { normalized } from "../mtl/wrappers/normalized.js";
export type { TaskMetricSets, TaskOutput } from "../train/evaluator.js";
