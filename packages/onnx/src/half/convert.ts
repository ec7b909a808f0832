// A file of float32 as one of float16.

import { DataError } from "isoloss";
import {
  dtypeCode,
  float64Of,
  graphsIn,
  halfCounts,
  int as intValue,
  noCounts,
  type OnnxNode,
  type OnnxTensor,
  tensor,
} from "isoloss/internal";
import type { HalfCounts } from "isoloss/moves";
import { floatsOf } from "../model-file/edit/float-data.js";
import { GraphEditor } from "../model-file/edit/graph-editor.js";
import type { OnnxFile } from "../model-file/edit/onnx-file.js";
import { replaceTensors } from "../model-file/edit/replace-tensors.js";
import { int, isStandard } from "../model-file/prepare/attributes.js";
import { isQuantizing, quantizedError } from "../quantize/open-for-quantizing.js";
import { largestHalf } from "./range.js";

const FLOAT32 = dtypeCode("float32");
const FLOAT16 = dtypeCode("float16");

/**
 * Operators that have no float16 in the standard, or a type of their own. What stands for a MeanVarianceNormalization in the
 * standard adds a number of float32.
 */
const refused: ReadonlySet<string> = new Set([
  ...["QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"],
  ...["QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger"],
  ...["Celu", "EyeLike", "MeanVarianceNormalization", "NonMaxSuppression"],
  ...["HannWindow", "HammingWindow", "BlackmanWindow", "MelWeightMatrix", "DFT", "STFT"],
]);

/** The operator sets from which on operators take float16; they take integers, too. */
const halfSince: Readonly<Record<string, number>> = {
  CumSum: 14,
  IsInf: 20,
  Range: Infinity,
};

/** Operators of ONNX Runtime's domain that take float16. */
const microsoft: ReadonlySet<string> = new Set([
  ...["Attention", "GroupQueryAttention", "MultiHeadAttention", "RotaryEmbedding"],
  ...["BiasGelu", "FastGelu", "Gelu", "QuickGelu"],
  ...["EmbedLayerNormalization", "SkipLayerNormalization", "SkipSimplifiedLayerNormalization"],
  ...["FusedConv", "FusedMatMul", "GatherBlockQuantized", "MatMulNBits"],
]);

/** Whether a node can compute in float16. @param floats names of the values that are floats */
export function isConvertible(node: OnnxNode, opset: number, floats: ReadonlySet<string>): boolean {
  const { opType, domain, inputs, outputs } = node;
  if (!isStandard(node)) return domain === "com.microsoft" && microsoft.has(opType);
  const isFloat32Alone =
    opset < (halfSince[opType] ?? 0) && [...inputs, ...outputs].some((name) => floats.has(name));
  return !refused.has(opType) && !isFloat32Alone && graphsIn(node).length === 0;
}

/** Operands that stay float32 in the standard: the scales of images, which a Resize has behind its regions from set 11 on. */
export function alwaysFloat32({ opType }: OnnxNode, opset: number): readonly number[] {
  if (opType === "Upsample") return [1];
  return opType === "Resize" ? [opset < 11 ? 1 : 2] : [];
}

export interface ConvertSettings {
  /** Types of the model's inputs and outputs of floats. */
  readonly io: "float32" | "float16";
  /** Names of the values inside the model, and of its outputs, that are floats. */
  readonly floats: ReadonlySet<string>;
  /** First results of nodes that stay float32, with a Cast where values pass between them and others; default none. */
  readonly wide?: ReadonlySet<string> | undefined;
}

export interface Converted {
  readonly file: OnnxFile;
  /** Of the stored numbers before they were rounded: weights and all other constants. */
  readonly counts: HalfCounts;
}

/**
 * The file with float16 in the place of float32: stored tensors, rounded to the nearest, and Casts. Numbers beyond the range
 * become the largest one.
 *
 * @throws DataError for what float16 cannot be in
 */
export function converted(
  op: string,
  file: OnnxFile,
  { io, floats, wide = new Set() }: ConvertSettings,
): Converted {
  const { graph } = file.model;
  const editor = new GraphEditor(op, file);
  requireConvertible(op, editor, floats, [...graph.initializers, ...graph.inputs]);
  const stored = new Set(graph.initializers.map(({ name }) => name));
  const floatOutputs = graph.outputs.map(({ name }) => name).filter((name) => floats.has(name));
  const kept = new Set([...keptTensors(editor), ...wideTensors(editor, wide)]);
  // Outputs that are stored tensors keep their type.
  const given = io === "float32" ? floatOutputs.filter((name) => stored.has(name)) : [];
  const tensors = new Map<string, OnnxTensor>();
  let counts = noCounts;
  const round = (own: OnnxTensor): OnnxTensor => {
    counts = halfCounts(float64Of(own.data), counts);
    return halfTensor(own);
  };
  for (const own of graph.initializers) {
    if (own.dtype !== "float32" || kept.has(own.name)) continue;
    const half = round(own);
    if (!given.includes(own.name)) tensors.set(own.name, half);
  }
  const isWide = ({ outputs }: OnnxNode) => wide.has(outputs[0]);
  const narrow = editor.nodes.filter((node) => !isWide(node));
  const inputs = graph.inputs.filter(({ name, dtype }) => dtype === "float32" && !stored.has(name));
  widen(editor, isWide, new Set([...floats, ...inputs.map(({ name }) => name)]));
  for (const node of narrow) convertNode(editor, node, kept, round);
  if (io === "float32") {
    castInputs(editor, [...inputs.map(({ name }) => name), ...given]);
    for (const name of floatOutputs) castOutput(editor, name);
  }
  const names = new Set([...inputs.map(({ name }) => name), ...floatOutputs]);
  const half = replaceTensors(editor.finish(), {
    tensors,
    dtypeOf: ({ name, dtype }) => (io === "float16" && names.has(name) && dtype ? "float16" : dtype),
  });
  return { file: half, counts };
}

