// The values that kernels on integers round behind a layer: its result with the bias and the activation that run with it.
import { type Graph, nodesOf } from "../../graph/graph.js";
import type { Tensor } from "../../graph/tensor.js";
import { type Clip, rectified } from "./relaxed-clips.js";
import type { WeightedLayer } from "./weighted-layers.js";

/**
 * What is rounded behind each layer; undefined where its result stays in floats. A convolution's result is always rounded,
 * that of a product where an activation follows, and a transposed convolution has no kernel on integers.
 */
export function resultsOf(
  graph: Graph,
  paths: ReadonlySet<string>,
  layers: readonly WeightedLayer[],
  clips: ReadonlyMap<Tensor, Clip>,
): readonly (Tensor | undefined)[] {
  const readers = readersOf(graph);
  const stored = storedTensors(graph, paths);
  const next = (x: Tensor): Tensor | undefined => {
    const own = readers.get(x);
    return own?.length === 1 && own[0]?.size === x.size ? own[0] : undefined;
  };
  return layers.map(({ y }) => {
    if (y.op.name === "conv2dInputGradient") return undefined;
    const sum = next(y);
    const z = sum?.op.name === "add" && sum.inputs.some((x) => stored.has(x)) ? sum : y;
    const rectifier = next(z);
    if (rectifier === undefined || rectified(rectifier) !== z) return y.op.name === "conv2d" ? z : undefined;
    const clip = next(rectifier);
    return clip !== undefined && clips.has(clip) ? clip : rectifier;
  });
}

/** The nodes that read each tensor; undefined stands for an output of the graph. */
function readersOf(graph: Graph): ReadonlyMap<Tensor, readonly (Tensor | undefined)[]> {
  const readers = new Map<Tensor, (Tensor | undefined)[]>();
  const add = (x: Tensor, reader: Tensor | undefined) => {
    const known = readers.get(x);
    if (known) known.push(reader);
    else readers.set(x, [reader]);
  };
  for (const node of nodesOf(graph)) for (const x of new Set(node.inputs)) add(x, node);
  for (const { tensor } of graph.outputs) add(tensor, undefined);
  return readers;
}

/** Parameters, numbers, and what is computed of them alone. */
function storedTensors(graph: Graph, paths: ReadonlySet<string>): ReadonlySet<Tensor> {
  const data = new Set(graph.inputs.filter(({ name }) => !paths.has(name)).map(({ tensor }) => tensor));
  const stored = new Set<Tensor>();
  for (const node of nodesOf(graph)) {
    if (!data.has(node) && node.inputs.every((x) => stored.has(x))) stored.add(node);
  }
  return stored;
}
