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
export type { DiagnoseOptions } from "../teleport/diagnosis/diagnose.js";
export { diagnose } from "../teleport/diagnosis/diagnose.js";
export type { Diagnosis, Missing, Quantity } from "../teleport/diagnosis/diagnosis.js";
export { isMissing } from "../teleport/diagnosis/diagnosis.js";
export type { GainPredictor, GainPredictorOptions } from "../teleport/diagnosis/predicted-gain.js";

export type { GuardOptions, Limits } from "../teleport/guard.js";
export { guardOptions } from "../teleport/guard.js";
export type { DecreaseOptions } from "../teleport/objective/decrease.js";
export { decrease } from "../teleport/objective/decrease.js";

export { modelDecrease } from "../teleport/objective/model-decrease.js";
export type { Memory, Objective, ObjectiveFor, PointValue } from "../teleport/objective/objective.js";
export { gradNormSq, minimized } from "../teleport/objective/objective.js";
export type { OrbitCurvatureOptions } from "../teleport/objective/orbit-curvature.js";
export { orbitCurvature } from "../teleport/objective/orbit-curvature.js";
export type { LayersOption } from "../teleport/objective/registry.js";
export { objectives, orbitObjectives } from "../teleport/objective/registry.js";
export type { SharpnessOptions } from "../teleport/objective/sharpness.js";
export { sharpness } from "../teleport/objective/sharpness.js";
export type { Point } from "../teleport/point.js";
export type { RaceOptions, RaceStart } from "../teleport/race.js";
export { raceOptions } from "../teleport/race.js";
export type { ReferenceAngleOptions } from "../teleport/reference/reference-angle.js";
export { referenceAngleTeleport } from "../teleport/reference/reference-angle.js";
export type { ReferenceMlpOptions } from "../teleport/reference/reference-mlp.js";
export { referenceMlpTeleport } from "../teleport/reference/reference-mlp.js";
export type { TeleportReport } from "../teleport/report.js";
export type { BalanceOptions } from "../teleport/search/balance.js";
export { balance } from "../teleport/search/balance.js";
export type { BestAngleOptions } from "../teleport/search/best-angle.js";
export { bestAngle } from "../teleport/search/best-angle.js";
export type { DiscreteSearchOptions } from "../teleport/search/discrete.js";
export { discreteSearch } from "../teleport/search/discrete.js";
export type { GradientAscentOptions } from "../teleport/search/gradient-ascent.js";
export { gradientAscent } from "../teleport/search/gradient-ascent.js";
export { ownMove } from "../teleport/search/jump.js";
export type { LevelSetOptions } from "../teleport/search/level-set/level-set.js";
export { levelSet } from "../teleport/search/level-set/level-set.js";
export type { LineSearchOptions } from "../teleport/search/line-search.js";
export { lineSearch } from "../teleport/search/line-search.js";
export type { NullSpaceOptions } from "../teleport/search/null-space/null-space.js";
export { nullSpace } from "../teleport/search/null-space/null-space.js";
export { quadraticOptimum } from "../teleport/search/quadratic-optimum.js";
export type { RandomSearchOptions } from "../teleport/search/random.js";
export { randomSearch } from "../teleport/search/random.js";
export { orbitSearches, searches } from "../teleport/search/registry.js";
export type { ScalingCornerOptions } from "../teleport/search/scaling-corner.js";
export { scalingCorner } from "../teleport/search/scaling-corner.js";
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
