import { DataError } from "isoloss";
import { graphsIn, type OnnxNode } from "isoloss/internal";
import type { GraphEditor } from "../../edit/graph-editor.js";
import { isStandard } from "../attributes.js";
import { isReason } from "../linear-layer.js";
import { changes } from "./changes.js";

/** Before it, sums and products say along which axis they broadcast. */
const oldest = 7;

/**
 * Brings the nodes of a file to a newer operator set. A file that is of it, or of a newer one, stays as it is.
 *
 * @throws DataError for a node whose newer form is not known here
 */
export function raiseOperatorSet(op: string, editor: GraphEditor, opset: number): void {
  const before = editor.opset;
  if (before < opset) {
    if (before < oldest) throw refusal(op, editor, opset, `sets before ${oldest} are not converted`);
    for (const node of editor.nodes) {
      const reason = raised(editor, node, opset);
      if (reason === undefined) continue;
      throw refusal(op, editor, opset, `its ${node.opType} "${node.outputs[0]}" is not converted: ${reason}`);
    }
  }
  editor.raiseVersions(opset, opset >= 21 ? 10 : 8);
}

/** Brings a node to a newer operator set, or says why it cannot. */
function raised(editor: GraphEditor, node: OnnxNode, opset: number): string | undefined {
  if (graphsIn(node).length > 0) return "it has graphs inside";
  if (!isStandard(node)) return undefined;
  let own = node;
  for (const { version, change } of changes.get(node.opType) ?? []) {
    if (version <= editor.opset || version > opset) continue;
    const result = change(editor, own);
    if (isReason(result)) return result.reason;
    own = result;
  }
  return undefined;
}

const refusal = (op: string, { opset: before }: GraphEditor, opset: number, why: string): DataError =>
  new DataError(
    `${op}: the file is of operator set ${before}; ${opset} is needed, and ${why}. Convert it first: onnx.version_converter.convert_version(model, ${opset}).`,
  );
