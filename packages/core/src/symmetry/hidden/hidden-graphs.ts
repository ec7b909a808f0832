// Values inside a multilayer perceptron, as Zhao et al., NeurIPS 2022, write them.
import { fill } from "../../graph/ops/leaf.js";
import { matmul } from "../../graph/ops/matmul.js";
import { reshape } from "../../graph/ops/reshape.js";
import { concat } from "../../graph/ops/slice.js";
import type { Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import type { LinearParams } from "../../nn/linear.js";
import type { MlpParams } from "../../nn/models/mlp.js";
import type { ElementWise } from "../bijection.js";

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
