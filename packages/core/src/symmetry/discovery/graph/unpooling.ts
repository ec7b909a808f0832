import type { Graph } from "../../../graph/graph.js";
import { apply, type Op, sameShape, type Tensor } from "../../../graph/tensor.js";
import { rewrite } from "./rewrite.js";

/** What an unpooling is, in one node under the engine's name for it: for an analysis, which computes nothing. */
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
 * Names unpoolings: elements scattered to the offsets of a pooling's maxima. An offset tells which channel it is of, so
 * that no channel could be moved; that each element stays in its channel shows only in the whole.
 */
export function nameUnpoolings(graph: Graph): Graph {
  return rewrite(graph, (node) => {
    const [scattered] = node.inputs;
    if (node.op.name !== "reshape" || scattered.op.name !== "scatterAdd") return node;
    const [elements, offsets] = scattered.inputs.map(beforeReshape);
    if (scattered.rank !== 1 || offsets.op.name !== "maxPoolIndices2d") return node;
    const [image] = offsets.inputs;
    if (!sameShape(image.shape, node.shape) || !sameShape(elements.shape, offsets.shape)) return node;
    return apply(poolPut, [elements, image], offsets.attrs);
  });
}

const beforeReshape = (x: Tensor): Tensor => (x.op.name === "reshape" ? x.inputs[0] : x);
