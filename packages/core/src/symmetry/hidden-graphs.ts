// The graphs of the hidden action: Zhao et al., NeurIPS 2022, eq. 8, in its delta form. See hidden-action.ts.
import { dtypeOf } from "../array.js";
import type { Graph } from "../graph/graph.js";
import { add, sub } from "../graph/ops/arithmetic.js";
import { fill } from "../graph/ops/leaf.js";
import { matmul } from "../graph/ops/matmul.js";
import { reshape, transpose } from "../graph/ops/reshape.js";
import { concat, slice } from "../graph/ops/slice.js";
import type { Tensor } from "../graph/tensor.js";
import { type SpecLeaf, spec, type TensorsOf, trace } from "../graph/trace.js";
import type { LinearParams } from "../nn/linear.js";
import type { MlpParams } from "../nn/models/mlp.js";
import type { Bijection } from "./bijection.js";

/** The input H of hidden layer m: `p`, `x` to `h`. */
export function traceInput(params: MlpParams, x: SpecLeaf, m: number, s: Bijection): Graph {
  const f = (p: TensorsOf<MlpParams>, v: Tensor) => ({ h: layerInput(p, v, m, s) });
  return trace(f as never, [params, x], { names: ["p", "x"] }).graph;
}

/** Layers m and m + 1 moved by g: `p`, `x`, `g`, `back` (its inverse), `plus` (H^+) to `lower` and `upper.weight`. */
export function traceAct(params: MlpParams, x: SpecLeaf, m: number, s: Bijection): Graph {
  const { weight, bias } = params.layers[m];
  const [n, inputs] = weight.shape;
  const f = (p: TensorsOf<MlpParams>, v: Tensor, g: Tensor, back: Tensor, plus: Tensor) => {
    const z = preActivation(layerInput(p, v, m, s), p.layers[m]);
    const moved = s.inverse(matmul(s.forward(z), g, { transposeB: true }));
    const change = split(matmul(plus, sub(moved, z)), p.layers[m]);
    return {
      lower: shifted(p.layers[m], change),
      upper: { weight: matmul(p.layers[m + 1].weight, back) },
    };
  };
  const dtype = dtypeOf(weight);
  const square = spec([n, n], dtype);
  const plus = spec([inputs + (bias ? 1 : 0), x.shape[0]], dtype);
  return trace(f as never, [params, x, square, square, plus], { names: ["p", "x", "g", "back", "plus"] })
    .graph;
}

/** Input of layer m: the batch, or the activations below; with a column of ones where the layer has a bias. */
export function layerInput({ layers }: TensorsOf<MlpParams>, x: Tensor, m: number, s: Bijection): Tensor {
  let h = reshape(x, [x.shape[0], x.size / x.shape[0]]);
  for (const layer of layers.slice(0, m)) h = s.forward(preActivation(withOnes(h, layer), layer));
  return withOnes(h, layers[m]);
}

function withOnes(h: Tensor, { bias }: TensorsOf<LinearParams>): Tensor {
  return bias ? concat([h, fill([h.shape[0], 1], 1, h.dtype)], { axis: 1 }) : h;
}

/** Z = H W' where H carries the ones of the bias. */
export function preActivation(h: Tensor, { weight, bias }: TensorsOf<LinearParams>): Tensor {
  const joined = bias ? concat([weight, reshape(bias, [bias.size, 1])], { axis: 1 }) : weight;
  return matmul(h, joined, { transposeB: true });
}

/** A change of [W b]', as [in (+ 1), out], in the layer's own form. */
export function split(delta: Tensor, { weight, bias }: TensorsOf<LinearParams>): TensorsOf<LinearParams> {
  const [out, inputs] = weight.shape;
  if (!bias) return { weight: transpose(delta) };
  return {
    weight: transpose(slice(delta, { ends: [inputs] })),
    bias: reshape(slice(delta, { starts: [inputs] }), [out]),
  };
}

function shifted(layer: TensorsOf<LinearParams>, change: TensorsOf<LinearParams>): TensorsOf<LinearParams> {
  const weight = add(layer.weight, change.weight);
  return layer.bias && change.bias ? { weight, bias: add(layer.bias, change.bias) } : { weight };
}
