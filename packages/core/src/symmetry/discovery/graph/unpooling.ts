import type { Graph } from "../../../graph/graph.js";
import { apply, type Op, sameShape, type Tensor } from "../../../graph/tensor.js";
import { rewrite } from "./rewrite.js";

/** An unpooling as one node under the engine's name for it. It is only analyzed, never computed. */
const poolPut: Op = {
  name: "poolPut",
  infer: ([y, x]) => ({ shape: x.shape, dtype: y.dtype }),
  js: {},
  onnx: {
    emit() {
      throw new Error("A graph for analysis is not exported.");
    },
  },
};

/**
 * Replaces unpoolings, that is, elements scattered to the offsets of a pooling's maxima, by one node each. An
 * offset identifies its channel, so no channel could be permuted otherwise; only the pattern as a whole shows
 * that each element stays in its channel.
 */
export const nameUnpoolings = (graph: Graph): Graph => rewrite(graph, namedUnpooling);

/** One node in place of the last one of an unpooling; any other node as it is. */
export function namedUnpooling(node: Tensor): Tensor {
  const [scattered] = node.inputs;
  if (node.op.name !== "reshape" || scattered.op.name !== "scatterAdd") return node;
  const [elements, offsets] = scattered.inputs.map(beforeReshape);
  if (scattered.rank !== 1 || offsets.op.name !== "maxPoolIndices2d") return node;
  const [image] = offsets.inputs;
  if (!sameShape(image.shape, node.shape) || !sameShape(elements.shape, offsets.shape)) return node;
  return apply(poolPut, [elements, image], offsets.attrs);
}

const beforeReshape = (x: Tensor): Tensor => (x.op.name === "reshape" ? x.inputs[0] : x);
