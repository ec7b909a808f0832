/**
 * Group actions on parameters, and how they are found in a loss.
 *
 * @module isoloss/symmetry
 */
export type { Bijection } from "../symmetry/bijection.js";
export { defineSymmetry } from "../symmetry/define-symmetry.js";
export type {
  AxisDescription,
  DiscoveryDescription,
  DiscoverySize,
  GroupDescription,
} from "../symmetry/discovery/describe.js";
export { describeDiscovery } from "../symmetry/discovery/describe.js";
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
} from "../symmetry/discovery/descriptors.js";
export { analyze } from "../symmetry/discovery/discovery.js";
export type { ScaleAlong, ScaleTerm, TensorScale } from "../symmetry/discovery/scales/scales.js";
export { scalesOf } from "../symmetry/discovery/scales/scales.js";
export type { DiscreteElement, DiscreteSymmetry } from "../symmetry/discrete/discrete.js";
export type { UnitSpace } from "../symmetry/discrete/discrete-axes.js";
export { permutations } from "../symmetry/discrete/permutations.js";
export { signFlips } from "../symmetry/discrete/sign-flips.js";
export { type GeneralLinearOptions, generalLinear } from "../symmetry/general-linear.js";
export { type HiddenActionOptions, hiddenAction } from "../symmetry/hidden/hidden-action.js";
export type { PseudoInverseActionOptions } from "../symmetry/hidden/pseudo-inverse-action.js";
export { pseudoInverseAction } from "../symmetry/hidden/pseudo-inverse-action.js";
export type { SiteActionOptions } from "../symmetry/hidden/site-action.js";
export type { OrbitOptions, OrbitPoint, OrbitSampler } from "../symmetry/orbit.js";
export { createOrbitSampler, orbit } from "../symmetry/orbit.js";
export { type PositiveScalingOptions, positiveScaling } from "../symmetry/positive-scaling.js";
export { type ProductOptions, product } from "../symmetry/product.js";
export { discreteSymmetries, foundSymmetries, mlpSymmetries } from "../symmetry/registry.js";
export { type LengthNormalized, normalizeByLength } from "../symmetry/rotation/length-normalization.js";
export { type OrthogonalOptions, orthogonal } from "../symmetry/rotation/orthogonal.js";
export { quadraticRotation, type VectorParams } from "../symmetry/rotation/quadratic-rotation.js";
export { type ResidualMap, residualRotation } from "../symmetry/rotation/residual-rotation.js";
export { type ScalingOptions, scaling } from "../symmetry/scaling.js";
export { type Symmetries, symmetriesOf } from "../symmetry/symmetries-of.js";
export type { BlocksOf, Refusal, Symmetry, SymmetryDefinition, TracedContext } from "../symmetry/symmetry.js";
export { isRefusal } from "../symmetry/symmetry.js";
