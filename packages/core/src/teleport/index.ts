/**
 * Teleports: objectives, searches, guard, schedules, transport, diagnosis and measures of minima.
 *
 * @module isoloss/teleport
 */

export type {
  MinimaStudy,
  MinimaStudyOptions,
  MinimaStudyProgress,
  MinimumRow,
} from "../train/minima-study.js";
export { minimaStudy } from "../train/minima-study.js";
export type { ConjugateGradientOptions, ConjugateGradientResult } from "./curvature/conjugate-gradient.js";
export { conjugateGradient } from "./curvature/conjugate-gradient.js";
export type { Hessian, LanczosOptions } from "./curvature/hessian.js";
export { createHessian, lanczos } from "./curvature/hessian.js";
export type { Minimum, MinimumMeter, MinimumMeterOptions, MinimumSettings } from "./curvature/minima.js";
export { createMinimumMeter, measureMinimum, minimumSettings } from "./curvature/minima.js";
export type { DiagnoseOptions } from "./diagnosis/diagnose.js";
export { diagnose } from "./diagnosis/diagnose.js";
export type { Diagnosis, Missing, Quantity } from "./diagnosis/diagnosis.js";
export { isMissing } from "./diagnosis/diagnosis.js";
export type { GainPredictor, GainPredictorOptions } from "./diagnosis/predicted-gain.js";
export { createGainPredictor } from "./diagnosis/predicted-gain.js";
export type { GuardOptions, Limits } from "./guard.js";
export { guardOptions } from "./guard.js";
export type { DecreaseOptions } from "./objective/decrease.js";
export { decrease } from "./objective/decrease.js";
export { gradNormSqOf } from "./objective/grad-norm-sq-of.js";
export { modelDecrease } from "./objective/model-decrease.js";
export type { Memory, Objective, ObjectiveFor, PointValue } from "./objective/objective.js";
export { gradNormSq, minimized } from "./objective/objective.js";
export type { OrbitCurvatureOptions } from "./objective/orbit-curvature.js";
export { orbitCurvature } from "./objective/orbit-curvature.js";
export type { LayersOption } from "./objective/registry.js";
export { objectives, orbitObjectives } from "./objective/registry.js";
export type { SharpnessOptions } from "./objective/sharpness.js";
export { sharpness } from "./objective/sharpness.js";
export type { Point } from "./point.js";
export type { RaceOptions, RaceStart } from "./race.js";
export { raceOptions } from "./race.js";
export type { ReferenceAngleOptions } from "./reference/reference-angle.js";
export { referenceAngleTeleport } from "./reference/reference-angle.js";
export type { ReferenceMlpOptions } from "./reference/reference-mlp.js";
export { referenceMlpTeleport } from "./reference/reference-mlp.js";
export type { TeleportReport } from "./report.js";
export type { GradientAscentOptions } from "./search/ascent/gradient-ascent.js";
export { gradientAscent } from "./search/ascent/gradient-ascent.js";
export type { BalanceOptions } from "./search/balance.js";
export { balance } from "./search/balance.js";
export type { BestAngleOptions } from "./search/best-angle.js";
export { bestAngle } from "./search/best-angle.js";
export type { Claim } from "./search/claim.js";
export type { DiscreteSearchOptions } from "./search/discrete.js";
export { discreteSearch } from "./search/discrete.js";
export type { LevelSetOptions } from "./search/level-set/level-set.js";
export { levelSet } from "./search/level-set/level-set.js";
export type { LineSearchOptions } from "./search/line-search.js";
export { lineSearch } from "./search/line-search.js";
export type { NullSpaceOptions } from "./search/null-space/null-space.js";
export { nullSpace } from "./search/null-space/null-space.js";
export { ownMove } from "./search/own-move.js";
export { quadraticOptimum } from "./search/quadratic-optimum.js";
export type { RandomSearchOptions } from "./search/random.js";
export { randomSearch } from "./search/random.js";
export { orbitSearches, searches } from "./search/registry.js";
export type { ScalingCornerOptions } from "./search/scaling-corner.js";
export { scalingCorner } from "./search/scaling-corner.js";
export type {
  CompiledWalk,
  MemoryArrays,
  Search,
  SearchFactory,
  SearchProblem,
  Setting,
  Stop,
  TracedEnd,
  TracedWalk,
  Walk,
  WalkRecord,
} from "./search/search.js";
export { isStop } from "./search/search.js";
export { reusedState } from "./state/reused-state.js";
export type { BlendMomentOptions, TrajectorySimilarityOptions } from "./state/trajectory-reuse.js";
export { blendMoment, trajectorySimilarity } from "./state/trajectory-reuse.js";
export type { Move, Transport, TransportedState, TransportPolicy } from "./state/transport.js";
export { createTransport, transportPolicies } from "./state/transport.js";
export type {
  SingleTeleportOptions,
  Teleported,
  Teleporter,
  TeleporterOptions,
  TeleportOptions,
} from "./teleporter.js";
export { createTeleporter, teleport } from "./teleporter.js";
export type {
  EveryOptions,
  InEpochsOptions,
  Occasion,
  OnPlateauOptions,
  OnPlateauState,
  OnPredictedGainOptions,
  When,
  WhenOptions,
} from "./when.js";
export { atSteps, every, inEpochs, occasionAt, onPlateau, onPredictedGain, when } from "./when.js";
export { whens } from "./when-registry.js";
