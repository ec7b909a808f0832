import type { Float, Problem, ProblemOptions } from "isoloss-test-support/symmetry/support";
import type { Activation } from "../../src/nn/activation.js";
import type { MlpParams } from "../../src/nn/models/mlp.js";
import type { ParameterAxis, ScalingGenerator } from "../../src/symmetry/discovery/descriptors.js";
import { hiddenAction } from "../../src/symmetry/hidden/hidden-action.js";
import { pseudoInverseAction } from "../../src/symmetry/hidden/pseudo-inverse-action.js";
import { positiveScaling } from "../../src/symmetry/positive-scaling.js";
import { product } from "../../src/symmetry/product.js";
import { scaling } from "../../src/symmetry/scaling.js";
import { type Symmetries, symmetriesOf } from "../../src/symmetry/symmetries-of.js";
import type { Symmetry } from "../../src/symmetry/symmetry.js";

/** A symmetry, and random problems on which it is exact. */
export interface SymmetryRow extends ProblemOptions {
  readonly name: string;
  readonly activations: readonly Activation[];
  /** Size of a random T. */
  readonly norm: number;
  /** Whether the action keeps lengths, so that ||grad L||^2 is the same on all of an orbit; default false. */
  readonly isIsometry?: boolean;
  /** How well the loss is kept, relative to its size; default 1e-10 in float64, 1e-4 in float32. */
  readonly tolerance?: Readonly<Record<Float, number>>;
  make(problem: Problem): Symmetry<MlpParams>;
}

/** A group that must be found in the graph of a problem's loss. */
function found<K extends "scaling" | "nearScaling" | "linear" | "orthogonal" | "shifts" | "hidden">(
  key: K,
  { loss, params, batch, label }: Problem,
): NonNullable<Symmetries<MlpParams>[K]> {
  const group = symmetriesOf(loss, params, batch)[key];
  if (group === undefined) throw new Error(`${label}: no ${key} found`);
  return group;
}

/** Scalings of units that no linear space has: those within one do not commute with it. */
function scalingsBeside({ loss, params, batch }: Problem): readonly ScalingGenerator[] {
  const { scalings, linear } = symmetriesOf(loss, params, batch).found;
  const unitsOf = (axes: readonly ParameterAxis[]) => axes.map(({ path, axis }) => `${path} along ${axis}`);
  const taken = new Set(linear.flatMap(({ axes }) => unitsOf(axes)));
  return scalings.filter(({ axes }) => !unitsOf(axes).some((units) => taken.has(units)));
}

/** One row a symmetry: symmetries.test.ts runs on all of them. */
export const symmetryRows: readonly SymmetryRow[] = [
  {
    name: "positiveScaling",
    activations: ["relu", "leakyRelu", "identity"],
    norm: 2,
    make: ({ params, activation }) => positiveScaling(params, activation),
  },
  {
    name: "hiddenAction",
    activations: ["leakyRelu", "elu", "tanh", "asinh", "sigmoid", "softplus", "identity"],
    size: "narrow",
    norm: 0.05,
    make: ({ params, activation }) => hiddenAction(params, activation),
  },
  {
    name: "pseudoInverseAction",
    activations: ["leakyRelu", "elu", "tanh", "gelu", "silu", "identity"],
    size: "few",
    norm: 0.05,
    make: ({ params, activation }) => pseudoInverseAction(params, activation),
  },
  {
    name: "scaling that symmetriesOf finds",
    activations: ["relu", "leakyRelu"],
    norm: 2,
    make: (problem) => found("scaling", problem),
  },
  {
    name: "eq. 8 where symmetriesOf finds it",
    activations: ["elu", "tanh", "asinh", "sigmoid", "softplus"],
    size: "narrow",
    norm: 0.05,
    make: (problem) => found("hidden", problem),
  },
  {
    name: "GL of linear networks",
    activations: ["identity"],
    norm: 0.3,
    make: (problem) => found("linear", problem),
  },
  {
    name: "rotations of spaces read by their length",
    activations: ["tanh", "relu"],
    network: "lengths",
    norm: 0.5,
    isIsometry: true,
    make: (problem) => found("orthogonal", problem),
  },
  {
    name: "shifts of biases",
    activations: ["tanh", "sigmoid"],
    network: "linear between",
    bias: true,
    norm: 1,
    make: (problem) => found("shifts", problem),
  },
  {
    name: "scaling before a normalization",
    activations: ["tanh", "gelu", "sigmoid"],
    network: "normalized",
    norm: 0.5,
    tolerance: { float64: 1e-6, float32: 1e-4 },
    make: (problem) => found("nearScaling", problem),
  },
  {
    name: "product of scaling and GL",
    activations: ["relu", "leakyRelu"],
    network: "linear between",
    norm: 0.3,
    make: (problem) =>
      product([scaling<MlpParams>(scalingsBeside(problem)), found("linear", problem)], { commuting: true }),
  },
];

/** The rows along whose orbits a teleport can raise ||grad L||^2. */
export const teleportRows = symmetryRows.filter(({ isIsometry }) => !isIsometry);
