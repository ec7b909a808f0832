// Tables whose rows are taken, such as embeddings, as integers with a scale for each row.
import { int as attribute, type OnnxNode } from "isoloss/internal";
import type { GraphEditor } from "../model-file/edit/graph-editor.js";
import { int, isStandard } from "../model-file/prepare/attributes.js";
import { isReason } from "../model-file/prepare/linear-layer.js";
import { finiteFloats, quantizedWeight } from "./quantized-weight.js";
import { weightGrid } from "./weight-grid.js";
import { weightedLayer } from "./weighted-layer.js";

const type = { dtype: "int8", limit: 127, zero: 0 } as const;

/** TensorProto.DataType of float32. */
const FLOAT = 1;

/** Whether a node takes rows of a stored matrix of float32, of which layers and such nodes are the only readers. */
export function isEmbedding(editor: GraphEditor, node: OnnxNode): boolean {
  const [table = ""] = node.inputs;
  if (!takesRows(editor, node) || editor.uses.isCaptured(table) || editor.isOutput(table)) return false;
  return editor.uses.readers(table).every((reader) => {
    const layer = weightedLayer(editor, reader);
    return takesRows(editor, reader) || (layer !== undefined && !isReason(layer));
  });
}

function takesRows(editor: GraphEditor, node: OnnxNode): boolean {
  const [table = ""] = node.inputs;
  const stored = editor.floatType(table);
  const isRows = node.opType === "Gather" && isStandard(node) && int(node, "axis", 0) === 0;
  return isRows && stored?.dtype === "float32" && stored.shape.length === 2 && !stored.shape.includes(0);
}

/**
 * Stores matrices whose rows are taken as integers with a scale for each row, and takes rows of both: so a run makes
 * floats of the rows that it takes alone.
 */
export function writeEmbeddings(editor: GraphEditor, nodes: readonly OnnxNode[]): void {
  const tables = new Map<string, readonly [string, string]>();
  for (const node of nodes) {
    const [table, rows] = node.inputs;
    const stored = tables.get(table) ?? writeTable(editor, table);
    tables.set(table, stored);
    writeRows(editor, node, stored, rows);
  }
}

function writeTable(editor: GraphEditor, table: string): readonly [string, string] {
  const floats = finiteFloats(editor, table);
  if (floats === undefined) throw new Error(`The tensor "${table}" is not stored.`);
  const { shape } = floats;
  const [count] = shape;
  const { integers, scales } = quantizedWeight(
    floats,
    type,
    weightGrid("channel", shape, 0),
    new Float64Array(count),
  );
  return [
    editor.addTensor(`${table}_quantized`, { dtype: type.dtype, shape, data: integers }),
    editor.addTensor(`${table}_scale`, { dtype: "float32", shape: [count, 1], data: scales }),
  ];
}

function writeRows(
  editor: GraphEditor,
  node: OnnxNode,
  [table, scale]: readonly [string, string],
  rows: string,
): void {
  const [y] = node.outputs;
  const [quantized, integers, scales] = ["quantized", "integers", "scale"].map((name) =>
    editor.freshName(`${y}_${name}`),
  );
  const attributes = { axis: attribute(0) };
  // The Cast keeps the integers as they are, in float32, so that they can be multiplied.
  editor.replace(
    node,
    { opType: "Gather", inputs: [table, rows], outputs: [quantized], attributes },
    { opType: "Cast", inputs: [quantized], outputs: [integers], attributes: { to: attribute(FLOAT) } },
    { opType: "Gather", inputs: [scale, rows], outputs: [scales], attributes },
    { opType: "Mul", inputs: [integers, scales], outputs: [y], attributes: {} },
  );
}
