import type { GraphEditor } from "../edit/graph-editor.js";
import { isStandard } from "./attributes.js";

/** Stores transposed matrices in the place of Transpose nodes of stored ones, as exporters write that fold no constants. */
export function storeTransposes(editor: GraphEditor): void {
  for (const node of editor.nodes) {
    const [matrix = ""] = node.inputs;
    const [result] = node.outputs;
    if (node.opType !== "Transpose" || !isStandard(node)) continue;
    if (editor.isOutput(result) || editor.uses.isCaptured(result)) continue;
    const { perm } = node.attributes;
    const isTurned = perm?.kind !== "ints" || perm.value[0] === 1;
    const name = isTurned ? storeTransposed(editor, matrix) : undefined;
    if (name === undefined) continue;
    editor.replace(node);
    editor.rename(result, name);
  }
}

/** Stores a matrix with its axes exchanged, and returns its name; undefined for what is no stored matrix of floats. */
export function storeTransposed(editor: GraphEditor, matrix: string): string | undefined {
  if (editor.floatType(matrix)?.shape.length !== 2) return undefined;
  const floats = editor.floats(matrix);
  if (floats === undefined) return undefined;
  const [rows, columns] = floats.shape;
  const data = floats.data.map((_, i) => floats.data[(i % rows) * columns + Math.floor(i / rows)]);
  return editor.add(`${matrix}_transposed`, { ...floats, shape: [columns, rows], data });
}
