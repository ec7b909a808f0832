import type { Tensor } from "isoloss";
import { compileJavaScript, costOf, full, type Graph, type NdArray, ShapeError, simplify } from "isoloss";
import { constantValue, formatType, topologicalOrder } from "isoloss/internal";
import { mostOperations } from "./limits.js";

/** The numbers of a tensor that depends on no input; undefined for any other. */
export function knownValue(tensor: Tensor): NdArray | undefined {
  // Constants, the most frequent case, need no computation.
  if (tensor.op.name === "array") return tensor.attrs.value as NdArray;
  const number = constantValue(tensor);
  if (number !== undefined && tensor.size <= mostOperations) return full(tensor.shape, number, tensor.dtype);
  if (topologicalOrder([tensor]).some(({ op }) => op.name === "input")) return undefined;
  const graph = simplify({ inputs: [], outputs: [{ name: "value", tensor }] });
  requireCheap(graph, tensor);
  return compileJavaScript(graph).runSync({}).value;
}

/** @throws ShapeError if a constant takes too long, or too much memory, to be computed while a model is traced */
function requireCheap(graph: Graph, tensor: Tensor): void {
  const { flops, bytes } = costOf(graph);
  const operations = Math.max(flops, bytes / 8, tensor.size);
  if (operations <= mostOperations) return;
  throw new ShapeError(
    `fromOnnx: a constant ${formatType(tensor)} would take operations on ${operations} elements; at most ${mostOperations} are ` +
      "computed while a model is traced.",
  );
}
