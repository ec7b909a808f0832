import type { OnnxNode } from "isoloss/internal";
import type { GraphEditor } from "../model-file/edit/graph-editor.js";
import type { OnnxFile } from "../model-file/edit/onnx-file.js";
import { raiseOperatorSet } from "../model-file/prepare/raise-operator-set.js";
import type { ValueRange } from "./affine.js";
import { openForQuantizing } from "./open-for-quantizing.js";
import { makePlain } from "./plain-layers.js";
import { type Plan, planOf } from "./plan.js";
import type { QuantizedNode, WrittenFile } from "./report.js";
import { type QdqSettings, requireSettings } from "./settings.js";
import { layerName } from "./weighted-layer.js";
import { weightsAlone } from "./weights-alone.js";
import { activationScales, writeActivations } from "./write-activations.js";
import { writeDynamic } from "./write-dynamic.js";
import { writeWeights } from "./write-weights.js";

export type { QdqSettings } from "./settings.js";

/**
 * Writes a file with activations and weights of 8 bits: each value is rounded by a QuantizeLinear, and read through a
 * DequantizeLinear, which ONNX Runtime joins with the nodes between to kernels on integers.
 *
 * Quantized are Conv, Gemm and MatMul with stored weights, and what is between them and has a kernel; the rest stays
 * float. The value that a layer makes is rounded behind the Relu or Clip that follows, whose bounds are then those of
 * the integers.
 *
 * @param file of float32
 * @param ranges of the values that `quantizableValues` names
 * @throws DataError for a file that is quantized already, or not of float32; OptionError for a value without a range
 */
export function writeQdq(
  file: OnnxFile,
  ranges: ReadonlyMap<string, ValueRange>,
  settings: QdqSettings,
): WrittenFile {
  const op = "quantizeModel";
  requireSettings(op, settings);
  const { activations, weights, leave } = settings;
  if (activations === "none") return weightsAlone(op, file, weights, leave);
  if (activations === "dynamic") return writeDynamic(op, file, weights, leave);
  const editor = openForQuantizing(op, file);
  raiseOperatorSet(op, editor, 13);
  makePlain(editor);
  const drowned = drownedSums(editor, planOf(editor, leave), ranges);
  const plan = planOf(editor, new Set([...leave, ...drowned]));
  const scales = activationScales(editor, plan, ranges, activations);
  const nodes = rowsOf(editor, plan);
  const written = [
    ...writeWeights(editor, plan.layers, weights, ({ node }) => scales.get(node.inputs[0])?.scale),
    ...writeWeights(editor, plan.weightsAlone, weights, () => undefined),
  ];
  writeActivations(editor, plan, scales);
  keepFloat(editor);
  const raisedScales = written.reduce((sum, { stored }) => sum + stored.raised, 0);
  return { file: editor.finish(), weights: written, report: { nodes, scales, raisedScales } };
}

/** The rows of a graph before it is changed. */
function rowsOf(editor: GraphEditor, plan: Plan): readonly QuantizedNode[] {
  const rows = new Map<OnnxNode, Omit<QuantizedNode, "node" | "opType">>();
  for (const { node } of plan.layers) rows.set(node, { bits: 8 });
  for (const { node } of plan.weightsAlone) rows.set(node, { bits: 8, note: "its weight alone is rounded" });
  for (const node of plan.others.keys()) rows.set(node, {});
  for (const [node, { reason }] of plan.left) rows.set(node, { bits: 32, note: reason });
  return editor.nodes.flatMap((node) => {
    const row = rows.get(node);
    return row === undefined ? [] : [{ node: layerName(editor, node), opType: node.opType, ...row }];
  });
}

/** Bits of 8 that the operand of a sum must keep in the sum's range. */
const FEWEST_BITS = 4;

/**
 * Names of the sums whose range is so wide that an operand would lose its bits, such as scores of attention to which a mask adds
 * -1e4: they stay float.
 */
function drownedSums(
  editor: GraphEditor,
  { others, roundedResults }: Plan,
  ranges: ReadonlyMap<string, ValueRange>,
): readonly string[] {
  const width = (value = "") => {
    const { min, max } = ranges.get(value) ?? { min: 0, max: 0 };
    return Math.max(max, 0) - Math.min(min, 0);
  };
  return [...others.keys()].flatMap((node) => {
    if (node.opType !== "Add") return [];
    const least = width(roundedResults.get(node)?.[0]) / 2 ** (8 - FEWEST_BITS);
    const isLost = node.inputs.some((x) => ranges.has(x) && width(x) > 0 && width(x) < least);
    return isLost ? [layerName(editor, node)] : [];
  });
}

// onnxruntime/core/optimizer/qdq_transformer/weight_bias_quantization.cc
const roundedLayers = ["Conv", "ConvTranspose", "Gemm"];

/**
 * Keeps layers float that are to stay so. ONNX Runtime rounds the weights of a layer by itself, with one scale, if a
 * DequantizeLinear makes the layer's operand; a copy between them, as a sum of one term, prevents it.
 */
function keepFloat(editor: GraphEditor): void {
  for (const node of editor.nodes) {
    const [x, weight = ""] = node.inputs;
    const isRounded = editor.uses.maker(x)?.opType === "DequantizeLinear";
    if (!roundedLayers.includes(node.opType) || !isRounded || editor.floatType(weight) === undefined)
      continue;
    const copy = editor.freshName(`${x}_copy`);
    const own = editor.rewire(node, { inputs: [copy, ...node.inputs.slice(1)] });
    editor.replace(own, { opType: "Sum", inputs: [x], outputs: [copy], attributes: {} }, own);
  }
}

/**
 * The values of a file whose ranges `writeQdq` needs, in the order of the graph.
 *
 * @param op names the function in errors
 */
export function quantizableValues(file: OnnxFile, op = "quantizeModel"): readonly string[] {
  const editor = openForQuantizing(op, file);
  const own = new Set(editor.nodes.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]));
  raiseOperatorSet(op, editor, 13);
  makePlain(editor);
  // A value of a node's newer form has the range of the value that it is made from.
  return planOf(editor, new Set()).values.filter((name) => own.has(name));
}
