import type { OnnxNode } from "isoloss/internal";
import { GraphEditor } from "../model-file/edit/graph-editor.js";
import { OnnxFile } from "../model-file/edit/onnx-file.js";
import { isStandard } from "../model-file/prepare/attributes.js";

/**
 * Gives each batch norm running statistics of its own. Exporters store equal tensors once, such as the zeros and
 * ones of new layers; such a tensor cannot follow several layers.
 */
export function withOwnStatistics(op: string, bytes: Uint8Array): Uint8Array {
  const editor = new GraphEditor(op, OnnxFile.decode(op, bytes));
  const norms = editor.nodes.filter((node) => node.opType === "BatchNormalization" && isStandard(node));
  let count = 0;
  for (const node of norms) {
    const names = node.inputs.map((name, i) => {
      const floats = i === 3 || i === 4 ? editor.floats(name) : undefined;
      if (floats === undefined || isOwn(editor, node, i)) return name;
      count++;
      return editor.add(`${name}_${node.outputs[0]}`, floats);
    });
    if (names.some((name, i) => name !== node.inputs[i])) editor.rewire(node, { inputs: names });
  }
  return count === 0 ? bytes : editor.finish().bytes;
}

/** Whether only this layer reads an operand, in this place; a layer may be applied several times. */
function isOwn(editor: GraphEditor, node: OnnxNode, index: number): boolean {
  const name = node.inputs[index];
  const layer = node.inputs.slice(1).join("\n");
  return (
    !editor.uses.isCaptured(name) &&
    !editor.isOutput(name) &&
    editor.uses
      .readers(name)
      .every(
        ({ opType, inputs }) =>
          opType === "BatchNormalization" &&
          inputs.slice(1).join("\n") === layer &&
          inputs.every((other, i) => (other === name) === (i === index)),
      )
  );
}
