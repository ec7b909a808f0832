import { nonNegative, type OptionsOf, optionTable } from "../options.js";
import type { GradientTransform } from "./chain.js";
import { withDecay } from "./optimizer.js";

export interface DecayOptions extends OptionsOf<typeof penaltyOptions> {}

const penaltyOptions = optionTable("penalty", {
  /** lambda. */
  weightDecay: nonNegative.required(),
});

const shrinkOptions = optionTable("shrink", {
  /** lambda. */
  weightDecay: nonNegative.required(),
});

/**
 * A part of a {@link chain}: the gradient of the loss with an L2 penalty lambda/2 ||w||^2, g <- g + lambda w. Under a
 * symmetry it counts as a gradient, as in PyTorch's optimizers.
 *
 * @throws OptionError for unknown options or values out of range
 *
 * @example
 * chain("decayed", [penalty({ weightDecay: 1e-4 }), velocity()]).name; // decayed
 */
export function penalty(options: DecayOptions): GradientTransform {
  const { weightDecay } = penaltyOptions.read(options);
  return {
    name: "penalty",
    keepsGradients: true,
    apply: (gradients, { params }) => ({ direction: withDecay(gradients, params, weightDecay) }),
  };
}

/**
 * A part of a {@link chain}: weight decay apart from the gradient, w <- (1 - eta lambda) w before the step.
 *
 * @throws OptionError for unknown options or values out of range
 *
 * @example
 * chain("decayed", [shrink({ weightDecay: 0.01 }), velocity()]).name; // decayed
 */
export function shrink(options: DecayOptions): GradientTransform {
  const { weightDecay } = shrinkOptions.read(options);
  return {
    name: "shrink",
    keepsGradients: true,
    apply: (gradients) => ({ direction: gradients, shrink: weightDecay }),
  };
}
