import type { OnnxNode } from "isoloss/internal";
import type { GraphEditor } from "../model-file/edit/graph-editor.js";
import { float, isStandard } from "../model-file/prepare/attributes.js";
import {
  biasedSum,
  channelNumbers,
  layerEnd,
  layerTypes,
  outAxisOf,
  type Reason,
} from "../model-file/prepare/linear-layer.js";

/** A node with a stored weight, which may be shared with others. */
export interface WeightedLayer {
  readonly node: OnnxNode;
  readonly weight: string;
  readonly shape: readonly number[];
  /** The weight's axis of the results. */
  readonly outAxis: number;
  /** The weight's axis of the operands. */
  readonly inAxis: number;
  /** The name of the bias, or the empty string. */
  readonly bias: string;
  /** The node that adds the bias to the product of a MatMul. */
  readonly sum?: OnnxNode | undefined;
}

/** A Conv, ConvTranspose, Gemm or MatMul of float32; why it cannot be quantized; undefined for other nodes. */
export function weightedLayer(editor: GraphEditor, node: OnnxNode): WeightedLayer | Reason | undefined {
  const { opType, inputs } = node;
  if (!layerTypes.includes(opType) || !isStandard(node)) return undefined;
  const [, weight = "", bias = ""] = inputs;
  const type = editor.floatType(weight);
  if (type === undefined) {
    return opType === "MatMul" ? undefined : { reason: `its weight ${weight} is computed` };
  }
  const { shape, dtype } = type;
  if (dtype !== "float32") return { reason: `its weight is of ${dtype}, not float32` };
  const isMatrix = opType === "Gemm" || opType === "MatMul";
  if (isMatrix && shape.length !== 2) return { reason: `its weight has ${shape.length} axes, not 2` };
  if (shape.includes(0)) return { reason: "its weight is empty" };
  // The kernel has no factor of the product, and takes the bias as it is.
  const scale = opType === "Gemm" && ["alpha", "beta"].find((name) => float(node, name, 1) !== 1);
  if (scale) return { reason: `its ${scale} is not 1` };
  const outAxis = outAxisOf(node);
  const layer = { node, weight, shape, outAxis, inAxis: 1 - outAxis, bias };
  if (opType === "MatMul") return { ...layer, ...sumOf(editor, layer) };
  return bias === "" || opType === "ConvTranspose" || biasOf(editor, layer) !== undefined
    ? layer
    : { reason: `its bias ${bias} is computed, or not one number for each channel` };
}

/** The name of a node in reports: of a layer that of its value behind the bias, which stays when a bias is added. */
export const layerName = (editor: GraphEditor, node: OnnxNode): string => layerEnd(editor, node).outputs[0];

/** The bias that an Add adds to a product. */
function sumOf(
  editor: GraphEditor,
  { node, shape, outAxis }: WeightedLayer,
): Pick<WeightedLayer, "sum" | "bias"> | undefined {
  const sum = editor.soleReader(node.outputs[0]);
  const index = sum === undefined ? undefined : biasedSum(editor, sum)?.biasIndex;
  if (sum === undefined || index === undefined) return undefined;
  const bias = sum.inputs[index];
  return biasOf(editor, { bias, shape, outAxis }) === undefined ? undefined : { sum, bias };
}

/** The bias, a number for each channel; undefined without one. */
export function biasOf(
  editor: GraphEditor,
  { bias, shape, outAxis }: Pick<WeightedLayer, "bias" | "shape" | "outAxis">,
): Float64Array | undefined {
  const stored = bias === "" ? undefined : editor.floats(bias);
  return stored?.dtype === "float32" ? channelNumbers(stored, [shape[outAxis]]) : undefined;
}
