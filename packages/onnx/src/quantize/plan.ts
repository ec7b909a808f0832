import type { OnnxNode } from "isoloss/internal";
import type { GraphEditor } from "../model-file/edit/graph-editor.js";
import { isStandard, string } from "../model-file/prepare/attributes.js";
import { boundsOf } from "../model-file/prepare/bounds.js";
import { biasedSum, isReason, type Reason } from "../model-file/prepare/linear-layer.js";
import type { ValueRange } from "./affine.js";
import { layerName, type WeightedLayer, weightedLayer } from "./weighted-layer.js";

// What ONNX Runtime's CPU computes in integers between DequantizeLinear and QuantizeLinear:
// onnxruntime/core/optimizer/qdq_transformer/selectors_actions/qdq_selector_action_transformer.cc.

/** An operator without weights that has a kernel on integers. */
interface IntegerOperator {
  /** How many of the first operands are activations. */
  readonly operands: number;
  /** Whether results are numbers of the operand, so that they need the same scale. */
  readonly keepsNumbers: boolean;
}

const computing = (operands = 1): IntegerOperator => ({ operands, keepsNumbers: false });
const moving: IntegerOperator = { operands: 1, keepsNumbers: true };

export const integerOperators: ReadonlyMap<string, IntegerOperator> = new Map([
  ["Add", computing(2)],
  ["AveragePool", computing()],
  ["Concat", computing(Infinity)],
  ["DepthToSpace", moving],
  ["Flatten", moving],
  ["Gather", moving],
  ["GlobalAveragePool", computing()],
  ["LeakyRelu", computing()],
  ["MatMul", computing(2)],
  ["MaxPool", moving],
  ["Mul", computing(2)],
  ["Reshape", moving],
  ["Resize", moving],
  ["Sigmoid", computing()],
  ["Slice", moving],
  ["Softmax", computing()],
  ["Split", moving],
  ["Squeeze", moving],
  ["Transpose", moving],
  ["Unsqueeze", moving],
]);

/** What a Relu or Clip bounds a value to, if its bounds are constants. */
function rangeBehind(editor: GraphEditor, node: OnnxNode): ValueRange | undefined {
  if (node.opType === "Relu") return { min: 0, max: Infinity };
  const bounds = node.opType === "Clip" ? boundsOf(editor, node) : undefined;
  if (bounds === undefined || isReason(bounds)) return undefined;
  return { min: bounds.low ?? -Infinity, max: bounds.high ?? Infinity };
}

/** What becomes integer in a graph. */
export interface Plan {
  /** Layers whose activations and weights are quantized. */
  readonly layers: readonly WeightedLayer[];
  /** Layers that have no kernel on integers: their weights alone are quantized. */
  readonly weightsAlone: readonly WeightedLayer[];
  /** Nodes without weights that run as integers. */
  readonly others: ReadonlyMap<OnnxNode, IntegerOperator>;
  /** Layers that stay float, and why. */
  readonly left: ReadonlyMap<OnnxNode, Reason>;
  /** Names of the activations that are quantized, in the order of the graph. */
  readonly values: readonly string[];
  /** The values that these nodes make, with the activations behind them. */
  readonly roundedResults: ReadonlyMap<OnnxNode, readonly string[]>;
  /** Bounds of values that a Relu or Clip makes, which the quantization does in its place. */
  readonly bounds: ReadonlyMap<string, ValueRange>;
}

/** Layers that have kernels on integers. A Gemm or MatMul may have a float result. */
const kernelLayers = ["Conv", "Gemm", "MatMul"];

/** Decides which nodes run as integers, and which values need integers for that. */
export function planOf(editor: GraphEditor, leave: ReadonlySet<string>): Plan {
  const { layers, weightsAlone, left, candidates } = sorted(editor, leave);
  const bounds = new Map<string, ValueRange>();
  const roundedResults = new Map<OnnxNode, readonly string[]>();
  // A product runs together with the sum that adds its bias.
  for (const { node, sum = node } of layers) roundedResults.set(node, ends(editor, sum, bounds));
  for (const [node, { keepsNumbers }] of candidates) {
    roundedResults.set(node, keepsNumbers ? node.outputs.filter(Boolean) : ends(editor, node, bounds));
  }
  const others = worthRounding(editor, layers, candidates, roundedResults);
  const values = new Set<string>();
  for (const node of editor.nodes) {
    const operator = others.get(node);
    const isLayer = operator === undefined && roundedResults.has(node) && !candidates.has(node);
    if (operator === undefined && !isLayer) continue;
    for (const name of operandsOf(editor, node, operator)) values.add(name);
    for (const name of roundedResults.get(node) ?? []) {
      if (operator !== undefined || mustRound(editor, node, name)) values.add(name);
    }
  }
  return { layers, weightsAlone, left, others, values: [...values], roundedResults, bounds };
}

