import { int, type OnnxNode } from "isoloss/internal";
import type { GraphEditor } from "../../edit/graph-editor.js";
import { int as intOf } from "../attributes.js";
import { layouts } from "../value-layout.js";

/**
 * Before operator set 13 a softmax was one over all axes from `axis` on, taken together; the default was 1. The newer
 * one is over one axis: where they are not known to be the same, the operand becomes a matrix.
 */
export function softmaxOfLastAxis(editor: GraphEditor, node: OnnxNode): OnnxNode {
  const axis = intOf(node, "axis", 1);
  const [x] = node.inputs;
  const rank = layouts(editor)(x)?.rank;
  const attributes = { ...node.attributes, axis: int(-1) };
  if (axis === -1 || axis + 1 === rank) {
    const own = { ...node, attributes };
    editor.replace(node, own);
    return own;
  }
  const [y] = node.outputs;
  const [shape, rows, result] = ["shape", "rows", "matrix"].map((name) => editor.freshName(`${y}_${name}`));
  const own = { ...node, inputs: [rows], outputs: [result], attributes };
  editor.replace(
    node,
    { opType: "Shape", inputs: [x], outputs: [shape], attributes: {} },
    { opType: "Flatten", inputs: [x], outputs: [rows], attributes: { axis: int(axis) } },
    own,
    { opType: "Reshape", inputs: [result, shape], outputs: [y], attributes: {} },
  );
  return own;
}
