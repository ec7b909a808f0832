import type { Shape } from "../../../array.js";
import { type Graph, nodesOf } from "../../../graph/graph.js";
import { type Op, Tensor } from "../../../graph/tensor.js";

export const sameNodes = (a: readonly Tensor[], b: readonly Tensor[]): boolean =>
  a.every((x, k) => x === b[k]);

/** A node with other inputs and another shape. */
export function withInputs(node: Tensor, inputs: readonly Tensor[], shape: Shape = node.shape): Tensor {
  return new Tensor(node.op, inputs, node.attrs, shape, node.dtype, node.results);
}

const uncomputed = {
  kernel(): never {
    throw new Error("A graph for analysis is not computed.");
  },
};

/** An operation that stands for a pattern while a graph is analyzed. It is never computed. */
export const analyzedOnly = (name: string, infer: Op["infer"]): Op => ({
  name,
  infer,
  js: uncomputed,
  onnx: { emit: uncomputed.kernel },
});

/** Whether a node stands for a pattern. */
export const isAnalyzedOnly = ({ op }: Tensor): boolean => op.js === uncomputed;

/** Replaces some nodes of a graph; `by` gets a node whose inputs are already replaced. */
export function rewrite(graph: Graph, by: (node: Tensor, original: Tensor) => Tensor): Graph {
  const made = new Map<Tensor, Tensor>();
  for (const node of nodesOf(graph)) {
    const inputs = node.inputs.map((x) => made.get(x) as Tensor);
    made.set(node, by(sameNodes(inputs, node.inputs) ? node : withInputs(node, inputs), node));
  }
  const outputs = graph.outputs.map(({ name, tensor }) => ({ name, tensor: made.get(tensor) as Tensor }));
  return { inputs: graph.inputs, outputs };
}

/** Operations for which a part of the result along an aligned axis needs only that part of the inputs. */
export const restrictable: ReadonlySet<string> = new Set([
  ...["add", "sub", "mul", "div", "pow", "maximum", "minimum", "neg", "cast", "where"],
  ...["greater", "greaterEqual", "equal", "logicalAnd", "logicalOr", "logicalNot"],
  ...["relu", "relu6", "leakyRelu", "step", "leakyStep", "sign", "abs", "sqrt", "exp", "log", "floor"],
  ...["sigmoid", "softplus", "sin", "cos", "tanh", "sinh", "cosh", "asinh", "erf", "stopGradient"],
  ...["alias", "asin", "acos", "atan", "acosh", "atanh", "round", "roundTo", "remainder", "mod"],
  ...["bitwiseAnd", "bitwiseOr", "bitwiseXor"],
  ...["transpose", "matmul", "sum", "max", "min", "maxPool2d"],
]);
