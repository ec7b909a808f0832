import { OptionError } from "../../errors.js";
import { fill } from "../../graph/ops/leaf.js";
import { matmul } from "../../graph/ops/matmul.js";
import { reshape } from "../../graph/ops/reshape.js";
import { concat } from "../../graph/ops/slice.js";
import type { Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import type { LinearParams } from "../../nn/linear.js";
import type { MlpParams } from "../../nn/models/mlp.js";
import type { ElementWise } from "../bijection.js";
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

// Values inside a multilayer perceptron, as Zhao et al., NeurIPS 2022, write them.

/** Input of layer m: the batch, or the activations below; with a column of ones where the layer has a bias. */
export function layerInput({ layers }: TensorsOf<MlpParams>, x: Tensor, m: number, s: ElementWise): Tensor {
  let h = reshape(x, [x.shape[0], x.size / x.shape[0]]);
  for (const layer of layers.slice(0, m))
    h = s.forward(preActivation(withOnes(h, layer.bias !== undefined), layer));
  return withOnes(h, layers[m].bias !== undefined);
}

/** H with a column of ones where the layer has a bias. */
export function withOnes(h: Tensor, hasBias: boolean): Tensor {
  return hasBias ? concat([h, fill([h.shape[0], 1], 1, h.dtype)], { axis: 1 }) : h;
}

/** Z = H W', where H contains the column of ones for the bias. */
export function preActivation(h: Tensor, { weight, bias }: TensorsOf<LinearParams>): Tensor {
  const joined = bias ? concat([weight, reshape(bias, [bias.size, 1])], { axis: 1 }) : weight;
  return matmul(h, joined, { transposeB: true });
}
