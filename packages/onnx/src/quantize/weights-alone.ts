import { int as attribute, dtypeCode, type OnnxNode } from "isoloss/internal";
import type { GraphEditor } from "../model-file/edit/graph-editor.js";
import type { OnnxFile } from "../model-file/edit/onnx-file.js";
import { int, isStandard } from "../model-file/prepare/attributes.js";
import { isReason } from "../model-file/prepare/linear-layer.js";
import { raiseOperatorSet } from "../model-file/prepare/raise-operator-set.js";
import { openForQuantizing } from "./open-for-quantizing.js";
import { takeFactors } from "./plain-layers.js";
import { isProduct, makeProducts } from "./products.js";
import { finiteFloats, quantizedWeight } from "./quantized-weight.js";
import type { QuantizedNode, WrittenFile } from "./report.js";
import type { WeightSettings } from "./settings.js";
import { weightGrid } from "./weight-grid.js";
import { layerName, type WeightedLayer, weightedLayer } from "./weighted-layer.js";
import { formatOf, writeWeights } from "./write-weights.js";

/**
 * Stores the weights of layers as integers; activations stay float.
 *
 * @param products whether those of other layers than products stay float
 */
export function weightsAlone(
  op: string,
  file: OnnxFile,
  settings: WeightSettings,
  leave: ReadonlySet<string>,
  { products = false } = {},
): WrittenFile {
  const editor = openForQuantizing(op, file);
  // Integers of 4 bits and scales of blocks are from operator set 21 on.
  raiseOperatorSet(op, editor, settings.bits === 4 || settings.per === "block" ? 21 : 13);
  const whyLeft = (node: OnnxNode): string | undefined =>
    leave.has(layerName(editor, node))
      ? "it is to stay float"
      : products && !isProduct(node) && !isEmbedding(editor, node)
        ? "it is no product: what it reads stays float"
        : undefined;
  const isWanted = (node: OnnxNode) => whyLeft(node) === undefined;
  takeFactors(editor, isWanted);
  const before = editor.nodes.filter(
    (node) => weightedLayer(editor, node) !== undefined || isEmbedding(editor, node),
  );
  const embeddings = before.filter((node) => isWanted(node) && isEmbedding(editor, node));
  const rows = before.map((node) => rowOf(editor, node, settings, whyLeft(node)));
  makeProducts(editor, isWanted);
  const layers = editor.nodes.flatMap((node): readonly WeightedLayer[] => {
    const layer = weightedLayer(editor, node);
    return layer === undefined || isReason(layer) || !isWanted(node) ? [] : [layer];
  });
  const weights = writeWeights(editor, layers, settings, () => undefined);
  writeEmbeddings(editor, embeddings);
  return { file: editor.finish(), weights, report: { nodes: rows, scales: new Map(), raisedScales: 0 } };
}

function rowOf(
  editor: GraphEditor,
  node: OnnxNode,
  settings: WeightSettings,
  why: string | undefined,
): QuantizedNode {
  const row = { node: layerName(editor, node), opType: node.opType, bits: 32 };
  const layer = weightedLayer(editor, node);
  if (layer !== undefined && isReason(layer)) return { ...row, note: layer.reason };
  if (why !== undefined) return { ...row, note: why };
  const isWider = settings.bits === 4;
  if (layer === undefined) {
    return { ...row, bits: 8, ...(isWider && { note: "8 bits: the rows of tables have no less" }) };
  }
  const bits = formatOf(layer, settings).type.dtype === "int4" ? 4 : 8;
  const note = `8 bits: a block has ${settings.blockSize ?? 32} inputs, this layer ${layer.shape[layer.inAxis]}`;
  return { ...row, bits, ...(bits > settings.bits && { note }) };
}

// Tables whose rows are taken, such as embeddings, as integers with a scale for each row.

const rowType = { dtype: "int8", limit: 127, zero: 0 } as const;

/** Whether a node takes rows of a stored matrix of float32, of which layers and such nodes are the only readers. */
function isEmbedding(editor: GraphEditor, node: OnnxNode): boolean {
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
function writeEmbeddings(editor: GraphEditor, nodes: readonly OnnxNode[]): void {
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
    rowType,
    weightGrid("channel", shape, 0),
    new Float64Array(count),
  );
  return [
    editor.addTensor(`${table}_quantized`, { dtype: rowType.dtype, shape, data: integers }),
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
    {
      opType: "Cast",
      inputs: [quantized],
      outputs: [integers],
      attributes: { to: attribute(dtypeCode("float32")) },
    },
    { opType: "Gather", inputs: [scale, rows], outputs: [scales], attributes },
    { opType: "Mul", inputs: [integers, scales], outputs: [y], attributes: {} },
  );
}
