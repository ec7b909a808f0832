import { apply, type Op, type Tensor, type Type } from "../tensor.js";

interface ResultAttributes extends Readonly<Record<string, unknown>> {
  readonly index: number;
}

/** One result of an operation that has several. */
const resultOp: Op<ResultAttributes> = {
  name: "result",
  infer: ([{ results }], { index }) => (results as readonly Type[])[index],
  js: {},
  onnx: { emit: (e, _inputs, node, { index }) => e.results(node.inputs[0])[index] },
  flops: () => 0,
  bytes: () => 0,
  nodes: () => 0,
};

/** Whether a node is one result of an operation that has several. */
export function isResult(node: Tensor): node is Tensor & { readonly attrs: ResultAttributes } {
  return node.op.name === "result";
}

/** The results of an operation that has several. */
export function resultsOf(node: Tensor): Tensor[] {
  return (node.results ?? []).map((_, index) => resultOf(node, index));
}

/** One result of an operation that has several. */
export function resultOf(node: Tensor, index: number): Tensor {
  return apply(resultOp, [node], { index });
}
