// The action on the hidden layers of a network: Zhao et al., NeurIPS 2022, eq. 8, in its delta form.
import type { MlpParams } from "../nn/models/mlp.js";
import { bijection } from "./bijection.js";
import { layerInput, preActivation } from "./hidden-graphs.js";
import { hiddenLayers } from "./hidden-layers.js";
import type { HiddenSite } from "./hidden-site.js";
import { type SiteActionOptions, siteAction } from "./site-action.js";
import type { Symmetry } from "./symmetry.js";

export interface HiddenActionOptions extends SiteActionOptions {
  /** A bijective activation: leakyRelu, elu, tanh, sigmoid, softplus, asinh or identity. */
  readonly activation: string;
  readonly slope?: number;
}

/**
 * Mixes the units of each hidden layer by g = I + T and takes it back in the next layer. With rows as samples,
 * H the layer's input (with a column of ones for the bias), Z = H W_m', s the activation:
 *
 * Z' = s^-1(s(Z) g'),  W_m' <- W_m' + H^+ (Z' - Z),  W_{m+1} <- W_{m+1} g^-1
 *
 * The next layer then sees the same product, so the loss on this batch is kept if H has full row rank, which needs a
 * batch no larger than the layer's input (plus one with a bias). On other data the function changes.
 * Layers are moved from the first to the last; each sees the input that the moved layers below give.
 * Pseudo-inverse and inverse are computed in float64.
 *
 * @param params of an `mlp` with one hidden layer or more, whose activation is the one given here; for other networks
 *   see `symmetriesOf`
 * @throws OptionError for an activation that is not a bijection, such as relu, and for a network without hidden layers
 *
 * @example
 * const symmetry = hiddenAction(params, { activation: "leakyRelu", slope: 0.1 });
 */
export function hiddenAction(
  params: MlpParams,
  { activation, slope, ...options }: HiddenActionOptions,
): Symmetry<MlpParams> {
  const s = bijection(activation, slope === undefined ? {} : { slope });
  const sites = hiddenLayers(params, "hiddenAction").map(
    ({ weight, bias }, m): HiddenSite<MlpParams> => ({
      activation: s,
      size: weight.shape[0],
      weight: { path: `layers.${m}.weight`, out: 0, in: 1 },
      ...(bias ? { bias: `layers.${m}.bias` } : {}),
      next: { path: `layers.${m + 1}.weight`, out: 0, in: 1 },
      values(p, { x }) {
        const h = layerInput(p, x, m, s);
        return { h, z: preActivation(h, p.layers[m]) };
      },
    }),
  );
  return siteAction(params, sites, options);
}
