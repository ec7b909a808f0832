import { DataError } from "isoloss";
import type { OnnxNode } from "isoloss/internal";
import { GraphEditor } from "../model-file/edit/graph-editor.js";
import type { OnnxFile } from "../model-file/edit/onnx-file.js";
import { storeCastBounds } from "../model-file/prepare/bounds.js";
import { dropIdentityIn } from "../model-file/prepare/drop-identity.js";
import { layerTypes } from "../model-file/prepare/linear-layer.js";
import { storeTransposes } from "../model-file/prepare/store-transposes.js";

/** Whether a node computes with quantized numbers. */
export const isQuantizing = ({ opType }: OnnxNode): boolean =>
  /^(QLinear.*|QAttention|(Dynamic)?Quantize.*|DequantizeLinear|(Conv|MatMul)Integer.*|MatMulNBits|GatherBlockQuantized)$/.test(
    opType,
  );

/** That a file has a quantized node, and what to give. */
export const quantizedError = (op: string, { opType, outputs }: OnnxNode): DataError =>
  new DataError(
    `${op}: the file is quantized already: it has a ${opType} "${outputs[0]}". Give the float file that it was made from.`,
  );

/**
 * A file to be quantized, without the nodes that pass values on: the runtime drops them before it looks for what runs on
 * integers.
 *
 * @throws DataError for a file with quantized nodes, with values of float16 or bfloat16, or with layers in float64
 */
export function openForQuantizing(op: string, file: OnnxFile): GraphEditor {
  const editor = new GraphEditor(op, file);
  const { nodes } = editor;
  const quantized = nodes.find(isQuantizing);
  if (quantized !== undefined) throw quantizedError(op, quantized);
  for (const { opType, outputs, inputs } of nodes) {
    for (const name of inputs) {
      const dtype = editor.floatType(name)?.dtype ?? editor.input(name)?.dtype;
      const isHalf = dtype === "float16" || dtype === "bfloat16";
      if (!isHalf && !(dtype === "float64" && layerTypes.includes(opType))) continue;
      throw new DataError(
        `${op}: the ${opType} "${outputs[0]}" computes in ${dtype}: "${name}" is of that type. Give the file in float32: convert its weights and inputs.`,
      );
    }
  }
  return withoutIdentities(op, file);
}

/** A file without nodes that pass values on, and with stored weights and bounds in the place of those that a Transpose or Cast makes. */
export function withoutIdentities(op: string, file: OnnxFile): GraphEditor {
  const editor = new GraphEditor(op, dropIdentityIn(file).file);
  storeTransposes(editor);
  storeCastBounds(editor);
  return editor;
}
