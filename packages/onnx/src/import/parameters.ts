import { DataError } from "isoloss";
import {
  allNodesOf,
  graphsIn,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  ownEntry,
} from "isoloss/internal";
import { arrayOf } from "./arrays.js";
import { defaultEpsilons, operatorName } from "./call.js";
import { isByteFloat, isFloatKind } from "./kinds.js";

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
  Resize: [1, 2, 3],
  RoiAlign: [1],
  RotaryEmbedding: [1, 2],
  STFT: [2],
  SoftmaxCrossEntropyLoss: [2],
  Unique: [0],
  Upsample: [1],
  "com.microsoft.Attention": [4, 5],
  "com.microsoft.GatherBlockQuantized": [3],
  "com.microsoft.GroupQueryAttention": [7, 8, 10],
  "com.microsoft.MatMulNBits": [3],
  "com.microsoft.MultiHeadAttention": [5],
  "com.microsoft.RotaryEmbedding": [2, 3],
};

/** A tensor of a file that is trained, and the name it has as a parameter. */
export interface NamedTensor {
  readonly name: string;
  readonly tensor: OnnxTensor;
}

/**
 * The tensors of a file that are weights: floats with one axis or more that some node takes as an operand
 * other than a setting, or those that `isParameter` selects. A Constant node counts as a tensor of its output's
 * name: some exporters keep every weight in one. In a file that stores weights elsewhere, or has no other Constants, one
 * whose numbers are all equal is part of the model's code, such as the 1 in 1 / sqrt(d), or the zeros that a recurrent
 * layer starts with. Names of graph inputs cannot contain colons, so `_` replaces them.
 */
export function parametersOf(
  graph: OnnxGraph,
  isParameter?: (name: string) => boolean,
): readonly NamedTensor[] {
  const constants = graph.nodes.flatMap(constantsOf);
  const isWeight = isParameter ?? weightsOf(graph, constants);
  const weights = [...graph.initializers, ...constants].filter(
    ({ name, dtype, shape }) =>
      isFloatKind(dtype) && !isByteFloat(dtype) && shape.length > 0 && isWeight(name),
  );
  return namedTensors(weights);
}

/**
 * Running means and variances of the main graph's batch normalizations, those that are neither parameters nor shared: a
 * tensor that two different normalizations read, or that is something else, too, cannot have one value for each.
 */
export function runningStatisticsOf(
  graph: OnnxGraph,
  parameters: readonly NamedTensor[],
): readonly NamedTensor[] {
  const stored = [...graph.initializers, ...graph.nodes.flatMap(constantsOf)];
  const isFloatVector = ({ dtype, shape }: OnnxTensor) => isFloatKind(dtype) && shape.length === 1;
  const isOwn = new Set(stored.filter(isFloatVector).map(({ name }) => name));
  for (const { tensor } of parameters) isOwn.delete(tensor.name);
  const layerOf = new Map<string, string>();
  for (const node of allNodesOf(graph)) {
    const isNorm = node.opType === "BatchNormalization" && graph.nodes.includes(node);
    const layer = JSON.stringify(node.inputs.slice(1));
    node.inputs.forEach((name, i) => {
      // One layer may be applied several times.
      const place = isNorm && (i === 3 || i === 4) ? `${i} ${layer}` : "other";
      if (place === "other" || (layerOf.get(name) ?? place) !== place) isOwn.delete(name);
      layerOf.set(name, place);
    });
  }
  const results = [graph, ...allNodesOf(graph).flatMap(graphsIn)].flatMap(({ outputs }) => outputs);
  for (const { name } of results) isOwn.delete(name);
  return namedTensors(stored.filter(({ name }) => isOwn.has(name) && layerOf.has(name)));
}

/** A single number of a node as a parameter of its own: an epsilon, or a factor. */
export interface LiftedNumber {
  readonly name: string;
  readonly node: OnnxNode;
  /** The operand that it is; undefined for the attribute. */
  readonly operand: number | undefined;
  readonly value: number;
}

/** How names of lifted numbers end. */
const EPSILON = ".epsilon";
const FACTOR = ".factor";

export const isLifted = (name: string): boolean => name.endsWith(EPSILON) || name.endsWith(FACTOR);

/**
 * The factor 0.5 of each GELU that is several nodes, x (1 + erf(x / sqrt 2)) / 2: with it as a parameter what is linear behind a GELU,
 * such as a residual stream, can be scaled. Stored numbers without axes.
 */
