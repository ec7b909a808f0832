/**
 * Moves in closed form, which pay right before what is not invariant under a symmetry.
 *
 * @module isoloss/moves
 */

export type { HalfCounts } from "../math/half-counts.js";
export { type BalancedOptions, balanced } from "../moves/balance/balanced.js";
export { type GroupImbalance, type Imbalance, imbalance } from "../moves/balance/imbalance.js";
export { type LowRank, type LowRankOptions, lowRank, type ReducedSpace } from "../moves/low-rank/low-rank.js";
export { masked, type Pruned, type PrunedOptions, pruned } from "../moves/prune/pruned.js";
export { type PrunedUnits, type PrunedUnitsOptions, prunedUnits } from "../moves/prune/pruned-units.js";
export type { QuantizationCandidate } from "../moves/quantization-noise/compare-candidates.js";
export type { QuantizationNoise } from "../moves/quantization-noise/minimize-quantization-noise.js";
export { minimizeQuantizationNoise } from "../moves/quantization-noise/minimize-quantization-noise.js";
export type {
  MinimizeQuantizationNoiseOptions,
  OutputLoss,
  WeightRounding,
} from "../moves/quantization-noise/options.js";
export type { CandidateName } from "../moves/quantization-noise/proposals.js";
export { canTurn, type RotatedOptions, rotated } from "../moves/rotate/rotated.js";
export { type AbsorbedBiases, type AbsorbedBiasesOptions, absorbedBiases } from "../moves/shift/absorbed.js";
export { centered } from "../moves/shift/centered.js";
