import { describeValue, OptionError } from "../errors.js";
import { type Graph, mapBodies, nodesOf, requireGraph } from "./graph.js";
import { apply, isFloat, type Tensor } from "./tensor.js";

/** The same graph with all floats of one dtype. Constants keep their full precision. */
export function retype(graph: Graph, dtype: "float32" | "float64"): Graph {
  requireGraph("retype", graph);
  if (dtype !== "float32" && dtype !== "float64") {
    throw new OptionError(`retype: dtype must be float32 or float64; got ${describeValue(dtype)}.`);
  }
  const forms = new Map<Tensor, Tensor>();
  const convert = (node: Tensor): Tensor => {
    const changes = typeof node.attrs.dtype === "string" && isFloat(node.attrs.dtype as Tensor["dtype"]);
    const attrs = mapBodies(changes ? { ...node.attrs, dtype } : node.attrs, (body) => retype(body, dtype));
    return apply(
      node.op,
      node.inputs.map((x) => forms.get(x) as Tensor),
      attrs,
    );
  };
  for (const { tensor } of graph.inputs) forms.set(tensor, convert(tensor));
  for (const node of nodesOf(graph)) if (!forms.has(node)) forms.set(node, convert(node));
  const port = ({ name, tensor }: Graph["inputs"][number]) => ({ name, tensor: forms.get(tensor) as Tensor });
  return { inputs: graph.inputs.map(port), outputs: graph.outputs.map(port) };
}
