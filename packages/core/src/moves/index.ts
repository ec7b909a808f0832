/**
 * Moves in closed form, which pay right before what is not invariant under a symmetry.
 *
 * @module isoloss/moves
 */
export type { LowRank, LowRankOptions, ReducedSpace } from "../compress/low-rank/low-rank.js";
export { lowRank } from "../compress/low-rank/low-rank.js";
export { masked } from "../compress/prune/masked.js";
export type { Pruned, PrunedOptions } from "../compress/prune/pruned.js";
export { pruned } from "../compress/prune/pruned.js";
export type { PrunedUnits, PrunedUnitsOptions } from "../compress/prune/pruned-units.js";
export { prunedUnits } from "../compress/prune/pruned-units.js";
export type { BalancedOptions } from "./balance/balanced.js";
export { balanced } from "./balance/balanced.js";
export type { Float16Counts, GroupImbalance, Imbalance } from "./balance/imbalance.js";
export { imbalance } from "./balance/imbalance.js";
export type { QuantizationCandidate } from "./quantization-noise/compare-candidates.js";
export type { QuantizationNoise } from "./quantization-noise/minimize-quantization-noise.js";
export { minimizeQuantizationNoise } from "./quantization-noise/minimize-quantization-noise.js";
export type { MinimizeQuantizationNoiseOptions, WeightRounding } from "./quantization-noise/options.js";
export type { CandidateName } from "./quantization-noise/proposals.js";
export type { RotatedOptions } from "./rotate/rotated.js";
export { rotated } from "./rotate/rotated.js";
export type { AbsorbedBiases, AbsorbedBiasesOptions } from "./shift/absorbed.js";
export { absorbedBiases } from "./shift/absorbed.js";
export { centered } from "./shift/centered.js";
