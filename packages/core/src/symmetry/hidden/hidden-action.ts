// The action on the hidden layers of a network: Zhao et al., NeurIPS 2022, eq. 8, in its delta form.

import { OptionError } from "../../errors.js";
import { div, neg, sub } from "../../graph/ops/arithmetic.js";
import { matmul } from "../../graph/ops/matmul.js";
import type { Tensor } from "../../graph/tensor.js";
import type { MlpParams } from "../../nn/models/mlp.js";
import { anyOf, inCode, isObject, type OptionsOf, optionTable, positive, text } from "../../options.js";
import { type Bijection, bijection, slopeOf } from "../bijection.js";
import type { HiddenUnits } from "../discovery/descriptors.js";
import type { Symmetry } from "../symmetry.js";
import { hiddenSites } from "./hidden-layers.js";
import { type SiteRule, split, withChange } from "./hidden-site.js";
import { type SiteActionOptions, siteAction, siteActionRows } from "./site-action.js";

export interface HiddenActionOptions extends SiteActionOptions, OptionsOf<typeof hiddenActionOptions> {}

export const hiddenActionOptions = optionTable("hiddenAction", {
  /**
   * A bijective activation: leakyRelu, elu, tanh, sigmoid, softplus, asinh or identity; or a custom one with
   * its inverse.
   */
  activation: anyOf(
    text("the name of an activation"),
    inCode<Bijection>("a bijection { forward, inverse }", (v) => isObject(v) && "inverse" in v),
  ).required(),
  /** Slope of leakyRelu; default 0.01. */
  slope: positive.default(0.01),
  ...siteActionRows,
});

/**
 * Mixes the units of each hidden layer by g = I + T and undoes it in the next layer. With rows as samples,
 * H the layer's input (with a column of ones for the bias), Z = H W_m', s the activation:
 *
 * Z' = s^-1(s(Z) g'),  W_m' <- W_m' + H^+ (Z' - Z),  W_{m+1} <- W_{m+1} g^-1
 *
 * The next layer then sees the same product, so the loss on this batch is kept if H has full row rank, which needs a
 * batch no larger than the layer's input (plus one with a bias). On other data the function changes.
 * Layers are moved from the first to the last; each gets the input that the moved layers below produce.
 * Pseudo-inverse and inverse are computed in float64.
 *
 * @param params of an `mlp` with one hidden layer or more, or like it, whose activation is the one given here and whose input
 *   is the batch's `x`; for other networks see `symmetriesOf`
 * @throws OptionError without an activation, for an activation that is not a bijection, such as relu, and for a network
 *   without hidden layers
 *
 * @example
 * const symmetry = hiddenAction(params, { activation: "leakyRelu", slope: 0.1 });
 */
export function hiddenAction(params: MlpParams, given: HiddenActionOptions): Symmetry<MlpParams> {
  if (given?.activation === undefined) {
    throw new OptionError(
      'hiddenAction needs the network\'s activation: hiddenAction(params, { activation: "tanh" }), say.',
    );
  }
  const { activation, slope, ...options } = hiddenActionOptions.read(given);
  const s = typeof activation === "string" ? bijection(activation, { slope }) : activation;
  const sites = hiddenSites(params, s, "hiddenAction");
  const action = siteAction(params, sites, hiddenRule, options);
  if (typeof activation !== "string") return action;
  const attributes = activation === "leakyRelu" ? { slope } : {};
  const generators = sites.map(
    ({ size, weight, bias, next }): HiddenUnits => ({
      ...({ kind: "bijection", activation, attributes, size, weight, next } as const),
      ...(bias === undefined ? {} : { bias }),
    }),
  );
  return { ...action, generators };
}

const shift = (s: Bijection, z: Tensor, mixed: Tensor) => sub(s.inverse(mixed), z);

/** Eq. 8 at one site: see {@link hiddenAction}. The rate is dW' = H^+ (s(Z) T' / s'(Z)), dW_next = -W_next T. */
export const hiddenRule: SiteRule<Bijection> = {
  name: "hidden action (eq. 8)",
  matrixName: "a layer's input",
  matrix: ({ h }) => h,
  shift,
  move(site, { g, back, plus }) {
    const { activation: s, z } = site;
    const change = shift(s, z, matmul(s.forward(z), g, { transposeB: true }));
    return {
      ...withChange(site, matmul(change, plus, { transposeA: true, transposeB: true })),
      next: matmul(site.next, back),
    };
  },
  rate(site, T, plus) {
    const { activation: s, z, next } = site;
    const dz = div(matmul(s.forward(z), T, { transposeB: true }), slopeOf(s, z));
    return {
      ...split(matmul(dz, plus, { transposeA: true, transposeB: true }), site),
      next: neg(matmul(next, T)),
    };
  },
};
