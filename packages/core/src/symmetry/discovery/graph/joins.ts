// Products with concatenated pieces, such as skip connections: [a b] [U; V] = a U + b V.
import type { Graph } from "../../../graph/graph.js";
import { add } from "../../../graph/ops/arithmetic.js";
import { slice } from "../../../graph/ops/slice.js";
import type { Tensor } from "../../../graph/tensor.js";
import { matmulLinks, reshapeGroups } from "./links.js";
import { restrictable, rewrite, withInputs } from "./rewrite.js";
import { ruleOf } from "./rules.js";

/** For each axis the positions where its pieces meet. */
type Seams = readonly ReadonlySet<number>[];

/** Rewrites products that sum over joined axes as sums of products of the pieces, so that each has its own weights. */
export function splitJoins(graph: Graph): Graph {
  const seams = new Map<Tensor, Seams>();
  return rewrite(graph, (node) => {
    const split = splitProduct(node, seams);
    seams.set(split, seamsOf(node, seams));
    return split;
  });
}

const noSeams = (x: Tensor): Set<number>[] => x.shape.map(() => new Set<number>());

function seamsOf(node: Tensor, known: ReadonlyMap<Tensor, Seams>): Seams {
  const found = noSeams(node);
  const addAll = (axis: number, places: Iterable<number>, toPlace: (at: number) => number = (at) => at) => {
    for (const at of places) if (Number.isInteger(toPlace(at))) found[axis].add(toPlace(at));
  };
  const of = (k: number) => known.get(node.inputs[k]) ?? noSeams(node.inputs[k]);
  if (node.op.name === "concat") {
    const axis = node.attrs.axis as number;
    let offset = 0;
    node.inputs.forEach((x, k) => {
      of(k).forEach((places, d) => {
        const shift = d === axis ? offset : 0;
        addAll(d, places, (at) => at + shift);
      });
      if (offset > 0) found[axis].add(offset);
      offset += x.shape[axis];
    });
  } else if (node.op.name === "reshape") {
    const [x] = node.inputs;
    for (const { axes, to } of reshapeGroups(x.shape, node.shape)) {
      const [from, into] = [axes.find((d) => x.shape[d] !== 1), to.find((d) => node.shape[d] !== 1)];
      if (from === undefined || into === undefined) continue;
      addAll(into, of(0)[from], (at) => (at * node.shape[into]) / x.shape[from]);
    }
  } else if (node.op.name === "conv2d") {
    const [x, w] = node.inputs;
    const groups = node.attrs.groups as number;
    addAll(0, of(0)[0]);
    if (groups === x.shape[1]) addAll(1, of(0)[1], (at) => (at * w.shape[0]) / groups);
    if (groups === 1) addAll(1, of(1)[0]);
  } else if (restrictable.has(node.op.name) || node.op.name === "broadcast") {
    for (const { input, axes, to } of ruleOf(node).links(node).aligned ?? [])
      addAll(to[0], of(input)[axes[0]]);
  }
  return found;
}

/** A matrix product or convolution as a sum over the pieces of the axis that it sums over. */
function splitProduct(node: Tensor, seams: ReadonlyMap<Tensor, Seams>): Tensor {
  const summed = summedAxes(node);
  if (!summed) return node;
  const places = new Set(summed.flatMap((d, k) => [...(seams.get(node.inputs[k])?.[d] ?? [])]));
  if (places.size === 0) return node;
  const [size] = node.inputs.map((x, k) => x.shape[summed[k]]);
  const bounds = [0, ...[...places].sort((a, b) => a - b), size];
  const piece = (x: Tensor, axis: number, start: number, end: number) =>
    slice(x, {
      starts: x.shape.map((_, d) => (d === axis ? start : 0)),
      ends: x.shape.map((n, d) => (d === axis ? end : n)),
    });
  return bounds
    .slice(1)
    .map((end, i) =>
      withInputs(
        node,
        node.inputs.map((x, k) => piece(x, summed[k], bounds[i], end)),
      ),
    )
    .reduce(add);
}

/** The axis of each factor that a product sums over. */
function summedAxes(node: Tensor): readonly number[] | undefined {
  if (node.op.name === "conv2d") return node.attrs.groups === 1 ? [1, 1] : undefined;
  if (node.op.name !== "matmul") return undefined;
  return matmulLinks(node).contracted?.[0].map(({ axes }) => axes[0]);
}
