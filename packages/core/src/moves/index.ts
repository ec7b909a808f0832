/**
 * Moves in closed form, which pay right before what is not invariant under a symmetry.
 *
 * @module isoloss/moves
 */
export type { BalancedOptions } from "./balance/balanced.js";
export { balanced } from "./balance/balanced.js";
export type { Float16Counts, GroupImbalance, Imbalance } from "./balance/imbalance.js";
export { imbalance } from "./balance/imbalance.js";
export type { RotatedOptions } from "./rotate/rotated.js";
export { rotated } from "./rotate/rotated.js";
export { centered } from "./shift/centered.js";
