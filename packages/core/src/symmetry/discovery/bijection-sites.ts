// Where the action of Zhao et al., NeurIPS 2022, eq. 8, applies: W and the next weight must have no other use.
import { type Graph, nodesOf } from "../../graph/graph.js";
import { type Readers, readersOf } from "../../graph/readers.js";
import { sameShape, type Tensor } from "../../graph/tensor.js";
import { matchActivation } from "./activations.js";
import type { BijectionSite } from "./descriptors.js";
import { summedAxes } from "./graph/links.js";
import type { ParameterRef } from "./layout.js";

/** What the analysis knows about the nodes of a graph. */
interface Context {
  readonly readers: Readers;
  readonly paths: ReadonlyMap<Tensor, string>;
  /** Nodes that depend on an input other than a parameter. */
  readonly data: ReadonlySet<Tensor>;
}

/** A product of two matrices, one of them a parameter. */
interface WeightProduct {
  readonly path: string;
  /** The axis of the parameter that appears in the product, and the one that is summed over. */
  readonly out: number;
  readonly in: number;
  /** The other factor, and its axis that is summed over. */
  readonly other: Tensor;
  readonly summed: number;
  /** Axis of the product that is the parameter's `out`. */
  readonly unitAxis: 0 | 1;
}

export function findBijectionSites(graph: Graph, parameters: readonly ParameterRef[]): BijectionSite[] {
  const context = contextOf(graph, parameters);
  return nodesOf(graph).flatMap((node) => siteAt(node, context) ?? []);
}

function contextOf(graph: Graph, parameters: readonly ParameterRef[]): Context {
  const paths = new Map(parameters.map(({ tensor, path }) => [tensor, path]));
  const nodes = nodesOf(graph);
  const data = new Set<Tensor>();
  for (const node of nodes) {
    const isInput = node.op.name === "input" && !paths.has(node);
    if (isInput || node.inputs.some((x) => data.has(x))) data.add(node);
  }
  return { readers: readersOf(graph, nodes), paths, data };
}

function siteAt(node: Tensor, context: Context): BijectionSite | undefined {
  const activated = matchActivation(node);
  if (!activated) return undefined;
  const { name, attributes, argument, nodes } = activated;
  const inside = [argument, ...nodes].filter((x) => x !== node);
  const isInside = (reader: Tensor | undefined) => reader !== undefined && nodes.has(reader);
  if (!inside.every((x) => context.readers.get(x)?.every(isInside))) return undefined;
  const output = afterReshapes(node, context);
  const preActivation = beforeReshapes(argument, context);
  if (!output || !preActivation || !sameShape(output.shape, preActivation.shape)) return undefined;

  const layer = layerOf(preActivation, context);
  const user = onlyUser(output, context);
  const next = user && weightProduct(user, context);
  if (!layer || !next || next.other !== output) return undefined;
  const { unitAxis, other: input } = layer;
  // Samples are along the other axis, here and in the next product.
  if (!context.data.has(input) || layer.summed !== unitAxis || next.summed !== unitAxis) return undefined;
  return {
    kind: "bijection",
    activation: name,
    attributes,
    size: output.shape[unitAxis],
    weight: { path: layer.path, out: layer.out, in: layer.in },
    bias: layer.bias,
    next: { path: next.path, out: next.out, in: next.in },
    input,
    preActivation,
    output,
    unitAxis,
  };
}

/** The node that alone reads a value; undefined for an output, too. */
function onlyUser(x: Tensor, { readers }: Context): Tensor | undefined {
  const own = readers.get(x);
  return own?.length === 1 ? own[0] : undefined;
}

/** The matrix as which a value enters a product; undefined if the value has other users, too. */
function afterReshapes(x: Tensor, context: Context): Tensor | undefined {
  const user = onlyUser(x, context);
  return user?.op.name === "reshape" ? afterReshapes(user, context) : user && x;
}

/** The matrix that a value was before its reshapes; undefined if it has other users, too. */
function beforeReshapes(x: Tensor, context: Context): Tensor | undefined {
  if (x.op.name !== "reshape") return x;
  return onlyUser(x.inputs[0], context) ? beforeReshapes(x.inputs[0], context) : undefined;
}

/** Z = H W' or W H, possibly with a bias. */
function layerOf(z: Tensor, context: Context): (WeightProduct & { bias?: string | undefined }) | undefined {
  if (z.op.name !== "add") return weightProduct(z, context);
  for (const [product, shift] of [z.inputs, [...z.inputs].reverse()]) {
    const layer = onlyUser(product, context) ? weightProduct(product, context) : undefined;
    const bias = layer && biasPath(shift, layer.unitAxis, context);
    if (layer && bias !== undefined) return { ...layer, bias };
  }
  return undefined;
}

/** A product of two matrices, one of them a parameter without any other use. */
function weightProduct(node: Tensor, context: Context): WeightProduct | undefined {
  if (node.op.name !== "matmul" || node.rank !== 2) return undefined;
  const summed = summedAxes(node);
  for (const unitAxis of [1, 0] as const) {
    const weight = matrixPath(node.inputs[unitAxis], context);
    if (!weight) continue;
    const { path, turned } = weight;
    const axis = turned ? 1 - summed[unitAxis] : summed[unitAxis];
    const others = { other: node.inputs[1 - unitAxis], summed: summed[1 - unitAxis] };
    return { path, out: 1 - axis, in: axis, ...others, unitAxis };
  }
  return undefined;
}

/** The path of a parameter that is a matrix, possibly transposed, and used once. */
function matrixPath(x: Tensor, context: Context): { path: string; turned: boolean } | undefined {
  if (!onlyUser(x, context)) return undefined;
  const path = context.paths.get(x);
  if (path !== undefined) return { path, turned: false };
  const inner = x.op.name === "transpose" ? matrixPath(x.inputs[0], context) : undefined;
  return inner && { path: inner.path, turned: !inner.turned };
}

/** The path of a parameter with one element per unit that is repeated over the samples and used once. */
function biasPath(x: Tensor, unitAxis: 0 | 1, context: Context): string | undefined {
  if (x.op.name !== "broadcast" || !onlyUser(x, context)) return undefined;
  let [source] = x.inputs;
  const units = x.shape[unitAxis];
  // Aligned at the end, so that along axis 0 there must be an axis of size 1 after it.
  if (source.size !== units || source.shape[source.rank - 2 + unitAxis] !== units) return undefined;
  while (source.op.name === "reshape" && onlyUser(source, context)) [source] = source.inputs;
  return onlyUser(source, context) ? context.paths.get(source) : undefined;
}
