import { describeValue, OptionError } from "../errors.js";
import type { Attributes, Graph, Port, Type } from "./tensor.js";
import { bytesOf, formatShape, formatType, type Tensor } from "./tensor.js";

export type { Graph, Port };

/** Throws unless `graph` is a graph; a function must be traced first. */
export function requireGraph(op: string, graph: unknown): asserts graph is Graph {
  if (isGraph(graph)) return;
  throw new OptionError(`${op} takes a graph; got ${describeValue(graph)}. ${adviceFor(op, graph)}`);
}

function adviceFor(op: string, value: unknown): string {
  if (typeof value === "function") {
    return `Trace the function first: ${op}(trace(f, [x]).graph); or write jit(f, [x]), which does both.`;
  }
  const isTraced = typeof value === "object" && value !== null && "graph" in value;
  return isTraced ? `Write ${op}(traced.graph).` : `Write ${op}(trace(f, [x]).graph).`;
}

/**
 * All nodes that the given tensors depend on, inputs before users, in an order determined by the graph alone.
 *
 * @param ends nodes that are left out, with all that only they depend on
 */
export function topologicalOrder(roots: readonly Tensor[], ends?: (node: Tensor) => boolean): Tensor[] {
  const order: Tensor[] = [];
  const seen = new Set<Tensor>();
  const isNew = (node: Tensor) => !seen.has(node) && !ends?.(node);
  // An explicit stack: the graph of a deep network's second derivative is deeper than the call stack allows.
  const stack: { node: Tensor; next: number }[] = [];
  for (const root of roots) {
    if (!isNew(root)) continue;
    seen.add(root);
    stack.push({ node: root, next: 0 });
    while (stack.length > 0) {
      const frame = stack[stack.length - 1];
      if (frame.next === frame.node.inputs.length) {
        order.push(frame.node);
        stack.pop();
      } else {
        const child = frame.node.inputs[frame.next++];
        if (isNew(child)) {
          seen.add(child);
          stack.push({ node: child, next: 0 });
        }
      }
    }
  }
  return order;
}

/** {@link topologicalOrder} without the nodes that were made before all of `first`, which cannot depend on these. */
export function orderSince(first: readonly Tensor[], roots: readonly Tensor[]): Tensor[] {
  const start = Math.min(...first.map(({ serial }) => serial));
  return topologicalOrder(roots, ({ serial }) => serial < start);
}

/** The nodes of a graph in the order of computation. */
export function nodesOf(graph: Graph): Tensor[] {
  return topologicalOrder(graph.outputs.map((o) => o.tensor));
}

/** Whether a value is a graph. */
export function isGraph(value: unknown): value is Graph {
  const graph = value as Partial<Graph> | null | undefined;
  return Array.isArray(graph?.inputs) && Array.isArray(graph.outputs);
}

/** Graphs among a node's attributes: bodies of loops and branches. */
export function bodiesOf(node: Tensor): Graph[] {
  return Object.values(node.attrs).filter(isGraph);
}

/** Attributes with the bodies among them changed. */
export function mapBodies(attrs: Attributes, change: (body: Graph) => Graph): Attributes {
  let changed = attrs;
  for (const name in attrs) {
    const body = attrs[name];
    if (!isGraph(body)) continue;
    const other = change(body);
    if (other !== body) changed = { ...changed, [name]: other };
  }
  return changed;
}

/** Whether some node, also of the bodies of loops and branches, fulfills a condition. */
export function someNode(graph: Graph, holds: (node: Tensor) => boolean): boolean {
  return nodesOf(graph).some((node) => holds(node) || bodiesOf(node).some((body) => someNode(body, holds)));
}

/** Cost of computing a graph once. */
export interface Cost {
  readonly nodes: number;
  /** Floating-point operations. */
  readonly flops: number;
  /** Bytes read and written if every node stored its result. */
  readonly bytes: number;
}

/** Costs of graphs, which do not change: each operation that has a body asks for that of the body several times. */
const costs = new WeakMap<Graph, Cost>();

/** Estimated cost of computing a graph once. */
export function costOf(graph: Graph): Cost {
  requireGraph("costOf", graph);
  const cost = costs.get(graph) ?? sumOfCosts(graph);
  costs.set(graph, cost);
  return cost;
}

/** Estimated cost of one pass through a graph, or through the body of a loop in it if that has more. */
export function costOfPass(graph: Graph, what: "flops" | "bytes"): number {
  const nodes = nodesOf(graph).filter(({ inputs }) => inputs.length > 0);
  const passes = nodes.flatMap((node) => bodiesOf(node).map((body) => costOfPass(body, what)));
  const own = nodes.filter((node) => bodiesOf(node).length === 0);
  return Math.max(
    own.reduce((sum, node) => sum + costOfNode(node)[what], 0),
    ...passes,
  );
}

function sumOfCosts(graph: Graph): Cost {
  const sum = { nodes: 0, flops: 0, bytes: 0 };
  for (const node of nodesOf(graph)) {
    if (node.inputs.length === 0) continue;
    const { nodes, flops, bytes } = costOfNode(node);
    sum.nodes += nodes;
    sum.flops += flops;
    sum.bytes += bytes;
  }
  return sum;
}

function costOfNode(node: Tensor): Cost {
  const { op, attrs, inputs, size } = node;
  return {
    nodes: op.nodes?.(node, attrs) ?? 1,
    flops: op.flops?.(node, attrs) ?? size,
    bytes: op.bytes?.(node, attrs) ?? inputs.reduce((sum, x) => sum + bytesOf(x), bytesOf(node)),
  };
}

/**
 * A graph as text, one node a line.
 *
 * @example
 * const { graph } = trace(({ x }) => ({ y: relu(x) }), { x: spec([2, 3]) });
 * console.log(printGraph(graph));
 * // %0 = input "x": float32[2, 3]
 * // %1 = relu(%0): float32[2, 3]
 * // return y = %1
 */
export function printGraph(graph: Graph): string {
  requireGraph("printGraph", graph);
  const names = new Map<Tensor, string>();
  const lines: string[] = [];
  const declare = (tensor: Tensor, text: string) => {
    const name = `%${names.size}`;
    names.set(tensor, name);
    const type = tensor.results ? `(${tensor.results.map(formatType).join(", ")})` : formatType(tensor);
    lines.push(`${name} = ${text}: ${type}`);
  };
  for (const { name, tensor } of graph.inputs) declare(tensor, `input "${name}"`);
  for (const node of nodesOf(graph)) {
    if (names.has(node)) continue;
    const attributes = Object.entries(node.attrs)
      .filter(([key, value]) => key !== "dtype" && !isGraph(value))
      .map(([key, value]) => `${key}: ${formatAttribute(value)}`);
    const inputs = node.inputs.map((x) => names.get(x));
    declare(node, `${node.op.name}(${[...inputs, ...attributes].join(", ")})`);
    for (const body of bodiesOf(node)) lines.push(printGraph(body).replaceAll(/^/gm, "  "));
  }
  const results = graph.outputs.map(({ name, tensor }) => `${name} = ${names.get(tensor)}`);
  return [...lines, `return ${results.join(", ")}`].join("\n");
}

function formatAttribute(value: unknown): string {
  if (typeof value === "object" && value !== null && "data" in value) {
    return `array${formatShape((value as unknown as Type).shape)}`;
  }
  return JSON.stringify(value);
}
