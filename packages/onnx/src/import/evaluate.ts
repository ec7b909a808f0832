import { ShapeError } from "isoloss";
import type { OnnxGraph, OnnxNode } from "isoloss/internal";
import { reshape } from "isoloss/ops";
import { constantOf } from "./arrays.js";
import { Call } from "./call.js";
import { operatorName, operators } from "./operators/operators.js";
import { asEntry, type Entry, isSequence, type Scope, type Settings } from "./value.js";

/** Traces the nodes of a graph; the results are left in the scope. Stored tensors that it does not have are constants. */
export function evaluate(graph: OnnxGraph, scope: Scope, settings: Settings): void {
  for (const stored of graph.initializers) {
    if (scope.get(stored.name)) continue;
    scope.set(stored.name, { tensor: constantOf(stored, settings.dtype), kind: stored.dtype });
  }
  for (const node of graph.nodes) evaluateNode(node, scope, settings);
}

function evaluateNode(node: OnnxNode, scope: Scope, settings: Settings): void {
  settings.count.add();
  const epsilon = settings.epsilons.get(node);
  const operands = node.inputs.map((name, i): Entry | undefined => {
    const own = name === "" ? undefined : scope.get(name);
    if (own === undefined || isSequence(own) || epsilon?.operand !== i) return own;
    return { ...own, tensor: reshape(epsilon.tensor, own.tensor.shape) };
  });
  const call = new Call(node, operands, scope, settings, evaluate);
  const lost = node.inputs.find((name, i) => name !== "" && operands[i] === undefined);
  if (lost !== undefined) call.fail(`its operand "${lost}" is a result that is not supported`);
  const results = naming(node, () => operators.get(operatorName(node))?.(call) ?? []);
  const list = "length" in results ? results : [results];
  list.forEach((result, i) => {
    if (node.outputs[i]) scope.set(node.outputs[i], asEntry(result, operands));
  });
}

/** What a node gives; an error about shapes names it, the innermost one where nodes have graphs inside. */
function naming<T>(node: OnnxNode, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    if (!(cause instanceof ShapeError) || cause.cause instanceof ShapeError) throw cause;
    throw new ShapeError(`${node.opType} "${node.name || node.outputs[0]}": ${cause.message}`, { cause });
  }
}
