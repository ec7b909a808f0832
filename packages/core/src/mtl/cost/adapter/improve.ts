// What a teleport improves: the sharpness of Z. Zhou et al., NeurIPS 2025, arXiv 2503.04046, equations 8-10, or the
// angles between the tasks' gradients themselves.
import { OptionError } from "../../../errors.js";
import type { Tensor } from "../../../graph/tensor.js";
import { nonNegative, number, oneOf, positive } from "../../../option-kinds.js";
import { type OptionsOf, optionTable } from "../../../options.js";
import { gradientCosine } from "./cosine.js";
import {
  type BalancedSharpnessOptions,
  balancedSharpness,
  balancedSharpnessOptions,
  type SharpnessInputs,
} from "./sharpness.js";

export interface ImproveByCosine extends OptionsOf<typeof improveByCosineOptions> {}

export interface ImproveBySharpness
  extends BalancedSharpnessOptions,
    OptionsOf<typeof improveBySharpnessOptions> {}

export interface ImproveNothing extends OptionsOf<typeof improveNothingOptions> {}

export type ImproveOptions = ImproveByCosine | ImproveBySharpness | ImproveNothing;

export const improveByCosineOptions = optionTable("cost: improve: cosine", {
  /** `cosine`: of the tasks' gradients. */
  kind: oneOf(["cosine"]).required(),
  /** gamma; default 1. */
  weight: nonNegative.default(1),
  /** Pairs of gradients with this cosine or a larger one are not improved further; default 0.2. */
  cap: number({ min: -1, max: 1 }).default(0.2),
  /**
   * How L_g is differentiated: `exact`, or by `differences` of gradients, for which the activations of one pass of one task are
   * in memory at once; default `exact`.
   */
  derivatives: oneOf(["exact", "differences"]).default("exact"),
  /** With `differences`: the length of a perturbation over 1 + ||theta||; default 0.01. */
  step: positive.default(0.01),
});

export const improveBySharpnessOptions = optionTable("cost: improve: sharpness", {
  /** `sharpness`: a balanced mean of the losses around the point. */
  kind: oneOf(["sharpness"]).required(),
  /** gamma; default 0.1. */
  weight: nonNegative.default(0.1),
  ...balancedSharpnessOptions.rows,
});

export const improveNothingOptions = optionTable("cost: improve: none", {
  /** `none`: the control experiment. */
  kind: oneOf(["none"]).required(),
});

/** The inputs of L_g. Traced. */
export interface ImproveInputs extends SharpnessInputs {
  /** The leaves in which L_g is differentiated; default: all. */
  readonly leaves?: readonly number[] | undefined;
}

/** L_g, which is maximized with weight gamma. */
export interface Improve {
  readonly weight: number;
  /** L_g; left out for the control experiment. */
  readonly value?: ((shared: unknown, inputs: ImproveInputs) => Tensor) | undefined;
}

/**
 * L_g from its options: the balanced `sharpness`, see {@link balancedSharpness}; or the `cosine` of the tasks' gradients
 * in the shared parameters on the batch with the conflict,
 *
 * L_g = mean over pairs i < j of min(cos(g_i, g_j), cap)
 *
 * differentiated exactly or by differences of gradients, see {@link gradientCosine};
 *
 * or `none`, the control experiment.
 *
 * @throws OptionError for an unknown kind and values out of range
 */
export function improveOf(options: ImproveOptions): Improve {
  const { kind } = options;
  if (kind === "none") {
    improveNothingOptions.read(options);
    return { weight: 0 };
  }
  if (kind === "cosine") {
    const { weight, cap, derivatives, step } = improveByCosineOptions.read(options);
    return {
      weight,
      value: (shared, { conflicting, leaves, trained }) =>
        gradientCosine(conflicting, shared, {
          cap,
          leaves,
          trained,
          ...(derivatives === "differences" && { step }),
        }),
    };
  }
  if (kind !== "sharpness") {
    throw new OptionError(`cost: improve: kind must be cosine, sharpness or none; got "${String(kind)}".`);
  }
  const { kind: _, weight, ...sharpness } = improveBySharpnessOptions.read(options);
  const value = balancedSharpness(sharpness);
  return { weight, value: (shared, inputs) => value(shared, inputs) };
}
