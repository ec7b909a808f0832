// ONNX Runtime computes a MatMul with a weight of integers by MatMulNBits, which reads the integers. A Gemm with its weight
// transposed, and a product that a Relu or Clip reads, it computes with floats that it makes of the integers in each run
// (onnxruntime/core/optimizer/qdq_transformer/selectors_actions/qdq_selectors.cc).
import type { OnnxNode } from "isoloss/internal";
import type { GraphEditor } from "../model-file/edit/graph-editor.js";
import { int, isStandard } from "../model-file/prepare/attributes.js";
import { isReason } from "../model-file/prepare/linear-layer.js";
import { storeTransposed } from "../model-file/prepare/store-transposes.js";
import { finiteFloats } from "./quantized-weight.js";
import { type WeightedLayer, weightedLayer } from "./weighted-layer.js";

/** Writes the products of layers in the form for which the runtime has a kernel on integers. */
export function makeProducts(editor: GraphEditor, isWanted: (node: OnnxNode) => boolean): void {
  const transposed = new Map<string, string>();
  for (const node of editor.nodes) {
    const layer = weightedLayer(editor, node);
    if (layer === undefined || isReason(layer) || !isWanted(node)) continue;
    if (isPlainGemm(node)) writeProduct(editor, layer, transposed);
    else if (node.opType !== "MatMul") continue;
    const sum = editor.soleReader(node.outputs[0]);
    replaceBounds(editor, node.outputs[0]);
    if (sum?.opType === "Add") replaceBounds(editor, sum.outputs[0]);
  }
}

export const isProduct = (node: OnnxNode): boolean => node.opType === "MatMul" || isPlainGemm(node);

const isPlainGemm = (node: OnnxNode): boolean => node.opType === "Gemm" && int(node, "transA", 0) === 0;

/** A Gemm as MatMul and Add. */
function writeProduct(editor: GraphEditor, layer: WeightedLayer, transposed: Map<string, string>): void {
  const { node, bias, outAxis } = layer;
  const [y] = node.outputs;
  const weight = outAxis === 1 ? layer.weight : transposedOf(editor, layer, transposed);
  const product = bias === "" ? y : editor.freshName(`${y}_product`);
  const [x] = node.inputs;
  const nodes: OnnxNode[] = [{ opType: "MatMul", inputs: [x, weight], outputs: [product], attributes: {} }];
  if (bias !== "") nodes.push({ opType: "Add", inputs: [product, bias], outputs: [y], attributes: {} });
  editor.replace(node, ...nodes);
}

function transposedOf(
  editor: GraphEditor,
  { weight }: WeightedLayer,
  transposed: Map<string, string>,
): string {
  const known = transposed.get(weight);
  if (known !== undefined || finiteFloats(editor, weight) === undefined) return known ?? weight;
  const name = storeTransposed(editor, weight) ?? weight;
  transposed.set(weight, name);
  return name;
}

/** A Relu or Clip that alone reads a value becomes a maximum and a minimum. */
function replaceBounds(editor: GraphEditor, value: string): void {
  const node = editor.soleReader(value);
  if (node === undefined || !isStandard(node)) return;
  const [y] = node.outputs;
  const bound = (opType: string, bounded: string, limit: string, result: string): OnnxNode => ({
    opType,
    inputs: [bounded, limit],
    outputs: [result],
    attributes: {},
  });
  if (node.opType === "Relu") {
    const zero = editor.add(`${y}_zero`, { dtype: "float32", shape: [], data: new Float64Array(1) });
    editor.replace(node, bound("Max", value, zero, y));
  }
  const [, low = "", high = ""] = node.inputs;
  if (node.opType !== "Clip" || (low === "" && high === "")) return;
  const middle = low === "" ? value : high === "" ? y : editor.freshName(`${y}_above`);
  editor.replace(
    node,
    ...(low === "" ? [] : [bound("Max", value, low, middle)]),
    ...(high === "" ? [] : [bound("Min", middle, high, y)]),
  );
}
