import { bodiesOf, type Graph, nodesOf } from "../../graph/graph.js";
import type { Tensor } from "../../graph/tensor.js";

const products: ReadonlySet<string> = new Set([
  "matmul",
  "conv2d",
  "conv2dInputGradient",
  "conv2dWeightGradient",
]);

/** Products that are added up, of matrix products and convolutions alone; those of a loop for all of its steps. */
function multiplyAddsOf(node: Tensor): number {
  const { op, attrs } = node;
  if (products.has(op.name)) return (op.flops?.(node, attrs) ?? 0) / 2;
  const { length, most } = attrs as { readonly length?: number; readonly most?: number };
  const bodies = bodiesOf(node).map(multiplyAddsIn);
  return bodies.length === 0 ? 0 : (length ?? most ?? 1) * Math.max(...bodies);
}

const multiplyAddsIn = (graph: Graph): number =>
  nodesOf(graph).reduce((total, node) => total + multiplyAddsOf(node), 0);

/** A part of a model: what is computed with the parameters of one path, and after it without parameters. */
export interface LayerSummary {
  /** Path of its parameters without the last name; `input` for what comes before any. */
  readonly name: string;
  /** Operations that compute on data, in order and each once; changes of shape and look-ups are left out. */
  readonly operations: readonly string[];
  /** Shape of the last result. */
  readonly output: readonly number[];
  /** Numbers that are trained. */
  readonly parameters: number;
  /** Products that are added up, in matrix products and convolutions. */
  readonly multiplyAdds: number;
  /** Floating-point operations: two a multiply-add, and those of all other operations. */
  readonly flops: number;
}

const input = "input";

/** The layer of a parameter or of a value that a model carries: its path without the last name. */
const layerOf = (path: string): string => (path.includes(".") ? path.slice(0, path.lastIndexOf(".")) : path);

interface Gathered {
  operations: Set<string>;
  output: readonly number[];
  parameters: number;
  multiplyAdds: number;
  flops: number;
}

/**
 * Gives each node of a graph to a layer. A node that takes a parameter, or what is computed of parameters alone, belongs to
 * that parameter's layer; what is computed of carried values alone to the layer that uses it; any other to the layer of its
 * latest operand.
 *
 * @param owned paths of the inputs that belong to a model, and whether each is trained; the other inputs are data
 */
export function layersOf(
  graph: Graph,
  owned: ReadonlyMap<string, { path: string; trained: boolean }>,
): LayerSummary[] {
  const layers = new Map<string, Gathered>();
  const at = (name: string): Gathered => {
    const known = layers.get(name) ?? {
      operations: new Set<string>(),
      output: [],
      parameters: 0,
      multiplyAdds: 0,
      flops: 0,
    };
    layers.set(name, known);
    return known;
  };
  const owners = new Map(
    graph.inputs.flatMap(({ name, tensor }) => {
      const own = owned.get(name);
      return own ? [[tensor, own] as const] : [];
    }),
  );
  const names = new Map<Tensor, string>();
  const ofData = new Set<Tensor>();
  /** Values that are carried, and what is computed of them alone; and the layer that uses them, by the layer of their own path. */
  const carried = new Set<Tensor>();
  const users = new Map<string, string>();
  const order = new Map<Tensor, number>();

  for (const [place, node] of nodesOf(graph).entries()) {
    order.set(node, place);
    const owner = owners.get(node);
    if (owner) {
      names.set(node, layerOf(owner.path));
      if (!owner.trained) carried.add(node);
      continue;
    }
    const isData =
      node.inputs.length === 0 ? node.op.name === "input" : node.inputs.some((x) => ofData.has(x));
    if (isData) ofData.add(node);
    const named = node.inputs.filter((x) => names.has(x));
    const [own] = named.filter((x) => !ofData.has(x)).sort((a, b) => +carried.has(a) - +carried.has(b));
    const latest = named.reduce<Tensor | undefined>(
      (last, x) => (last && (order.get(last) as number) > (order.get(x) as number) ? last : x),
      undefined,
    );
    const chosen = own ?? latest;
    // Constants belong to whatever uses them.
    if (!chosen && !isData) continue;
    const name = chosen ? (names.get(chosen) as string) : input;
    names.set(node, name);
    if (!isData && named.every((x) => carried.has(x))) carried.add(node);
    else for (const x of named) if (carried.has(x)) users.set(names.get(x) as string, name);
    if (node.inputs.length === 0) continue;
    const flops = node.op.flops?.(node, node.attrs) ?? node.size;
    const layer = at(name);
    layer.multiplyAdds += multiplyAddsOf(node);
    layer.flops += flops;
    if (!isData) continue;
    layer.output = node.shape;
    if (flops > 0) layer.operations.add(node.op.name);
  }
  for (const { tensor } of graph.inputs) {
    const owner = owners.get(tensor);
    if (owner?.trained) at(layerOf(owner.path)).parameters += tensor.size;
  }
  // The statistics of a norm may lie elsewhere in the state than its scale in the parameters.
  for (const [from, to] of users) {
    const own = layers.get(from);
    if (own === undefined || own.parameters > 0 || from === to) continue;
    const into = at(to);
    into.operations = new Set([...own.operations, ...into.operations]);
    into.flops += own.flops;
    into.multiplyAdds += own.multiplyAdds;
    layers.delete(from);
  }
  return [...layers]
    .filter(([name, { flops, parameters }]) => name !== input || flops + parameters > 0)
    .map(([name, { operations, ...rest }]) => ({ name, operations: [...operations], ...rest }));
}
