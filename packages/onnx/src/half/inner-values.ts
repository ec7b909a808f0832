import { GraphEditor } from "../model-file/edit/graph-editor.js";
import type { OnnxFile } from "../model-file/edit/onnx-file.js";

/** The file with the values that nodes read of one another as outputs, too. */
export function withInnerValues(op: string, file: OnnxFile): OnnxFile {
  const editor = new GraphEditor(op, file);
  for (const { opType, outputs } of editor.nodes) {
    if (opType === "Constant" || opType.includes("Sequence")) continue;
    for (const name of outputs) {
      if (name !== "" && editor.uses.isRead(name) && !editor.isOutput(name)) editor.addOutput(name);
    }
  }
  return editor.finish();
}