/**
 * Whether a layer's result must be integers for the layer to run on integers: that of a convolution, and one behind an
 * activation, which the runtime looks for a QuantizeLinear behind.
 */
const mustRound = (editor: GraphEditor, { opType }: OnnxNode, end: string): boolean =>
  opType === "Conv" ||
  (["Clip", "Relu"].includes(editor.uses.maker(end)?.opType ?? "") && !editor.isOutput(end));

function sorted(editor: GraphEditor, leave: ReadonlySet<string>) {
  const layers: WeightedLayer[] = [];
  const weightsAlone: WeightedLayer[] = [];
  const left = new Map<OnnxNode, Reason>();
  const candidates = new Map<OnnxNode, IntegerOperator>();
  for (const node of editor.nodes) {
    const layer = weightedLayer(editor, node);
    if (layer === undefined) {
      const operator = integerOperators.get(node.opType);
      if (operator !== undefined && mayRun(editor, node) && !leave.has(layerName(editor, node))) {
        candidates.set(node, operator);
      }
    } else if (leave.has(layerName(editor, node))) left.set(node, { reason: "it is to stay float" });
    else if (isReason(layer)) left.set(node, layer);
    else if (kernelLayers.includes(node.opType) && operandsOf(editor, node).length > 0) layers.push(layer);
    else weightsAlone.push(layer);
  }
  return { layers, weightsAlone, left, candidates };
}

function mayRun(editor: GraphEditor, node: OnnxNode): boolean {
  if (!isStandard(node)) return false;
  switch (node.opType) {
    case "MaxPool":
      return node.outputs.length === 1;
    case "Resize":
      return string(node, "mode", "nearest") === "nearest";
    case "Add":
      // The bias of a product is added with more digits in float.
      return biasedSum(editor, node) === undefined;
    default:
      return true;
  }
}

/** The activations that a node reads; without an operator, of a layer. */
function operandsOf(
  editor: GraphEditor,
  { inputs }: OnnxNode,
  operator?: IntegerOperator,
): readonly string[] {
  return inputs.slice(0, operator?.operands ?? 1).filter((name) => editor.floatType(name) === undefined);
}

/**
 * The values that a node makes, with the activation that alone reads one: rounding to integers that end at its bounds, with 0
 * between them, does the same.
 */
function ends(
  editor: GraphEditor,
  { outputs }: OnnxNode,
  bounds: Map<string, ValueRange>,
): readonly string[] {
  return outputs.filter(Boolean).map((value) => {
    const node = editor.soleReader(value);
    if (node === undefined || !isStandard(node) || node.inputs[0] !== value) return value;
    const range = rangeBehind(editor, node);
    if (range === undefined || range.min > 0 || range.max < 0) return value;
    const [end] = node.outputs;
    bounds.set(end, range);
    return end;
  });
}

/** The nodes whose operands are integers for others' sake, and whose results other nodes take as integers. */
function worthRounding(
  editor: GraphEditor,
  layers: readonly WeightedLayer[],
  candidates: ReadonlyMap<OnnxNode, IntegerOperator>,
  roundedResults: ReadonlyMap<OnnxNode, readonly string[]>,
): ReadonlyMap<OnnxNode, IntegerOperator> {
  const layerNodes = new Set(layers.map(({ node }) => node));
  const others = new Map(candidates);
  const makers = new Map(
    [...roundedResults].flatMap(([node, values]) => values.map((value) => [value, node])),
  );
  const runs = (node: OnnxNode | undefined) =>
    node !== undefined && (layerNodes.has(node) || others.has(node));
  const feedsLayer = new Set(layers.map(({ node }) => node.inputs[0]));
  const isInteger = (value: string) => feedsLayer.has(value) || runs(makers.get(value));
  const isUseful = (node: OnnxNode, operator: IntegerOperator) => {
    const operands = operandsOf(editor, node, operator);
    const results = roundedResults.get(node) ?? [];
    const isTaken = results.some((value) => editor.uses.readers(value).some(runs));
    return isTaken && operands.length > 0 && operands.every(isInteger);
  };
  for (let isStable = false; !isStable; ) {
    const useless = [...others].filter(([node, operator]) => !isUseful(node, operator));
    for (const [node] of useless) others.delete(node);
    isStable = useless.length === 0;
  }
  return others;
}
