import type { OnnxNode } from "isoloss/internal";
import { canHold } from "../edit/float-data.js";
import type { GraphEditor } from "../edit/graph-editor.js";
import type { LinearLayer, Reason } from "./linear-layer.js";

export interface LayerChange {
  /** Factor of each channel's weights; undefined: they stay. */
  readonly factors: Float64Array | undefined;
  /** The new bias; undefined for none. */
  readonly bias: Float64Array | undefined;
  /** The new name of the layer's value. */
  readonly output: string;
}

/** Scales a layer's channels and gives it another bias. Returns its last node, or why the file's type cannot hold it. */
export function changeLayer(editor: GraphEditor, layer: LinearLayer, change: LayerChange): OnnxNode | Reason {
  const stored = editor.floats(layer.weight);
  if (stored === undefined) return { reason: "its weight is computed" };
  const { dtype } = stored;
  const { factors } = change;
  const weight = factors && scaledChannels(stored.data, layer, factors);
  const bias = change.bias?.map((b) => b / layer.biasFactor);
  if (![weight, bias].every((numbers) => numbers === undefined || canHold(dtype, numbers))) {
    return { reason: `its new weights are beyond the range of ${dtype}` };
  }
  if (weight !== undefined) editor.setFloats(layer.weight, { ...stored, data: weight });
  return layer.node.opType === "MatMul" || layer.end !== layer.node
    ? changeSum(editor, layer, change.output, bias)
    : changeNode(editor, layer, change.output, bias);
}

/** By number: `map` with a function takes several times as long for millions of weights. */
function scaledChannels(data: Float64Array, { channelOf }: LinearLayer, factors: Float64Array): Float64Array {
  const scaled = new Float64Array(data.length);
  for (let e = 0; e < data.length; e++) scaled[e] = data[e] * factors[channelOf(e)];
  return scaled;
}

function changeNode(
  editor: GraphEditor,
  layer: LinearLayer,
  output: string,
  bias: Float64Array | undefined,
): OnnxNode {
  const { node, channels } = layer;
  // Before operator set 11 a Gemm must have a third operand.
  const isNeeded = node.opType === "Gemm" && editor.opset < 11;
  const stored = bias ?? (isNeeded ? new Float64Array(channels) : undefined);
  const inputs = [...node.inputs.slice(0, 2), ...(stored ? [biasName(editor, layer, stored)] : [])];
  return editor.rewire(node, { inputs, outputs: [output] });
}

function changeSum(
  editor: GraphEditor,
  layer: LinearLayer,
  output: string,
  bias: Float64Array | undefined,
): OnnxNode {
  const { node, end, biasIndex } = layer;
  if (bias === undefined) {
    if (end !== node) editor.replace(end);
    return editor.rewire(node, { outputs: [output] });
  }
  const name = biasName(editor, layer, bias);
  if (end !== node) {
    return editor.rewire(end, {
      inputs: end.inputs.map((own, i) => (i === biasIndex ? name : own)),
      outputs: [output],
    });
  }
  const product = editor.freshName(`${output}_product`);
  const own = editor.rewire(node, { outputs: [product] });
  const sum: OnnxNode = { opType: "Add", inputs: [product, name], outputs: [output], attributes: {} };
  editor.replace(own, own, sum);
  return sum;
}

/** The name under which a layer's bias is stored: that of the old one if nothing else uses it. */
function biasName(
  editor: GraphEditor,
  { end, biasIndex, biasShape, weight, channels }: LinearLayer,
  data: Float64Array,
): string {
  const old = end.inputs[biasIndex] ?? "";
  const stored = old === "" ? undefined : editor.floats(old);
  if (stored?.data.length === channels && editor.isUsedOnce(old)) {
    editor.setFloats(old, { ...stored, data });
    return old;
  }
  const dtype = editor.floats(weight)?.dtype ?? "float32";
  const base = weight.endsWith("weight") ? `${weight.slice(0, -"weight".length)}bias` : `${weight}_bias`;
  return editor.add(base, { dtype, shape: biasShape, data });
}
