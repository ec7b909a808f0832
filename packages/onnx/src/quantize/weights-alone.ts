import { int as attribute, type OnnxNode } from "isoloss/internal";
import type { GraphEditor } from "../model-file/edit/graph-editor.js";
import type { OnnxFile } from "../model-file/edit/onnx-file.js";
import { int, isStandard } from "../model-file/prepare/attributes.js";
import { isReason } from "../model-file/prepare/linear-layer.js";
import { raiseOperatorSet } from "../model-file/prepare/raise-operator-set.js";
import { storeTransposed } from "../model-file/prepare/store-transposes.js";
import { takeFactors } from "./plain-layers.js";
import { finiteFloats, perChannel, quantizedWeight } from "./quantized-weight.js";
import { editorOf } from "./readable.js";
import type { QuantizedNode, WrittenFile } from "./report.js";
import type { WeightSettings } from "./settings.js";
import { layerName, type WeightedLayer, weightedLayer } from "./weighted-layer.js";
import { formatOf, writeWeights } from "./write-weights.js";

/** Stores the weights of layers as integers; activations stay float. */
export function weightsAlone(
  op: string,
  file: OnnxFile,
  settings: WeightSettings,
  leave: ReadonlySet<string>,
): WrittenFile {
  const editor = editorOf(op, file);
  // Integers of 4 bits and scales of blocks are from operator set 21 on.
  raiseOperatorSet(op, editor, settings.bits === 4 || settings.per === "block" ? 21 : 13);
  const isWanted = (node: OnnxNode) => !leave.has(layerName(editor, node));
  takeFactors(editor, isWanted);
  const before = editor.nodes.filter(
    (node) => weightedLayer(editor, node) !== undefined || isEmbedding(editor, node),
  );
  const embeddings = before.filter((node) => isWanted(node) && isEmbedding(editor, node));
  const rows = before.map((node) => rowOf(editor, node, settings, isWanted));
  makeProducts(editor, isWanted);
  const layers = editor.nodes.flatMap((node): readonly WeightedLayer[] => {
    const layer = weightedLayer(editor, node);
    return layer === undefined || isReason(layer) || !isWanted(node) ? [] : [layer];
  });
  writeWeights(editor, layers, settings, () => undefined);
  writeEmbeddings(editor, embeddings);
  return { file: editor.finish(), report: { nodes: rows, scales: new Map(), raisedScales: 0 } };
}

function rowOf(
  editor: GraphEditor,
  node: OnnxNode,
  settings: WeightSettings,
  isWanted: (node: OnnxNode) => boolean,
): QuantizedNode {
  const row = { node: layerName(editor, node), opType: node.opType, runs: "float", bits: 32 };
  const layer = weightedLayer(editor, node);
  if (layer !== undefined && isReason(layer)) return { ...row, note: layer.reason };
  if (!isWanted(node)) return { ...row, note: "it is to stay float" };
  const isWider = settings.bits === 4;
  if (layer === undefined) {
    return {
      ...row,
      runs: "Gather",
      bits: 8,
      ...(isWider && { note: "8 bits: the rows of tables have no less" }),
    };
  }
  const bits = formatOf(layer, settings).type.dtype === "int4" ? 4 : 8;
  const note = `8 bits: a block has ${settings.blockSize ?? 32} inputs, this layer ${layer.shape[layer.inAxis]}`;
  return { ...row, runs: kernelOf(node), bits, ...(bits > settings.bits && { note }) };
}

/** Products of matrices have a kernel that reads the integers; for other layers the floats are made in each run. */
const kernelOf = (node: OnnxNode): string =>
  node.opType === "MatMul" || isPlainGemm(node) ? "MatMulNBits" : "float";

const type = { dtype: "int8", limit: 127, zero: 0 } as const;