function requireConvertible(
  op: string,
  { nodes, opset }: GraphEditor,
  floats: ReadonlySet<string>,
  typed: readonly { readonly name: string; readonly dtype?: string | undefined }[],
): void {
  const wrong = nodes.find((node) => !isConvertible(node, opset, floats));
  if (wrong !== undefined) {
    const { opType, name, outputs, domain } = wrong;
    if (isQuantizing(wrong)) throw quantizedError(op, wrong);
    throw new DataError(
      `${op}: the ${isStandard(wrong) ? opType : `${domain} ${opType}`} "${name || outputs[0]}" cannot be converted to float16 (operator set ${opset}).`,
    );
  }
  const other = typed.find(({ dtype }) => ["float64", "float16", "bfloat16"].includes(dtype ?? ""));
  if (other !== undefined) {
    throw new DataError(`${op} takes a model of float32; "${other.name}" is ${other.dtype}.`);
  }
}

/** Stored floats of nodes that stay float32; where others read them, too, these nodes get a copy. */
function wideTensors(editor: GraphEditor, wide: ReadonlySet<string>): readonly string[] {
  const nodes = editor.nodes.filter(({ outputs }) => wide.has(outputs[0]));
  const names = new Set(nodes.flatMap(({ inputs }) => inputs));
  return [...names].flatMap((name) => {
    const floats = editor.floats(name);
    if (floats === undefined) return [];
    const isOwn = editor.uses.readers(name).every(({ outputs }) => wide.has(outputs[0]));
    if (isOwn && !editor.isOutput(name) && !editor.uses.isCaptured(name)) return [name];
    const copy = editor.add(`${name}_float32`, floats);
    for (const node of editor.nodes.filter(({ outputs }) => wide.has(outputs[0]))) {
      if (node.inputs.includes(name)) editor.reread(node, name, copy);
    }
    return [copy];
  });
}

/** Gives nodes float32: a Cast before and behind them, but not between two of them. */
function widen(editor: GraphEditor, isWide: (node: OnnxNode) => boolean, floats: ReadonlySet<string>): void {
  const names = new Map<string, string>();
  const named = (name: string): string => {
    const own = names.get(name) ?? editor.freshName(`${name}_float32`);
    names.set(name, own);
    return own;
  };
  for (const node of editor.nodes.filter(isWide)) {
    const given = [...new Set(node.inputs)].filter((name) => floats.has(name) && !names.has(name));
    const made = node.outputs.filter((name) => floats.has(name));
    const isSeen = (name: string) =>
      editor.isOutput(name) || !editor.uses.readers(name).every(isWide) || editor.uses.isCaptured(name);
    const seen = made.filter(isSeen);
    const own = (name: string) => (floats.has(name) ? named(name) : name);
    editor.replace(
      node,
      ...given.map((name) => cast(name, named(name), FLOAT32)),
      { ...node, inputs: node.inputs.map(own), outputs: node.outputs.map(own) },
      ...seen.map((name) => cast(named(name), name, FLOAT16)),
    );
  }
}

/** Stored tensors that only operands of a fixed type read. */
function keptTensors(editor: GraphEditor): ReadonlySet<string> {
  const isFixed = (node: OnnxNode, name: string) =>
    node.inputs.every((own, i) => own !== name || alwaysFloat32(node, editor.opset).includes(i));
  const names = new Set(
    editor.nodes.flatMap((node) => alwaysFloat32(node, editor.opset).map((i) => node.inputs[i] ?? "")),
  );
  const isStored = (name: string) => editor.floatType(name) !== undefined && !editor.isOutput(name);
  return new Set(
    [...names].filter(
      (name) => isStored(name) && editor.uses.readers(name).every((node) => isFixed(node, name)),
    ),
  );
}

/** A stored tensor in float16; numbers beyond the range become the largest one. */
export function halfTensor({ name, shape, data }: OnnxTensor): OnnxTensor {
  const numbers = float64Of(data).map((x) => Math.min(Math.max(x, -largestHalf), largestHalf));
  return {
    name,
    dtype: "float16",
    shape,
    data: floatsOf({ shape, data: numbers }, "float16", `The tensor "${name}"`),
  };
}

