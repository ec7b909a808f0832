import type { OnnxNode } from "../../runtime/onnx/schema.js";
import { GraphEditor } from "../edit/graph-editor.js";
import { isStandard } from "./attributes.js";
import { changedRow, leftRow, type Preparation } from "./preparation.js";

/**
 * Removes Identity and Dropout nodes, which do nothing in inference: their readers read what they read. One is left
 * where a graph inside a node reads its result, where it passes an input or a constant to an output of the model, and
 * where Dropout is in training mode or its mask is used.
 *
 * @param bytes the bytes of an `.onnx` file, its data inside
 * @returns the new file, and a row for each Identity and Dropout
 * @throws DataError if the bytes are no ONNX model
 *
 * @example
 * const { bytes: after, report } = dropIdentity(before);
 */
export function dropIdentity(bytes: Uint8Array): Preparation {
  const editor = new GraphEditor("dropIdentity", bytes);
  const idle = editor.nodes
    .filter(({ opType }) => opType === "Identity" || opType === "Dropout")
    .filter(isStandard);
  const report = idle.map((before) => {
    // The node as it is now: the removal of one before it may have changed its operand.
    const node = editor.uses.maker(before.outputs[0]);
    if (node?.opType !== before.opType || !node.inputs[0]) {
      return leftRow(before, "the file is damaged: it has no operand, or no result of its own");
    }
    const reason = whyNeeded(editor, node) ?? drop(editor, node);
    return reason === undefined ? changedRow(node, "removed") : leftRow(node, reason);
  });
  return { bytes: editor.finish(), report };
}

function whyNeeded(
  editor: GraphEditor,
  { opType, inputs, outputs: [output, mask] }: OnnxNode,
): string | undefined {
  if (editor.uses.isCaptured(output)) return "a graph inside a node reads its result";
  if (opType === "Identity") return undefined;
  if (mask && (editor.uses.isRead(mask) || editor.isOutput(mask))) return "its mask is used";
  if (inputs[2] && editor.tensor(inputs[2])?.data[0] !== 0) return "it may be in training mode";
  return undefined;
}

function drop(editor: GraphEditor, node: OnnxNode): string | undefined {
  const [from] = node.inputs;
  const [output] = node.outputs;
  if (!editor.isOutput(output)) {
    editor.replace(node);
    editor.rename(output, from);
    return undefined;
  }
  const maker = editor.uses.maker(from);
  if (maker === undefined || maker.opType === "Constant")
    return "it passes an input or a constant to an output";
  if (editor.isOutput(from) || editor.uses.isCaptured(from))
    return `${from} is needed under its own name, too`;
  editor.replace(node);
  editor.rename(from, output);
  editor.rewire(maker, { outputs: maker.outputs.map((name) => (name === from ? output : name)) });
  return undefined;
}
