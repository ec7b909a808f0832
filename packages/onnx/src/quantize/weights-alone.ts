import type { OnnxNode } from "isoloss/internal";
import type { GraphEditor } from "../model-file/edit/graph-editor.js";
import type { OnnxFile } from "../model-file/edit/onnx-file.js";
import { isReason } from "../model-file/prepare/linear-layer.js";
import { raiseOperatorSet } from "../model-file/prepare/raise-operator-set.js";
import { isEmbedding, writeEmbeddings } from "./embeddings.js";
import { openForQuantizing } from "./open-for-quantizing.js";
import { takeFactors } from "./plain-layers.js";
import { isProduct, makeProducts } from "./products.js";
import type { QuantizedNode, WrittenFile } from "./report.js";
import type { WeightSettings } from "./settings.js";
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