function convertNode(
  editor: GraphEditor,
  node: OnnxNode,
  kept: ReadonlySet<string>,
  round: (own: OnnxTensor) => OnnxTensor,
): void {
  const { opType, attributes, outputs } = node;
  if (opType === "Constant" && !kept.has(outputs[0])) {
    const value = editor.tensor(outputs[0]);
    if (value?.dtype === "float32") {
      editor.replace(node, { ...node, attributes: { value: tensor({ ...round(value), name: "" }) } });
    }
  } else if (opType === "Cast" && int(node, "to", 0) === FLOAT32) {
    editor.replace(node, { ...node, attributes: { ...attributes, to: intValue(FLOAT16) } });
  } else if (opType === "SequenceEmpty" && int(node, "dtype", FLOAT32) === FLOAT32) {
    editor.replace(node, { ...node, attributes: { dtype: intValue(FLOAT16) } });
  } else if (opType === "ConstantOfShape") {
    const { value } = attributes;
    const own = value?.kind === "tensor" ? value.value : zero;
    if (own.dtype === "float32") {
      editor.replace(node, { ...node, attributes: { value: tensor(round(own)) } });
    }
  } else castOperands(editor, node, kept);
}

const zero: OnnxTensor = { name: "", dtype: "float32", shape: [1], data: new Float32Array(1) };

const cast = (from: string, to: string, code: number): OnnxNode => ({
  opType: "Cast",
  inputs: [from],
  outputs: [to],
  attributes: { to: intValue(code) },
});

/** Gives operands of a fixed type their type back. */
function castOperands(editor: GraphEditor, node: OnnxNode, kept: ReadonlySet<string>): void {
  const places = alwaysFloat32(node, editor.opset).filter((i) => {
    const name = node.inputs[i] ?? "";
    return name !== "" && !kept.has(name);
  });
  if (places.length === 0) return;
  const casts = places.map((i) => {
    const name = node.inputs[i];
    return { i, node: cast(name, editor.freshName(`${name}_float32`), FLOAT32) };
  });
  const inputs = node.inputs.map((name, i) => casts.find((own) => own.i === i)?.node.outputs[0] ?? name);
  editor.replace(node, ...casts.map((own) => own.node), { ...node, inputs });
}

/** Casts by way of float32: one to the type that a value has already would round nothing. */
function roundingCasts(editor: GraphEditor, from: string, to: string, name: string): readonly OnnxNode[] {
  const wide = editor.freshName(`${name}_wide`);
  return [cast(from, wide, FLOAT32), cast(wide, to, FLOAT16)];
}

/** @param isHalf whether they are of float16 already, which a Cast to float16 would not round */
function castInputs(editor: GraphEditor, names: readonly string[], { isHalf = false } = {}): void {
  const casts = names
    .filter((name) => editor.uses.isRead(name))
    .flatMap((name) => {
      const half = editor.freshName(`${name}_float16`);
      editor.rename(name, half);
      return isHalf ? roundingCasts(editor, name, half, name) : [cast(name, half, FLOAT16)];
    });
  const [first] = editor.nodes;
  if (first !== undefined && casts.length > 0) editor.replace(first, ...casts, first);
}

function castOutput(editor: GraphEditor, name: string): void {
  const maker = editor.uses.maker(name);
  if (maker === undefined) return;
  const half = editor.freshName(`${name}_float16`);
  const own = editor.rewire(maker, {
    outputs: maker.outputs.map((other) => (other === name ? half : other)),
  });
  editor.rename(name, half);
  editor.replace(own, own, cast(half, name, FLOAT32));
}

/**
 * A file of float16 in which its inputs and the result of every node are rounded, wherever it runs.
 *
 * @param floats names of the values that are floats; those before a Cast to float32 count, too
 */
export function roundedEverywhere(op: string, file: OnnxFile, floats: ReadonlySet<string>): OnnxFile {
  const editor = new GraphEditor(op, file);
  const isToFloat32 = (node: OnnxNode) => node.opType === "Cast" && int(node, "to", 0) === FLOAT32;
  const before = editor.nodes.filter(isToFloat32).flatMap(({ inputs }) => inputs);
  const rounded = new Set([...floats, ...before]);
  for (const node of editor.nodes) {
    if (node.opType === "Constant" || node.opType === "Cast") continue;
    const own = node.outputs.filter((name) => rounded.has(name));
    if (own.length === 0) continue;
    const raw = new Map(own.map((name) => [name, editor.freshName(`${name}_exact`)]));
    const renamed = editor.rewire(node, { outputs: node.outputs.map((name) => raw.get(name) ?? name) });
    const casts = [...raw].flatMap(([name, from]) => roundingCasts(editor, from, name, name));
    editor.replace(renamed, renamed, ...casts);
  }
  const isHalf = (name: string) => editor.input(name)?.dtype === "float16";
  castInputs(editor, editor.freeInputs.filter(isHalf), { isHalf: true });
  return editor.finish();
}
