import type { Graph } from "../../../graph/graph.js";
import { broadcastTo } from "../../../graph/ops/broadcast.js";
import type { ConvAttributes } from "../../../graph/ops/conv-attributes.js";
import { Tensor } from "../../../graph/tensor.js";
import { rewrite } from "./rewrite.js";

/**
 * Rewrites convolutions of single channels, which average poolings with overlapping windows consist of, as one
 * convolution of each channel by itself: images as [batch * channels, 1, height, width] do not show the
 * channels to an analysis that cuts them.
 */
export function separateChannels(graph: Graph): Graph {
  return rewrite(graph, (node) => {
    const [filtered] = node.inputs;
    if (node.op.name !== "reshape" || node.rank !== 4 || filtered.op.name !== "conv2d") return node;
    const [single, kernel] = filtered.inputs;
    if (single.op.name !== "reshape" || single.shape[1] !== 1 || kernel.shape[0] !== 1) return node;
    const [x] = single.inputs;
    const [batch, channels] = node.shape;
    if (x.rank !== 4 || x.shape[0] !== batch || x.shape[1] !== channels) return node;
    const attributes: ConvAttributes = { ...(filtered.attrs as unknown as ConvAttributes), groups: channels };
    const kernels = broadcastTo(kernel, [channels, ...kernel.shape.slice(1)]);
    return new Tensor(filtered.op, [x, kernels], { ...attributes }, node.shape, node.dtype);
  });
}
