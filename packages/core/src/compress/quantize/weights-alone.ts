import { isReason } from "../../model-file/prepare/linear-layer.js";
import type { OnnxNode } from "../../runtime/onnx/schema.js";
import { raiseOperatorSet } from "./raise-operator-set.js";
import { editorOf } from "./readable.js";
import type { QuantizedFile, QuantizedNode } from "./report.js";
import type { WeightSettings } from "./settings.js";
import { type WeightedLayer, weightedLayer } from "./weighted-layer.js";
import { formatOf, writeWeights } from "./write-weights.js";

/** Stores the weights of layers as integers; all computation stays float. */
export function weightsAlone(
  op: string,
  bytes: Uint8Array,
  settings: WeightSettings,
  leave: ReadonlySet<string>,
): QuantizedFile {
  const editor = editorOf(op, bytes);
  // Integers of 4 bits and scales of blocks are from operator set 21 on.
  raiseOperatorSet(op, editor, settings.bits === 4 || settings.per === "block" ? 21 : 13);
  const layers: WeightedLayer[] = [];
  const rows = editor.nodes.flatMap((node): QuantizedNode[] => {
    const layer = weightedLayer(editor, node);
    if (layer === undefined) return [];
    const row = { node: node.outputs[0], opType: node.opType, runs: "float", bits: 32 };
    if (leave.has(node.outputs[0])) return [{ ...row, note: "it is to stay float" }];
    if (isReason(layer)) return [{ ...row, note: layer.reason }];
    layers.push(layer);
    const { type } = formatOf(layer, settings);
    return [{ ...row, runs: kernelOf(node), bits: type.dtype === "int4" ? 4 : 8 }];
  });
  writeWeights(editor, layers, settings, () => undefined);
  return { bytes: editor.finish(), report: { nodes: rows, scales: new Map(), raisedScales: 0 } };
}

/** Products of a matrix have a kernel that reads the integers; of other layers the floats are made in each run. */
const kernelOf = ({ opType }: OnnxNode): string => (opType === "MatMul" ? "MatMulNBits" : "float");
