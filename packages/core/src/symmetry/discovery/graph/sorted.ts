// The largest elements along an axis, in order: their values do not depend on the order in which the elements were.
import type { NdArray } from "../../../array.js";
import type { Graph } from "../../../graph/graph.js";
import { constantValue } from "../../../graph/ops/leaf.js";
import { apply, sameShape, type Tensor } from "../../../graph/tensor.js";
import { analyzedOnly, rewrite } from "./rewrite.js";

/** Elements by size, without their places. */
export const sortedValues = analyzedOnly("sortedValues", ([x], { axis, count }) => ({
  shape: x.shape.map((n, d) => (d === axis ? (count as number) : n)),
  dtype: x.dtype,
}));

/** Replaces elements that are read at their places in order by one node each: places identify the elements, their values do not. */
export const nameSorted = (graph: Graph): Graph => rewrite(graph, sorted);

function sorted(node: Tensor): Tensor {
  const [flat, offsets] = node.inputs;
  if (node.op.name !== "gather" || flat.op.name !== "reshape" || flat.rank !== 1) return node;
  const [x] = flat.inputs;
  let [rest, order]: [Tensor, Tensor | undefined] = [offsets, undefined];
  // Row-major offsets: ((i n + j) m + k) ...
  for (let d = x.rank - 1; d >= 0; d--) {
    let index = rest;
    if (d > 0) {
      const [scaled, last] = rest.inputs;
      if (rest.op.name !== "add") return node;
      const outer = unrepeated(scaled);
      if (outer.op.name !== "mul" || constantValue(outer.inputs[1]) !== x.shape[d]) return node;
      [index, rest] = [last, unrepeated(outer.inputs[0])];
    }
    const own = unrepeated(index);
    const [numbers, places] = own.inputs;
    if (own.op.name === "gather" && places.op.name === "argsort" && isCount(numbers)) {
      if (order !== undefined || places.attrs.axis !== d || places.inputs[0] !== x) return node;
      order = places;
    } else {
      const isAlong =
        own.op.name === "reshape" &&
        own.rank === x.rank &&
        own.shape[d] === own.size &&
        own.size === x.shape[d];
      if (!isAlong || !isCount(numbers)) return node;
    }
  }
  if (order === undefined) return node;
  const named = apply(sortedValues, [x], { ...order.attrs, count: order.shape[order.attrs.axis as number] });
  return sameShape(named.shape, node.shape) ? named : node;
}

const unrepeated = (x: Tensor): Tensor => (x.op.name === "broadcast" ? unrepeated(x.inputs[0]) : x);

/** Whether a tensor has the numbers 0, 1, 2, ... */
function isCount({ op, attrs }: Tensor): boolean {
  if (op.name !== "array") return false;
  const { shape, data } = attrs.value as NdArray;
  return shape.length === 1 && Array.from<number | bigint, number>(data, Number).every((v, i) => v === i);
}
