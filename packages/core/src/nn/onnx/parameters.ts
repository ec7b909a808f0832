import { DataError } from "../../errors.js";
import type { OnnxGraph, OnnxTensor } from "../../runtime/onnx/schema.js";
import { isFloatKind } from "./kinds.js";

/** Operands that are not weights: running statistics, bounds, exponents, weights of classes and the like. */
const settings: Readonly<Record<string, readonly number[]>> = {
  Attention: [3],
  BatchNormalization: [3, 4],
  Clip: [1, 2],
  DequantizeLinear: [1],
  Dropout: [1, 2],
  NegativeLogLikelihoodLoss: [2],
  NonMaxSuppression: [0, 1, 2, 3, 4],
  NonZero: [0],
  OneHot: [1, 2],
  Pad: [1, 2, 3],
  Pow: [1],
  QLinearConv: [1, 4, 6],
  QLinearMatMul: [1, 4, 6],
  QuantizeLinear: [1],
  Range: [0, 1, 2],
  Resize: [1, 2],
  RoiAlign: [1],
  Upsample: [1],
  RotaryEmbedding: [1, 2],
  STFT: [2],
  SoftmaxCrossEntropyLoss: [2],
  Unique: [0],
};

/** A tensor of a file that is trained, and the name it has as a parameter. */
export interface NamedTensor {
  readonly name: string;
  readonly tensor: OnnxTensor;
}

/**
 * The tensors of a file that are weights: floats with one axis or more that some node takes as an operand
 * other than a setting, or those that `isParameter` selects. Names of graph inputs cannot contain colons, so
 * `_` replaces them.
 */
export function parametersOf(
  { initializers, nodes }: OnnxGraph,
  isParameter: (name: string) => boolean = weightsOf(nodes),
): readonly NamedTensor[] {
  const weights = initializers.filter(
    ({ name, dtype, shape }) => isFloatKind(dtype) && shape.length > 0 && isParameter(name),
  );
  const named = weights.map((tensor) => ({ name: tensor.name.replaceAll(":", "_"), tensor }));
  const twice = named.find(({ name }, i) => named.findIndex((other) => other.name === name) !== i);
  if (twice) throw new DataError(`fromOnnx: two tensors of the file would both be named "${twice.name}".`);
  return named;
}

function weightsOf(nodes: OnnxGraph["nodes"]): (name: string) => boolean {
  const used = new Set(
    nodes.flatMap(({ opType, inputs }) => inputs.filter((_, i) => !settings[opType]?.includes(i))),
  );
  return (name) => used.has(name);
}
