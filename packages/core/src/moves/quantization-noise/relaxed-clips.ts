// Clips of a graph at fixed numbers, and the graph without their upper bounds, which has the scalings of ReLU.
import type { Graph } from "../../graph/graph.js";
import { relu } from "../../graph/ops/activation.js";
import { minimum } from "../../graph/ops/arithmetic.js";
import { constantValue } from "../../graph/ops/leaf.js";
import type { Tensor } from "../../graph/tensor.js";
import { rewrite } from "../../symmetry/discovery/graph/rewrite.js";

/** y = min(z, bound) of z >= 0. */
export interface Clip {
  readonly z: Tensor;
  readonly y: Tensor;
  readonly bound: number;
}

export interface RelaxedGraph {
  readonly graph: Graph;
  /** By tensors of the original graph: the results of its clips. */
  readonly clips: ReadonlyMap<Tensor, Clip>;
  /** The tensor of the relaxed graph in the place of one of the original graph. */
  readonly imageOf: (original: Tensor) => Tensor;
}

/**
 * A graph in which min(max(x, 0), c) with a number c is max(x, 0). Its scalings are symmetries of the original graph up to what
 * the clips then do to the values.
 */
export function relaxClips(graph: Graph): RelaxedGraph {
  const clips = new Map<Tensor, Clip>();
  const images = new Map<Tensor, Tensor>();
  const relaxed = rewrite(graph, (node, original) => {
    const found = clipOf(original);
    const image = found ? (images.get(found.z) as Tensor) : node;
    if (found) clips.set(original, found);
    images.set(original, image);
    return image;
  });
  return { graph: relaxed, clips, imageOf: (original) => images.get(original) ?? original };
}

/** A graph whose ReLU6 are min(max(x, 0), 6), so that there is a value before the bound. */
export const separateBounds = (graph: Graph): Graph =>
  rewrite(graph, (node) => (node.op.name === "relu6" ? minimum(relu(node.inputs[0]), 6) : node));

/** The clip that a node is, with its operands in either order. */
function clipOf(y: Tensor): Clip | undefined {
  const upper = bounded(y, "minimum");
  return upper && upper.bound > 0 && rectified(upper.x) ? { z: upper.x, y, bound: upper.bound } : undefined;
}

/** What max(x, 0) takes in, however it is written; undefined for other tensors. */
export function rectified(z: Tensor): Tensor | undefined {
  if (z.op.name === "relu") return z.inputs[0];
  const lower = bounded(z, "maximum");
  return lower?.bound === 0 ? lower.x : undefined;
}

/** The operand and the number of a `minimum` or `maximum` with a number. */
function bounded(node: Tensor, op: string): { readonly x: Tensor; readonly bound: number } | undefined {
  if (node.op.name !== op) return undefined;
  const numbers = node.inputs.map(boundValue);
  const k = numbers.findIndex((value) => value !== undefined);
  return k < 0 ? undefined : { x: node.inputs[1 - k], bound: numbers[k] as number };
}

/** The number of a constant, also of an array of one element. */
function boundValue(x: Tensor): number | undefined {
  if (x.op.name === "broadcast" || x.op.name === "reshape" || x.op.name === "cast")
    return boundValue(x.inputs[0]);
  if (x.op.name === "array" && x.size === 1) {
    return Number((x.attrs.value as { readonly data: ArrayLike<number | bigint> }).data[0]);
  }
  return constantValue(x);
}
