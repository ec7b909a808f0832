/**
 * Group actions on parameters, and how they are found in a loss.
 *
 * @module isoloss/symmetry
 */
export type { Bijection } from "./bijection.js";
export type {
  BijectionSite,
  Discovery,
  GroupGenerator,
  HiddenUnits,
  Leg,
  LinearSpace,
  PermutationSpace,
  ScalingGenerator,
  SignGenerator,
} from "./discovery/descriptors.js";
export { analyse } from "./discovery/discovery.js";
export type { DiscreteElement, DiscreteSymmetry } from "./discrete.js";
export type { UnitSpace } from "./discrete-legs.js";
export type { GeneralLinearOptions } from "./general-linear.js";
export { generalLinear } from "./general-linear.js";
export type { HiddenActionOptions } from "./hidden-action.js";
export { hiddenAction } from "./hidden-action.js";
export { permutations } from "./permutations.js";
export type { PositiveScalingOptions } from "./positive-scaling.js";
export { positiveScaling } from "./positive-scaling.js";
export type { ProductOptions } from "./product.js";
export { product } from "./product.js";
export type { PseudoInverseActionOptions } from "./pseudo-inverse-action.js";
export { pseudoInverseAction } from "./pseudo-inverse-action.js";
export type { VectorParams } from "./quadratic-rotation.js";
export { quadraticRotation } from "./quadratic-rotation.js";
export { discreteSymmetries, foundSymmetries, mlpSymmetries } from "./registry.js";
export type { ResidualMap } from "./residual-rotation.js";
export { residualRotation } from "./residual-rotation.js";
export type { ScalingOptions } from "./scaling.js";
export { scaling } from "./scaling.js";
export { signFlips } from "./sign-flips.js";
export type { SiteActionOptions } from "./site-action.js";
export type { Symmetries } from "./symmetries-of.js";
export { symmetriesOf } from "./symmetries-of.js";
export type { BlocksOf, Refusal, Symmetry } from "./symmetry.js";
export { isRefusal } from "./symmetry.js";
