/**
 * Optimizers, learning rates, clipping, and line searches.
 *
 * @module isoloss/optim
 */

export type { AdagradOptions, SquaresScalingOptions } from "../optim/adagrad.js";
export { adagrad, scaleBySquares } from "../optim/adagrad.js";
export type { AdamOptions, AdamScalingOptions } from "../optim/adam.js";
export { adam, scaleByAdam } from "../optim/adam.js";
export { adamw } from "../optim/adamw.js";
export type { AdaptiveClipOptions } from "../optim/adaptive-clip.js";
export { adaptiveClipOptions, clipAdaptively, withAdaptiveClipping } from "../optim/adaptive-clip.js";
export type { GradientTransform, TransformAt, TransformedGradients, TransformTree } from "../optim/chain.js";
export { chain } from "../optim/chain.js";
export type { ClipOptions, NormOptions } from "../optim/clip.js";
export { clip, clipByGlobalNorm, clipByValue, globalNorm } from "../optim/clip.js";
export type { DecayOptions } from "../optim/decay.js";
export { penalty, shrink } from "../optim/decay.js";
export type { LarsOptions, TrustScalingOptions } from "../optim/lars.js";
export { lars, scaleByTrust } from "../optim/lars.js";
export type { LionOptions, SignOfMeanOptions } from "../optim/lion.js";
export { lion, signOfMean } from "../optim/lion.js";
export type { NadamOptions, NadamScalingOptions } from "../optim/nadam.js";
export { nadam, scaleByNadam } from "../optim/nadam.js";
export type { Moment, Optimizer, OptimizerState } from "../optim/optimizer.js";
export type { Plateau, PlateauOptions, PlateauScheduleOptions, PlateauState } from "../optim/plateau.js";
export { plateauSchedule, reduceOnPlateau } from "../optim/plateau.js";
export type { RadamOptions, RadamScalingOptions } from "../optim/radam.js";
export { radam, scaleByRadam } from "../optim/radam.js";
export { createOptimizer, optimizers } from "../optim/registry.js";
export type { RmspropOptions, RmsScalingOptions } from "../optim/rmsprop.js";
export { rmsprop, scaleByRms } from "../optim/rmsprop.js";
export type { SamOptions } from "../optim/sam.js";
export { sam } from "../optim/sam.js";
export type { RateOption } from "../optim/schedule-registry.js";
export { schedules } from "../optim/schedule-registry.js";
export type {
  CosineScheduleOptions,
  ExponentialScheduleOptions,
  PiecewiseScheduleOptions,
  Schedule,
  ScheduleContext,
  StepScheduleOptions,
  WarmUpOptions,
} from "../optim/schedules.js";
export {
  byEpoch,
  constantSchedule,
  cosineSchedule,
  exponentialSchedule,
  piecewiseSchedule,
  stepSchedule,
  warmUp,
  warmUpOptions,
} from "../optim/schedules.js";
export type { GdOptions, SgdOptions, VelocityOptions } from "../optim/sgd.js";
export { gd, sgd, velocity } from "../optim/sgd.js";
export type { AccumulationOptions } from "../optim/with-accumulation.js";
export { withAccumulation } from "../optim/with-accumulation.js";
export type { AverageOptions } from "../optim/with-average.js";
export { withAverage } from "../optim/with-average.js";
export type { ParameterGroup } from "../optim/with-groups.js";
export { withGroups } from "../optim/with-groups.js";
export type { RateSearch, RateSearchOptions } from "../train/find-learning-rate.js";
export { findLearningRate } from "../train/find-learning-rate.js";
export type { DirectionRule, Directions, LbfgsOptions } from "../train/line-search/directions.js";
export { conjugateDirections, lbfgs, steepestDescent } from "../train/line-search/directions.js";
export { lineSearches } from "../train/line-search/registry.js";
export type { LinePoint, WolfeOptions } from "../train/line-search/wolfe.js";

export type {
  LineSearchMinimization,
  LineSearchMinimizeOptions,
} from "../train/minimize/minimize-by-line-search.js";
export {
  createLineSearchMinimizer,
  minimizeByLineSearch,
} from "../train/minimize/minimize-by-line-search.js";