/** TensorProto.DataType of float32. */
const FLOAT = 1;

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
  const { integers, scales } = quantizedWeight(floats, type, perChannel(shape, 0), new Float64Array(count));
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
  const [integers, floats, factors] = ["quantized", "integers", "scale"].map((name) =>
    editor.freshName(`${y}_${name}`),
  );
  const attributes = { axis: attribute(0) };
  editor.replace(
    node,
    { opType: "Gather", inputs: [table, rows], outputs: [integers], attributes },
    { opType: "Cast", inputs: [integers], outputs: [floats], attributes: { to: attribute(FLOAT) } },
    { opType: "Gather", inputs: [scale, rows], outputs: [factors], attributes },
    { opType: "Mul", inputs: [floats, factors], outputs: [y], attributes: {} },
  );
}

// ONNX Runtime computes a MatMul with a weight of integers by MatMulNBits, which reads the integers. A Gemm with its weight
// transposed, and a product that a Relu or Clip reads, it computes with floats that it makes of the integers in each run
// (onnxruntime/core/optimizer/qdq_transformer/selectors_actions/qdq_selectors.cc).

/** Writes the products of layers in the form for which the runtime has a kernel on integers. */
function makeProducts(editor: GraphEditor, isWanted: (node: OnnxNode) => boolean): void {
  const transposed = new Map<string, string>();
  for (const node of editor.nodes) {
    const layer = weightedLayer(editor, node);
    if (layer === undefined || isReason(layer) || !isWanted(node)) continue;
    if (isPlainGemm(node)) writeProduct(editor, layer, transposed);
    else if (node.opType !== "MatMul") continue;
    const sum = soleReader(editor, node.outputs[0]);
    replaceBounds(editor, node.outputs[0]);
    if (sum?.opType === "Add") replaceBounds(editor, sum.outputs[0]);
  }
}

const isPlainGemm = (node: OnnxNode): boolean => node.opType === "Gemm" && int(node, "transA", 0) === 0;

/** A Gemm as MatMul and Add. */
function writeProduct(editor: GraphEditor, layer: WeightedLayer, transposed: Map<string, string>): void {
  const { node, bias, outAxis } = layer;
  const [y] = node.outputs;
  const weight = outAxis === 1 ? layer.weight : transposedOf(editor, layer, transposed);
  const product = bias === "" ? y : editor.freshName(`${y}_product`);
  const [x] = node.inputs;
  const nodes: OnnxNode[] = [{ opType: "MatMul", inputs: [x, weight], outputs: [product], attributes: {} }];
  if (bias !== "") nodes.push({ opType: "Add", inputs: [product, bias], outputs: [y], attributes: {} });
  editor.replace(node, ...nodes);
}

function transposedOf(
  editor: GraphEditor,
  { weight }: WeightedLayer,
  transposed: Map<string, string>,
): string {
  const known = transposed.get(weight);
  if (known !== undefined || finiteFloats(editor, weight) === undefined) return known ?? weight;
  const name = storeTransposed(editor, weight) ?? weight;
  transposed.set(weight, name);
  return name;
}

/** A Relu or Clip that alone reads a value becomes a maximum and a minimum. */
function replaceBounds(editor: GraphEditor, value: string): void {
  const node = soleReader(editor, value);
  if (node === undefined || !isStandard(node)) return;
  const [y] = node.outputs;
  const bound = (opType: string, bounded: string, limit: string, result: string): OnnxNode => ({
    opType,
    inputs: [bounded, limit],
    outputs: [result],
    attributes: {},
  });
  if (node.opType === "Relu") {
    const zero = editor.add(`${y}_zero`, { dtype: "float32", shape: [], data: new Float64Array(1) });
    editor.replace(node, bound("Max", value, zero, y));
  }
  const [, low = "", high = ""] = node.inputs;
  if (node.opType !== "Clip" || (low === "" && high === "")) return;
  const middle = low === "" ? value : high === "" ? y : editor.freshName(`${y}_above`);
  editor.replace(
    node,
    ...(low === "" ? [] : [bound("Max", value, low, middle)]),
    ...(high === "" ? [] : [bound("Min", middle, high, y)]),
  );
}

const soleReader = (editor: GraphEditor, value: string): OnnxNode | undefined =>
  editor.isUsedOnce(value) ? editor.uses.readers(value)[0] : undefined;
