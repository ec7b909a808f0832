import type { OnnxNode } from "isoloss/internal";
import type { GraphEditor } from "../model-file/edit/graph-editor.js";
import { float } from "../model-file/prepare/attributes.js";
import {
  biasedSum,
  isReason,
  type LinearLayer,
  layerOf,
  linearLayer,
} from "../model-file/prepare/linear-layer.js";
import { layouts } from "../model-file/prepare/value-layout.js";

/**
 * Brings layers into the form that kernels on integers have: a bias that an Add holds becomes the layer's own, for a
 * MatMul in a Gemm, and factors of a Gemm go into its numbers.
 */
export function makePlain(editor: GraphEditor): void {
  takeFactors(editor, () => true);
  const layoutOf = layouts(editor);
  for (const end of editor.nodes) {
    if (biasedSum(editor, end) === undefined) continue;
    const layer = linearLayer(editor, layoutOf, end);
    if (!isReason(layer)) takeBias(editor, layer);
  }
}

/** Multiplies the weights and biases of Gemms by their factors, where they are stored for them alone. */
export function takeFactors(editor: GraphEditor, isWanted: (node: OnnxNode) => boolean): void {
  for (const node of editor.nodes) {
    if (!hasFactors(node) || !isWanted(node)) continue;
    const layer = layerOf(editor, node);
    if (!isReason(layer)) takeOwnFactors(editor, layer);
  }
}

/** Whether a Gemm multiplies its product or its bias by a number. */
const hasFactors = (node: OnnxNode): boolean =>
  node.opType === "Gemm" && (float(node, "alpha", 1) !== 1 || float(node, "beta", 1) !== 1);

/** Puts one node in the place of a layer and the Add of its bias. */
function takeBias(editor: GraphEditor, { node, end, weight, bias, channels }: LinearLayer): void {
  const dtype = editor.floatType(weight)?.dtype ?? "float32";
  const old = end.inputs.find((name) => editor.floatType(name) !== undefined) ?? weight;
  const inputs = [
    ...node.inputs.slice(0, 2),
    editor.add(`${old}_bias`, { dtype, shape: [channels], data: bias }),
  ];
  const opType = node.opType === "MatMul" ? "Gemm" : node.opType;
  editor.replace(node);
  editor.replace(end, { ...node, opType, inputs, outputs: end.outputs });
}

function takeOwnFactors(editor: GraphEditor, { node, weight, bias, channels }: LinearLayer): void {
  const factor = float(node, "alpha", 1);
  const stored = editor.floats(weight);
  if (stored === undefined) return;
  editor.setFloats(weight, { ...stored, data: stored.data.map((w) => factor * w) });
  const { alpha: _, beta: __, ...attributes } = node.attributes;
  const inputs = node.inputs.slice(0, 2);
  if (node.inputs[2]) {
    inputs.push(
      editor.add(`${node.inputs[2]}_scaled`, { dtype: stored.dtype, shape: [channels], data: bias }),
    );
  }
  const plain: OnnxNode = { ...node, inputs, attributes };
  editor.replace(node, plain);
}
