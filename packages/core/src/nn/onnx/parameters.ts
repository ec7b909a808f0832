import { DataError } from "../../errors.js";
import { allNodesOf, type OnnxGraph, type OnnxNode, type OnnxTensor } from "../../runtime/onnx/schema.js";
import { isFloatKind } from "./kinds.js";

/** Operands that are not weights: running statistics, bounds, exponents, weights of classes and the like. */
const settings: Readonly<Record<string, readonly number[]>> = {
  Attention: [3],
  BatchNormalization: [3, 4],
  Clip: [1, 2],
  Dropout: [1, 2],
  NegativeLogLikelihoodLoss: [2],
  NonMaxSuppression: [0, 1, 2, 3, 4],
  NonZero: [0],
  OneHot: [1, 2],
  Pad: [1, 2, 3],
  Pow: [1],
  Range: [0, 1, 2],
  Resize: [1, 2, 3],
  RoiAlign: [1],
  RotaryEmbedding: [1, 2],
  STFT: [2],
  SoftmaxCrossEntropyLoss: [2],
  Unique: [0],
  Upsample: [1],
};

/** A tensor of a file that is trained, and the name it has as a parameter. */
export interface NamedTensor {
  readonly name: string;
  readonly tensor: OnnxTensor;
}

/**
 * The tensors of a file that are weights: floats with one axis or more that some node takes as an operand
 * other than a setting, or those that `isParameter` selects. A Constant node counts as a tensor of its output's
 * name: some exporters keep every weight in one. Names of graph inputs cannot contain colons, so
 * `_` replaces them.
 */
export function parametersOf(
  graph: OnnxGraph,
  isParameter: (name: string) => boolean = weightsOf(allNodesOf(graph)),
): readonly NamedTensor[] {
  const weights = [...graph.initializers, ...graph.nodes.flatMap(constantsOf)].filter(
    ({ name, dtype, shape }) => isFloatKind(dtype) && shape.length > 0 && isParameter(name),
  );
  const named = weights.map((tensor) => ({ name: tensor.name.replaceAll(":", "_"), tensor }));
  const twice = named.find(({ name }, i) => named.findIndex((other) => other.name === name) !== i);
  if (twice) throw new DataError(`fromOnnx: two tensors of the file would both be named "${twice.name}".`);
  return named;
}

/** The array of floats that a Constant node holds, by the name of its output. */
function constantsOf({ opType, outputs: [name], attributes }: OnnxNode): readonly OnnxTensor[] {
  if (opType !== "Constant") return [];
  const { value, value_floats: list } = attributes;
  if (value?.kind === "tensor") return [{ ...value.value, name }];
  if (list?.kind !== "floats") return [];
  return [{ name, dtype: "float32", shape: [list.value.length], data: Float32Array.from(list.value) }];
}

function weightsOf(nodes: readonly OnnxNode[]): (name: string) => boolean {
  const used = new Set(
    nodes.flatMap(({ opType, inputs }) => inputs.filter((_, i) => !settings[opType]?.includes(i))),
  );
  return (name) => used.has(name);
}
