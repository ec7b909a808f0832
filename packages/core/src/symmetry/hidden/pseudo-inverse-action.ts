// The action on hidden layers of Zhao, Gower, Walters, Yu, ICLR 2024 (arXiv 2305.13404), in a delta form.

import { add, mul, neg, sub } from "../../graph/ops/arithmetic.js";
import { matmul } from "../../graph/ops/matmul.js";
import { reshape } from "../../graph/ops/reshape.js";
import type { Tensor } from "../../graph/tensor.js";
import { type Activation, activation as activationOf, activations } from "../../nn/activation.js";
import type { MlpParams } from "../../nn/models/mlp.js";
import { finite, type OptionsOf, oneOf, optionTable } from "../../options.js";
import { type ElementWise, slopeOf } from "../bijection.js";
import type { Symmetry } from "../symmetry.js";
import { hiddenSites } from "./hidden-layers.js";
import type { SiteRule, SiteValues } from "./hidden-site.js";
import { type SiteActionOptions, siteAction, siteActionRows } from "./site-action.js";

export interface PseudoInverseActionOptions
  extends SiteActionOptions,
    OptionsOf<typeof pseudoInverseActionOptions> {}

export const pseudoInverseActionOptions = optionTable("pseudoInverseAction", {
  /** Activation of the network, any; default `relu`, as in `mlp`. */
  activation: oneOf<Activation>(activations).default("relu"),
  /** Slope of leakyRelu; default 0.01. */
  slope: finite.default(0.01),
  ...siteActionRows,
});

/**
 * Mixes the inputs of each hidden layer's activation by g = I + T and undoes it in the next layer by a
 * pseudo-inverse. With rows as samples, S = s(Z) the layer's output, s any activation, S_g = s(Z g'):
 *
 * W_m <- g W_m,  b_m <- g b_m,  W_{m+1}' <- W_{m+1}' + S_g^+ (S - S_g) W_{m+1}'
 *
 * so that S_g W_{m+1}' equals the old S W_{m+1}' and the loss on this batch is kept, if S_g has full row
 * rank. That needs a batch no larger than each hidden layer and, for relu, enough active units. On other data
 * the function changes. The paper's W_{m+1}' <- S_g^+ S W_{m+1}' differs by a term that no sample of the
 * batch sees, (I - S_g^+ S_g) W_{m+1}', which it sets to zero even for g = I. On a batch that is larger than
 * the layer both are the least-squares fit.
 *
 * Layers are moved from the first to the last. Pseudo-inverses are computed in float64; the iteration of searches, unlike
 * `context` on arrays, fails for samples that nearly coincide, such as 1e-5 apart, and the report says so.
 *
 * @param params of an `mlp` with one hidden layer or more, whose activation is the one given here and whose input is the
 *   batch's `x`
 * @throws OptionError for an unknown activation and for a network without hidden layers
 *
 * @example
 * const symmetry = pseudoInverseAction(params, { activation: "gelu" });
 */
export function pseudoInverseAction(
  params: MlpParams,
  given: PseudoInverseActionOptions = {},
): Symmetry<MlpParams> {
  const { activation, slope, ...options } = pseudoInverseActionOptions.read(given);
  const s: ElementWise = { forward: activationOf(activation, { slope }) };
  return siteAction(params, hiddenSites(params, s, "pseudoInverseAction"), pseudoInverseRule, options);
}

/** The action at one site. The rate is dW = T W, db = T b, dW_next' = -S^+ (s'(Z) o (Z T')) W_next'. */
const pseudoInverseRule: SiteRule<ElementWise> = {
  name: "pseudo-inverse action",
  matrixName: "a hidden layer's output",
  matrix: movedOutput,
  move(site, { g, plus }) {
    const { activation: s, z, next } = site;
    const lost = sub(s.forward(z), movedOutput(site, g));
    return { ...mixed(site, g), next: add(next, taken(next, lost, plus)) };
  },
  // S_g - S vanishes at g = I, so that the derivative of the pseudo-inverse does not count.
  rate(site, T, plus) {
    const { activation: s, z, next } = site;
    const change = mul(slopeOf(s, z), matmul(z, T, { transposeB: true }));
    return { ...mixed(site, T), next: neg(taken(next, change, plus)) };
  },
};

/** s(Z g'). */
function movedOutput({ activation: s, z }: SiteValues<ElementWise>, g: Tensor): Tensor {
  return s.forward(matmul(z, g, { transposeB: true }));
}

/** A W and A b. */
function mixed({ weight, bias }: SiteValues<ElementWise>, A: Tensor) {
  const units = weight.shape[0];
  return {
    weight: matmul(A, weight),
    ...(bias ? { bias: reshape(matmul(A, reshape(bias, [units, 1])), [units]) } : {}),
  };
}

/** W_next D' S^+', the transpose of S^+ D W_next'. */
function taken(next: Tensor, D: Tensor, plus: Tensor): Tensor {
  return matmul(matmul(next, D, { transposeB: true }), plus, { transposeB: true });
}
