/**
 * Teleports: objectives, searches, guard, schedules, transport, diagnosis and measures of minima.
 *
 * @module isoloss/teleport
 */

export type {
  ConjugateGradientOptions,
  ConjugateGradientResult,
} from "../teleport/curvature/conjugate-gradient.js";

export type {
  Minimum,
  MinimumMeter,
  MinimumMeterOptions,
  MinimumSettings,
} from "../teleport/curvature/minima.js";
export { createMinimumMeter, measureMinimum } from "../teleport/curvature/minima.js";
export { type DiagnoseOptions, diagnose } from "../teleport/diagnosis/diagnose.js";
export { type Diagnosis, isMissing, type Missing, type Quantity } from "../teleport/diagnosis/diagnosis.js";
export type { GainPredictor, GainPredictorOptions } from "../teleport/diagnosis/predicted-gain.js";

export { type GuardOptions, guardOptions, type Limits } from "../teleport/guard.js";
export { type DecreaseOptions, decrease } from "../teleport/objective/decrease.js";

export { modelDecrease } from "../teleport/objective/model-decrease.js";
export type { Memory, Objective, ObjectiveFor, PointValue } from "../teleport/objective/objective.js";
export { gradNormSq, minimized } from "../teleport/objective/objective.js";
export { type OrbitCurvatureOptions, orbitCurvature } from "../teleport/objective/orbit-curvature.js";
export { type LayersOption, objectives, orbitObjectives } from "../teleport/objective/registry.js";
export { type SharpnessOptions, sharpness } from "../teleport/objective/sharpness.js";
export type { Point } from "../teleport/point.js";
export { type RaceOptions, type RaceStart, raceOptions } from "../teleport/race.js";
export { type ReferenceAngleOptions, referenceAngleTeleport } from "../teleport/reference/reference-angle.js";
export { type ReferenceMlpOptions, referenceMlpTeleport } from "../teleport/reference/reference-mlp.js";
export type { TeleportReport } from "../teleport/report.js";
export { type BalanceOptions, balance } from "../teleport/search/balance.js";
export { type BestAngleOptions, bestAngle } from "../teleport/search/best-angle.js";
export { type DiscreteSearchOptions, discreteSearch } from "../teleport/search/discrete.js";
export { type GradientAscentOptions, gradientAscent } from "../teleport/search/gradient-ascent.js";
export { ownMove } from "../teleport/search/jump.js";
export { type LevelSetOptions, levelSet } from "../teleport/search/level-set/level-set.js";
export { type LineSearchOptions, lineSearch } from "../teleport/search/line-search.js";
export { type NullSpaceOptions, nullSpace } from "../teleport/search/null-space/null-space.js";
export { quadraticOptimum } from "../teleport/search/quadratic-optimum.js";
export { type RandomSearchOptions, randomSearch } from "../teleport/search/random.js";
export { orbitSearches, searches } from "../teleport/search/registry.js";
export { type ScalingCornerOptions, scalingCorner } from "../teleport/search/scaling-corner.js";
export type {
  CompiledWalk,
  HowToRun,
  MemoryArrays,
  Search,
  SearchFactory,
  SearchProblem,
  Setting,
  Stop,
  TracedEnd,
  TracedWalk,
  WalkRecord,
  WhyNot,
} from "../teleport/search/search.js";
export type { Claim } from "../teleport/search/trust-region.js";

export type { Move, Transport, TransportedState, TransportPolicy } from "../teleport/state/transport.js";
export { createTransport, transportPolicies } from "../teleport/state/transport.js";
export type {
  SingleTeleportOptions,
  Teleported,
  Teleporter,
  TeleporterOptions,
  TeleportOptions,
} from "../teleport/teleporter.js";
export { createTeleporter, teleport } from "../teleport/teleporter.js";
export type {
  EveryOptions,
  InEpochsOptions,
  Occasion,
  OnPlateauOptions,
  OnPlateauState,
  OnPredictedGainOptions,
  When,
  WhenOptions,
} from "../teleport/when.js";
export { atSteps, every, inEpochs, onPlateau, onPredictedGain, when } from "../teleport/when.js";
export { whens } from "../teleport/when-registry.js";
export type {
  MinimaStudy,
  MinimaStudyOptions,
  MinimaStudyProgress,
  MinimumRow,
} from "../train/minima-study.js";
export { minimaStudy } from "../train/minima-study.js";
