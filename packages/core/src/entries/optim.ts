/**
 * Optimizers, learning rates, clipping, and line searches.
 *
 * @module isoloss/optim
 */

export type { AdagradOptions, SquaresScalingOptions } from "../optim/adagrad.js";
export { adagrad, scaleBySquares } from "../optim/adagrad.js";
export { type AdamOptions, type AdamScalingOptions, adam, scaleByAdam } from "../optim/adam.js";
export { adamw } from "../optim/adamw.js";
export type { AdaptiveClipOptions } from "../optim/adaptive-clip.js";
export { adaptiveClipOptions, clipAdaptively, withAdaptiveClipping } from "../optim/adaptive-clip.js";
export type { GradientTransform, TransformAt, TransformedGradients, TransformTree } from "../optim/chain.js";
export { chain } from "../optim/chain.js";
export type { ClipOptions, NormOptions } from "../optim/clip.js";
export { clip, clipByGlobalNorm, clipByValue, globalNorm } from "../optim/clip.js";
export { type DecayOptions, penalty, shrink } from "../optim/decay.js";
export { type LarsOptions, lars, scaleByTrust, type TrustScalingOptions } from "../optim/lars.js";
export { type LionOptions, lion, type SignOfMeanOptions, signOfMean } from "../optim/lion.js";
export { type NadamOptions, type NadamScalingOptions, nadam, scaleByNadam } from "../optim/nadam.js";
export type { Moment, Optimizer, OptimizerState } from "../optim/optimizer.js";
export type { Plateau, PlateauOptions, PlateauScheduleOptions, PlateauState } from "../optim/plateau.js";
export { plateauSchedule, reduceOnPlateau } from "../optim/plateau.js";
export { type RadamOptions, type RadamScalingOptions, radam, scaleByRadam } from "../optim/radam.js";
export { createOptimizer, optimizers } from "../optim/registry.js";
export { type RmspropOptions, type RmsScalingOptions, rmsprop, scaleByRms } from "../optim/rmsprop.js";
export { type SamOptions, sam } from "../optim/sam.js";
export { type RateOption, schedules } from "../optim/schedule-registry.js";
export {
  byEpoch,
  type CosineScheduleOptions,
  constantSchedule,
  cosineSchedule,
  type ExponentialScheduleOptions,
  exponentialSchedule,
  type PiecewiseScheduleOptions,
  piecewiseSchedule,
  type Schedule,
  type ScheduleContext,
  type StepScheduleOptions,
  stepSchedule,
  type WarmUpOptions,
  warmUp,
  warmUpOptions,
} from "../optim/schedules.js";
export { type GdOptions, gd, type SgdOptions, sgd, type VelocityOptions, velocity } from "../optim/sgd.js";
export { type AccumulationOptions, withAccumulation } from "../optim/with-accumulation.js";
export { type AverageOptions, withAverage } from "../optim/with-average.js";
export { type ParameterGroup, withGroups } from "../optim/with-groups.js";
export { findLearningRate, type RateSearch, type RateSearchOptions } from "../train/find-learning-rate.js";
export type { DirectionRule, Directions, LbfgsOptions } from "../train/line-search/directions.js";
export { conjugateDirections, lbfgs, steepestDescent } from "../train/line-search/directions.js";
export { lineSearches } from "../train/line-search/registry.js";
export type { LinePoint, WolfeOptions } from "../train/line-search/wolfe.js";

export {
  createLineSearchMinimizer,
  type LineSearchMinimization,
  type LineSearchMinimizeOptions,
  minimizeByLineSearch,
} from "../train/minimize/minimize-by-line-search.js";
