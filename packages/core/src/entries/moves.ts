/**
 * Moves in closed form, which pay right before what is not invariant under a symmetry.
 *
 * @module isoloss/moves
 */

export type { HalfCounts } from "../math/half-counts.js";
export type { BalancedOptions } from "../moves/balance/balanced.js";
export { balanced } from "../moves/balance/balanced.js";
export type { GroupImbalance, Imbalance } from "../moves/balance/imbalance.js";
export { imbalance } from "../moves/balance/imbalance.js";
export type { LowRank, LowRankOptions, ReducedSpace } from "../moves/low-rank/low-rank.js";
export { lowRank } from "../moves/low-rank/low-rank.js";
export type { Pruned, PrunedOptions } from "../moves/prune/pruned.js";
export { masked, pruned } from "../moves/prune/pruned.js";
export type { PrunedUnits, PrunedUnitsOptions } from "../moves/prune/pruned-units.js";
export { prunedUnits } from "../moves/prune/pruned-units.js";
export type { QuantizationCandidate } from "../moves/quantization-noise/compare-candidates.js";
export type { QuantizationNoise } from "../moves/quantization-noise/minimize-quantization-noise.js";
export { minimizeQuantizationNoise } from "../moves/quantization-noise/minimize-quantization-noise.js";
export type {
  MinimizeQuantizationNoiseOptions,
  OutputLoss,
  WeightRounding,
} from "../moves/quantization-noise/options.js";
export type { CandidateName } from "../moves/quantization-noise/proposals.js";
export type { RotatedOptions } from "../moves/rotate/rotated.js";
export { canTurn, rotated } from "../moves/rotate/rotated.js";
export type { AbsorbedBiases, AbsorbedBiasesOptions } from "../moves/shift/absorbed.js";
export { absorbedBiases } from "../moves/shift/absorbed.js";
export { centered } from "../moves/shift/centered.js";
