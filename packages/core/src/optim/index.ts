/**
 * Optimizers, learning rates, clipping, and line searches.
 *
 * @module isoloss/optim
 */

export type { RateSearch, RateSearchOptions } from "../train/find-learning-rate.js";
export { findLearningRate } from "../train/find-learning-rate.js";
export type { DirectionRule, Directions, LbfgsOptions } from "../train/line-search/directions.js";
export { conjugateDirections, lbfgs, steepestDescent } from "../train/line-search/directions.js";
export { lineSearches } from "../train/line-search/registry.js";
export type { LinePoint, WolfeOptions } from "../train/line-search/wolfe.js";
export { wolfeSearch } from "../train/line-search/wolfe.js";
export type {
  LineSearchMinimization,
  LineSearchMinimizeOptions,
} from "../train/minimize/minimize-by-line-search.js";
export {
  createLineSearchMinimizer,
  minimizeByLineSearch,
} from "../train/minimize/minimize-by-line-search.js";
export type { AdagradOptions, SquaresScalingOptions } from "./adagrad.js";
export { adagrad, scaleBySquares } from "./adagrad.js";
export type { AdamOptions, AdamScalingOptions } from "./adam.js";
export { adam, scaleByAdam } from "./adam.js";
export { adamw } from "./adamw.js";
export type { AdaptiveClipOptions } from "./adaptive-clip.js";
export { adaptiveClipOptions, clipAdaptively, withAdaptiveClipping } from "./adaptive-clip.js";
export type { GradientTransform, TransformAt, TransformedGradients, TransformTree } from "./chain.js";
export { chain } from "./chain.js";
export type { ClipOptions, NormOptions } from "./clip.js";
export { clip, clipByGlobalNorm, clipByValue, globalNorm } from "./clip.js";
export type { DecayOptions } from "./decay.js";
export { penalty, shrink } from "./decay.js";
export type { LarsOptions, TrustScalingOptions } from "./lars.js";
export { lars, scaleByTrust } from "./lars.js";
export type { LionOptions, SignOfMeanOptions } from "./lion.js";
export { lion, signOfMean } from "./lion.js";
export type { NadamOptions, NadamScalingOptions } from "./nadam.js";
export { nadam, scaleByNadam } from "./nadam.js";
export type { Moment, Optimizer, OptimizerState } from "./optimizer.js";
export type { Plateau, PlateauOptions, PlateauScheduleOptions, PlateauState } from "./plateau.js";
export { plateauSchedule, reduceOnPlateau } from "./plateau.js";
export type { RadamOptions, RadamScalingOptions } from "./radam.js";
export { radam, scaleByRadam } from "./radam.js";
export { createOptimizer, optimizers } from "./registry.js";
export type { RmspropOptions, RmsScalingOptions } from "./rmsprop.js";
export { rmsprop, scaleByRms } from "./rmsprop.js";
export type { SamOptions } from "./sam.js";
export { sam } from "./sam.js";
export type { RateOption } from "./schedule-registry.js";
export { schedules } from "./schedule-registry.js";
export type {
  CosineScheduleOptions,
  ExponentialScheduleOptions,
  PiecewiseScheduleOptions,
  Schedule,
  ScheduleContext,
  StepScheduleOptions,
  WarmUpOptions,
} from "./schedules.js";
export {
  byEpoch,
  constantSchedule,
  cosineSchedule,
  exponentialSchedule,
  piecewiseSchedule,
  stepSchedule,
  warmUp,
  warmUpOptions,
} from "./schedules.js";
export type { GdOptions, SgdOptions, VelocityOptions } from "./sgd.js";
export { gd, sgd, velocity } from "./sgd.js";
export type { AccumulationOptions } from "./with-accumulation.js";
export { withAccumulation } from "./with-accumulation.js";
export type { AverageOptions } from "./with-average.js";
export { withAverage } from "./with-average.js";
export type { ParameterGroup } from "./with-groups.js";
export { withGroups } from "./with-groups.js";
