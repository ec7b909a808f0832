import { type Graph, nodesOf } from "../graph/graph.js";
import type { Loop } from "../graph/javascript-rule.js";
import type { Tensor } from "../graph/tensor.js";

/** The nodes of a loop's body whose values are the same in all steps. */
export function invariantsOf(graph: Graph, { carry, sequences = [] }: Loop): ReadonlySet<Tensor> {
  const changing = new Set([...Object.values(carry), ...sequences]);
  const varying = new Set(graph.inputs.flatMap(({ name, tensor }) => (changing.has(name) ? [tensor] : [])));
  const invariant = new Set<Tensor>();
  for (const node of nodesOf(graph)) {
    if (varying.has(node) || node.inputs.some((x) => varying.has(x))) varying.add(node);
    else invariant.add(node);
  }
  return invariant;
}
