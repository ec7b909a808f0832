import { DataError } from "../../errors.js";
import type { GraphEditor } from "../../model-file/edit/graph-editor.js";

/** IR versions that came with operator sets. */
const irVersions = [
  [21, 10],
  [0, 8],
] as const;

/** Brings a file to a newer operator set, if it is of an older one. */
export function raiseOperatorSet(op: string, editor: GraphEditor, opset: number): void {
  const [, ir] = irVersions.find(([first]) => opset >= first) ?? irVersions[1];
  if (editor.opset < opset) {
    throw new DataError(`${op}: todo`);
  }
  editor.raiseVersions(editor.opset, ir);
}
