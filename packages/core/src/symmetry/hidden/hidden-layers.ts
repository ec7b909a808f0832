import { OptionError } from "../../errors.js";
import type { LinearParams } from "../../nn/linear.js";
import type { MlpParams } from "../../nn/models/mlp.js";
import type { ElementWise } from "../bijection.js";
import { layerInput, preActivation } from "./hidden-graphs.js";
import type { HiddenSite } from "./hidden-site.js";

/**
 * The layers of a multilayer perceptron whose outputs go through its activation: all but the last.
 *
 * @throws OptionError when there are none
 */
export function hiddenLayers({ layers }: MlpParams, action: string): readonly LinearParams[] {
  if (!Array.isArray(layers)) {
    throw new OptionError(
      `${action} takes the parameters of an mlp, { layers: [{ weight, bias }, ...] }; got none with layers. ` +
        "init returns { params, state }: take its params. For other networks use symmetriesOf.",
    );
  }
  if (layers.length < 2) {
    throw new OptionError(`${action} moves hidden units: it needs at least 2 layers; got ${layers.length}.`);
  }
  return layers.slice(0, -1);
}

/**
 * The hidden units of a multilayer perceptron, layer by layer.
 *
 * @throws OptionError when there are none
 */
export const hiddenSites = <S extends ElementWise>(
  params: MlpParams,
  activation: S,
  action: string,
): readonly HiddenSite<MlpParams, S>[] =>
  hiddenLayers(params, action).map(({ weight, bias }, m) => ({
    activation,
    size: weight.shape[0],
    weight: { path: `layers.${m}.weight`, out: 0, in: 1 },
    bias: bias ? `layers.${m}.bias` : undefined,
    next: { path: `layers.${m + 1}.weight`, out: 0, in: 1 },
    values(p, batch) {
      const h = layerInput(p, requireX(batch, action), m, activation);
      return { h, z: preActivation(h, p.layers[m]) };
    },
  }));

/** The network's input. */
export function requireX<X>(batch: Readonly<Record<string, X>>, action: string): X {
  if (batch.x !== undefined) return batch.x;
  throw new OptionError(
    `${action} takes the network's input from the batch's x; the batch has ${Object.keys(batch).join(", ") || "nothing"}. For networks that read others see symmetriesOf.`,
  );
}
