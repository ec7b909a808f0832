import type { NdArray } from "../../array.js";
import { topologicalOrder } from "../../graph/graph.js";
import { simplify } from "../../graph/simplify.js";
import type { Tensor } from "../../graph/tensor.js";
import { compileJavaScript } from "../../runtime/javascript/executable.js";

/** The numbers of a tensor that depends on no input; undefined for any other. */
export function knownValue(tensor: Tensor): NdArray | undefined {
  // A constant array, the most frequent case, needs no computation.
  if (tensor.op.name === "array") return tensor.attrs.value as NdArray;
  if (topologicalOrder([tensor]).some(({ op }) => op.name === "input")) return undefined;
  const graph = simplify({ inputs: [], outputs: [{ name: "value", tensor }] });
  return compileJavaScript(graph).runSync({}).value;
}
