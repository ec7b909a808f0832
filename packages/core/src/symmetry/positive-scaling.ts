// Positive scaling of hidden units: Zhao et al., NeurIPS 2022, section 4.2; Armenta et al., arXiv 2012.01118.

import { OptionError } from "../errors.js";
import type { MlpParams } from "../nn/models/mlp.js";
import { finite, type OptionsOf, optionTable, text } from "../options.js";
import { hiddenLayers } from "./hidden/hidden-layers.js";
import { scaling } from "./scaling.js";
import type { Symmetry } from "./symmetry.js";

export interface PositiveScalingOptions extends OptionsOf<typeof positiveScalingOptions> {}

export const positiveScalingOptions = optionTable("positiveScaling", {
  /** Activation of the network: relu, leakyRelu or identity; default `relu`. */
  activation: text("the name of an activation").default("relu"),
  /**
   * Slope of leakyRelu. It has no effect, as every slope commutes with positive factors; it is accepted so
   * that a network's `activation` and `slope` can be passed together.
   */
  slope: finite.otherwise("of no effect"),
});

/**
 * Scales each hidden unit of a multilayer perceptron by a factor and undoes it in the next layer: for relu
 * and leakyRelu,
 *
 * W_m <- diag(a) W_m,  b_m <- a b_m,  W_{m+1} <- W_{m+1} diag(1/a),  a = exp(T) > 0
 *
 * exact on all data, since s(a z) = a s(z). T holds one vector of log factors per hidden layer. For other
 * networks see `symmetriesOf`.
 *
 * @param params of an `mlp` with one hidden layer or more
 * @throws OptionError for an activation that does not commute with positive factors, and for a network without hidden
 *   layers
 *
 * @example
 * const symmetry = positiveScaling(params, { activation: "leakyRelu" });
 */
export function positiveScaling<P extends MlpParams>(
  params: P,
  options: PositiveScalingOptions = {},
): Symmetry<P> {
  const { activation } = positiveScalingOptions.read(options);
  if (activation !== "relu" && activation !== "leakyRelu" && activation !== "identity") {
    throw new OptionError(
      `positiveScaling keeps the loss for relu, leakyRelu and identity only; got "${activation}". For other bijective activations use hiddenAction.`,
    );
  }
  return scaling(
    hiddenLayers(params, "positiveScaling").map(({ weight, bias }, m) => {
      const next = params.layers[m + 1].weight;
      const axes = [
        { path: `layers.${m}.weight`, view: weight.shape, axis: 0, power: 1 },
        ...(bias ? [{ path: `layers.${m}.bias`, view: bias.shape, axis: 0, power: 1 }] : []),
        { path: `layers.${m + 1}.weight`, view: next.shape, axis: 1, power: -1 },
      ];
      return { kind: "scaling" as const, size: weight.shape[0], axes, exact: true };
    }),
  );
}
