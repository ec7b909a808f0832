/**
 * Group actions on parameters, and how they are found in a loss.
 *
 * @module isoloss/symmetry
 */
export type { Bijection } from "./bijection.js";
export type {
  AxisDescription,
  DiscoveryDescription,
  GroupDescription,
} from "./discovery/describe.js";
export { describeDiscovery } from "./discovery/describe.js";
export type {
  BijectionSite,
  Discovery,
  GroupGenerator,
  HiddenUnits,
  LinearSpace,
  OrthogonalSpace,
  ParameterAxis,
  PermutationSpace,
  ScalingGenerator,
  ShiftGenerator,
  SignGenerator,
} from "./discovery/descriptors.js";
export { analyze } from "./discovery/discovery.js";
export type { DiscoverySize } from "./discovery/discovery-size.js";
export type { ScaleAlong, ScaleTerm, TensorScale } from "./discovery/scales/scales.js";
export { scalesOf } from "./discovery/scales/scales.js";
export type { DiscreteElement, DiscreteSymmetry } from "./discrete/discrete.js";
export type { UnitSpace } from "./discrete/discrete-axes.js";
export { permutations } from "./discrete/permutations.js";
export { signFlips } from "./discrete/sign-flips.js";
export type { GeneralLinearOptions } from "./general-linear.js";
export { generalLinear } from "./general-linear.js";
export type { HiddenActionOptions } from "./hidden/hidden-action.js";
export { hiddenAction } from "./hidden/hidden-action.js";
export type { PseudoInverseActionOptions } from "./hidden/pseudo-inverse-action.js";
export { pseudoInverseAction } from "./hidden/pseudo-inverse-action.js";
export type { SiteActionOptions } from "./hidden/site-action.js";
export type { OrbitOptions, OrbitPoint, OrbitSampler } from "./orbit.js";
export { createOrbitSampler, orbit } from "./orbit.js";
export type { PositiveScalingOptions } from "./positive-scaling.js";
export { positiveScaling } from "./positive-scaling.js";
export type { ProductOptions } from "./product.js";
export { product } from "./product.js";
export { discreteSymmetries, foundSymmetries, mlpSymmetries } from "./registry.js";
export type { LengthNormalized } from "./rotation/length-normalization.js";
export { normalizeByLength } from "./rotation/length-normalization.js";
export type { OrthogonalOptions } from "./rotation/orthogonal.js";
export { orthogonal } from "./rotation/orthogonal.js";
export type { VectorParams } from "./rotation/quadratic-rotation.js";
export { quadraticRotation } from "./rotation/quadratic-rotation.js";
export type { ResidualMap } from "./rotation/residual-rotation.js";
export { residualRotation } from "./rotation/residual-rotation.js";
export type { ScalingOptions } from "./scaling.js";
export { scaling } from "./scaling.js";
export type { Symmetries } from "./symmetries-of.js";
export { symmetriesOf } from "./symmetries-of.js";
export type { BlocksOf, Refusal, Symmetry } from "./symmetry.js";
export { isRefusal } from "./symmetry.js";
