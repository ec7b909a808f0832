// onnxruntime/core/optimizer/qdq_transformer/weight_bias_quantization.cc
import type { GraphEditor } from "../model-file/edit/graph-editor.js";

const layers = ["Conv", "ConvTranspose", "Gemm"];

/**
 * Keeps layers float that are to stay so. ONNX Runtime rounds the weights of a layer by itself, with one scale, if a
 * DequantizeLinear makes the layer's operand; a copy between them, as a sum of one term, prevents it.
 */
export function keepFloat(editor: GraphEditor): void {
  for (const node of editor.nodes) {
    const [x, weight = ""] = node.inputs;
    const isRounded = editor.uses.maker(x)?.opType === "DequantizeLinear";
    if (!layers.includes(node.opType) || !isRounded || editor.floatType(weight) === undefined) continue;
    const copy = editor.freshName(`${x}_copy`);
    const own = editor.rewire(node, { inputs: [copy, ...node.inputs.slice(1)] });
    editor.replace(own, { opType: "Sum", inputs: [x], outputs: [copy], attributes: {} }, own);
  }
}