export function factorsOf({ nodes, initializers }: OnnxGraph): readonly LiftedNumber[] {
  const stored = new Map([...initializers, ...nodes.flatMap(constantsOf)].map((own) => [own.name, own]));
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const isMade = (name: string, opType: string): boolean => {
    const maker = makers.get(name);
    return maker !== undefined && operatorName(maker) === opType;
  };
  const inputsOf = (name: string) => makers.get(name)?.inputs ?? [];
  /** Whether a value is 1 + erf or 1 + tanh. */
  const isGate = (name: string) =>
    isMade(name, "Add") && inputsOf(name).some((own) => isMade(own, "Erf") || isMade(own, "Tanh"));
  const gated = new Set(
    nodes
      .filter((node) => operatorName(node) === "Mul" && node.inputs.some(isGate))
      .flatMap(({ inputs }) => inputs),
  );
  return nodes.flatMap((node): LiftedNumber[] => {
    const { inputs, outputs } = node;
    const name = `${outputs[0]}${FACTOR}`.replaceAll(":", "_");
    const operand = operatorName(node) === "Mul" ? inputs.findIndex((own) => stored.has(own)) : -1;
    const constant = stored.get(inputs[operand]);
    const other = inputs[1 - operand];
    const isGelu = gated.has(outputs[0]) || (isMade(other, "Mul") && inputsOf(other).some(isGate));
    if (!isGelu || constant?.shape.length !== 0 || !isFloatKind(constant.dtype) || stored.has(name))
      return [];
    return [{ name, node, operand, value: Number(arrayOf(constant, "float64").data[0]) }];
  });
}

/** The largest epsilon that is lifted: 1e-5 in a file whose streams were scaled by 2^5, with its square. */
const LARGEST = 0.01024;

/**
 * The epsilons of a graph, one for each node even where nodes share a constant: the attribute of a normalization, and a small
 * number that an Add or Max has for what another node makes.
 */
export function epsilonsOf({ nodes, initializers }: OnnxGraph): readonly LiftedNumber[] {
  const stored = new Map([...initializers, ...nodes.flatMap(constantsOf)].map((own) => [own.name, own]));
  return nodes.flatMap((node): LiftedNumber[] => {
    const { inputs, outputs, attributes } = node;
    const opType = operatorName(node);
    const name = `${outputs[0]}${EPSILON}`.replaceAll(":", "_");
    if (stored.has(name)) return [];
    const otherwise = ownEntry(defaultEpsilons, opType);
    if (otherwise !== undefined) {
      const given = attributes.epsilon?.kind === "float" ? attributes.epsilon.value : otherwise;
      return [{ name, node, operand: undefined, value: Math.fround(given) }];
    }
    const operand = inputs.findIndex((own) => stored.has(own));
    const constant = stored.get(inputs[operand]);
    const isGuard =
      ["Add", "Max"].includes(opType) && inputs.length === 2 && !stored.has(inputs[1 - operand]);
    if (!isGuard || constant?.data.length !== 1 || !isFloatKind(constant.dtype)) return [];
    const value = Number(arrayOf(constant, "float64").data[0]);
    return value > 0 && value <= LARGEST ? [{ name, node, operand, value }] : [];
  });
}

/** Tensors by the names that they have as inputs of a graph, which cannot contain colons. */
function namedTensors(tensors: readonly OnnxTensor[]): readonly NamedTensor[] {
  const named = new Map<string, NamedTensor>();
  for (const tensor of tensors) {
    const name = tensor.name.replaceAll(":", "_");
    const other = named.get(name);
    if (other !== undefined) {
      throw new DataError(
        `fromOnnx: expected weights of different names, with _ for a colon; the file has "${other.tensor.name}" and ` +
          `"${tensor.name}", both "${name}". Rename one of them in the file.`,
      );
    }
    named.set(name, { name, tensor });
  }
  return [...named.values()];
}

/** The tensor that a Constant node holds, by the name of its output. */
export function constantsOf({ opType, outputs: [name], attributes }: OnnxNode): readonly OnnxTensor[] {
  if (opType !== "Constant") return [];
  const { value, value_float: number, value_floats: list } = attributes;
  if (value?.kind === "tensor") return [{ ...value.value, name }];
  if (number?.kind === "float")
    return [{ name, dtype: "float32", shape: [], data: Float32Array.of(number.value) }];
  if (list?.kind !== "floats") return [];
  return [{ name, dtype: "float32", shape: [list.value.length], data: Float32Array.from(list.value) }];
}

const isFilled = ({ data }: OnnxTensor): boolean => data.every((v: number | bigint) => v === data[0]);

/** Whether a tensor is a weight: an operand that flows into something other than settings. */
function weightsOf(graph: OnnxGraph, constants: readonly OnnxTensor[]): (name: string) => boolean {
  const nodes = allNodesOf(graph);
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  const results = [graph, ...nodes.flatMap(graphsIn)].flatMap(({ outputs }) => outputs);
  const flowing = new Set(results.map(({ name }) => name));
  const operands = new Set<string>();
  // From the last node to the first: what computes only settings, such as the scales of a Resize, is no weight either.
  for (const node of nodes.reverse()) {
    const isSetting = node.outputs.every((name) => read.has(name) && !flowing.has(name));
    if (isSetting && graphsIn(node).length === 0) continue;
    for (const [i, name] of node.inputs.entries()) {
      if (settings[operatorName(node)]?.includes(i)) continue;
      operands.add(name);
      flowing.add(name);
    }
  }
  const isWeight = ({ name, dtype, shape }: OnnxTensor) =>
    isFloatKind(dtype) && shape.length > 0 && operands.has(name);
  const holdWeights =
    !graph.initializers.some(isWeight) && constants.some((tensor) => isWeight(tensor) && !isFilled(tensor));
  const code = new Set(holdWeights ? [] : constants.filter(isFilled).map(({ name }) => name));
  return (name) => operands.has(name) && !code.has(name);
}
