import type { Activation } from "../../src/nn/activation.js";
import type { MlpParams } from "../../src/nn/models/mlp.js";
import { hiddenAction } from "../../src/symmetry/hidden-action.js";
import { positiveScaling } from "../../src/symmetry/positive-scaling.js";
import type { Symmetry } from "../../src/symmetry/symmetry.js";
import type { Problem, ProblemOptions } from "./support.js";

/** A symmetry, and random problems on which it is exact. */
export interface SymmetryRow extends ProblemOptions {
  readonly name: string;
  readonly activations: readonly Activation[];
  /** Size of a random T. */
  readonly norm: number;
  make(problem: Problem): Symmetry<MlpParams>;
}

/** One row a symmetry: symmetries.test.ts and ../teleport/teleport.test.ts run on all of them. */
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
];
