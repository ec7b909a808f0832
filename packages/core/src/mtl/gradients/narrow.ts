import { slice } from "../../graph/ops/slice.js";
import { apply, type Tensor } from "../../graph/tensor.js";

/** Rows from..to of a node, computed from parts of its operands; undefined if the whole node has to be computed. */
type Rule = (node: Tensor, from: number, to: number) => Tensor | undefined;

const part = (x: Tensor, axis: number, from: number, to: number): Tensor =>
  slice(x, {
    starts: x.shape.map((_, d) => (d === axis ? from : 0)),
    ends: x.shape.map((n, d) => (d === axis ? to : n)),
  });

/** Element by element: operands that have the rows are narrowed; those that are broadcast over the rows stay. */
const elementwise: Rule = (node, from, to) =>
  apply(
    node.op,
    node.inputs.map((x) => (x.rank === node.rank && x.shape[0] === node.shape[0] ? narrow(x, from, to) : x)),
    node.attrs,
  );

const rules: Readonly<Record<string, Rule>> = {
  /** Only the channels of these outputs are taken from the cotangents. */
  conv2dWeightGradient({ op, inputs: [x, g], attrs, shape }, from, to) {
    if (attrs.groups !== 1) return undefined;
    return apply(op, [x, part(g, 1, from, to)], { ...attrs, shape: [to - from, ...shape.slice(1)] });
  },
  matmul({ op, inputs: [a, b], attrs, rank }, from, to) {
    return rank === 2 ? apply(op, [part(a, attrs.transposeA ? 1 : 0, from, to), b], attrs) : undefined;
  },
  add: elementwise,
  sub: elementwise,
  mul: elementwise,
  neg: elementwise,
};

/**
 * Rows from..to along the first axis, without computing the others if the rows are independent. In the
 * gradient of a layer's weight the rows are the layer's outputs.
 */
export function narrow(x: Tensor, from: number, to: number): Tensor {
  if (to - from === (x.shape[0] ?? 1)) return x;
  return rules[x.op.name]?.(x, from, to) ?? part(x, 0, from, to);
}
