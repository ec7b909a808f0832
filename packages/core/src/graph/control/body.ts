import { type Graph, orderSince, type Port, topologicalOrder } from "../graph.js";
import { input } from "../ops/leaf.js";
import { withValue } from "../ops/stop-gradient.js";
import { apply, type Tensor } from "../tensor.js";
import { isResult } from "./result.js";

/** A graph that uses nothing from outside: what it used is the last of its inputs. */
export interface Closure {
  readonly graph: Graph;
  /** The values of those inputs. */
  readonly captured: readonly Tensor[];
}

/** Operations that are cheaper to repeat than to keep the result of: what reads it often absorbs them. */
const repeated: ReadonlySet<string> = new Set(["broadcast", "neg", "reshape", "transpose", "stopGradient"]);

/**
 * The computation of `outputs` as a graph of its own.
 *
 * @param isInside which nodes are computed in it; others are computed before, except changes of shape
 * @param order of all nodes that are computed in it
 */
export function closureOf(
  inputs: readonly Port[],
  outputs: readonly Port[],
  isInside: (node: Tensor) => boolean,
  order = topologicalOrder(outputs.map(({ tensor }) => tensor)),
): Closure {
  const own = new Set(inputs.map(({ tensor }) => tensor));
  const forms = new Map<Tensor, Tensor>(inputs.map(({ tensor }) => [tensor, tensor]));
  const captured: Tensor[] = [];
  const rebuilt = (node: Tensor): Tensor => apply(node.op, node.inputs.map(formOf), node.attrs);
  const formOf = (node: Tensor): Tensor => {
    const known = forms.get(node);
    if (known) return known;
    const form = make(node);
    forms.set(node, form);
    return form;
  };
  const make = (node: Tensor): Tensor => {
    const isConstant = node.inputs.length === 0 && node.op.name !== "input";
    if (isConstant) return node;
    if (isInside(node) || repeated.has(node.op.name)) return rebuilt(node);
    captured.push(node);
    return input(node.shape, node.dtype);
  };
  // In the order of computation, so that the recursion stays shallow.
  for (const node of order) if (!own.has(node) && isInside(node)) formOf(node);
  const ports = outputs.map(({ name, tensor }) => ({ name, tensor: formOf(tensor) }));
  const more = captured.map((x, k): Port => ({ name: `captured.${k}`, tensor: formOf(x) }));
  return { graph: { inputs: [...inputs, ...more], outputs: ports }, captured };
}

/** The computation of `outputs` from the nodes that were made since one of the number `start` ({@link nextSerial}). */
export function closureSince(start: number, outputs: readonly Tensor[]): Closure {
  // A result of an operation before `start` is one from before, though it is first read after it.
  const isInside = (node: Tensor) => (isResult(node) ? node.inputs[0] : node).serial >= start;
  // Nodes from before depend on others from before: a graph with many branches is not walked through for each.
  const order = topologicalOrder(outputs, (node) => !isInside(node));
  return closureOf([], numbered(outputs), isInside, order);
}

/** Outputs under their numbers. */
export const numbered = (tensors: readonly Tensor[]) =>
  tensors.map((tensor, k): Port => ({ name: `${k}`, tensor }));

/**
 * The outputs of a graph for given inputs, as part of the graph that is being traced.
 *
 * @param values of nodes of the graph that are there already
 */
export function inlined(
  graph: Graph,
  inputs: readonly Tensor[],
  values: ReadonlyMap<Tensor, Tensor> = new Map(),
): Tensor[] {
  const forms = new Map<Tensor, Tensor>(graph.inputs.map(({ tensor }, k) => [tensor, inputs[k]]));
  const formOf = (x: Tensor): Tensor => forms.get(x) as Tensor;
  for (const node of topologicalOrder(graph.outputs.map(({ tensor }) => tensor))) {
    if (forms.has(node)) continue;
    const form = node.inputs.length === 0 ? node : apply(node.op, node.inputs.map(formOf), node.attrs);
    const value = values.get(node);
    forms.set(node, value ? withValue(form, value) : form);
  }
  return graph.outputs.map(({ tensor }) => formOf(tensor));
}

/** Places of the inputs that some of the outputs depend on. */
export function usedInputs({ inputs, outputs }: Graph): Set<number> {
  const nodes = new Set(topologicalOrder(outputs.map(({ tensor }) => tensor)));
  return new Set(inputs.flatMap(({ tensor }, k) => (nodes.has(tensor) ? [k] : [])));
}

/** The computation of `outputs` from the symbols `inputs`: what depends on none of these is computed before. */
export function closureOfStep(inputs: readonly Tensor[], outputs: readonly Tensor[]): Closure {
  const inside = new Set<Tensor>([...inputs, ...nodesOfStep(inputs, outputs)]);
  return closureOf(numbered(inputs), numbered(outputs), (node) => inside.has(node), [...inside]);
}

/** The nodes that depend on the symbols `inputs`, in the order of computation. */
export function nodesOfStep(inputs: readonly Tensor[], outputs: readonly Tensor[]): Tensor[] {
  const inside = new Set<Tensor>(inputs);
  return orderSince(inputs, outputs).filter((node) => {
    const dependsOn = node.inputs.some((x) => inside.has(x));
    if (dependsOn) inside.add(node);
    return dependsOn;
  });
}

/** Which output of a step becomes which input of the next one: the first `carries` of both. */
export const carriedNames = ({ inputs, outputs }: Graph, carries: number): Record<string, string> =>
  Object.fromEntries(outputs.slice(0, carries).map(({ name }, k) => [name, inputs[k].name]));

/** Carried values are needed if their last ones are, or if a needed output depends on them. */
export function neededOutputs(body: Graph, carries: number, isUsed: (k: number) => boolean): Set<number> {
  const outputs = body.outputs.map((_, k) => k);
  const needed = new Set(outputs.filter(isUsed));
  for (let size = -1; size < needed.size; ) {
    size = needed.size;
    const used = usedInputs({ inputs: body.inputs, outputs: body.outputs.filter((_, k) => needed.has(k)) });
    for (let k = 0; k < carries; k++) if (used.has(k)) needed.add(k);
  }
  return new Set(outputs.filter((k) => needed.has(k)));
}
