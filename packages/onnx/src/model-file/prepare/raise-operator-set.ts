import { DataError } from "isoloss";
import { type AttributeValue, graphsIn, int, type OnnxNode, type OnnxTensor, string } from "isoloss/internal";
import type { GraphEditor } from "../edit/graph-editor.js";
import { int as intOf, isStandard } from "./attributes.js";
import { isReason, type Reason } from "./linear-layer.js";
import { layouts } from "./value-layout.js";

/** Puts a node in the place of one whose attributes are its operands behind the first; those left out at the end go. */
function toOperands(editor: GraphEditor, node: OnnxNode, names: readonly string[]): OnnxNode | Reason {
  if (!names.some((name) => Object.hasOwn(node.attributes, name))) return node;
  const operands: string[] = [];
  for (const name of names) {
    const value = node.attributes[name];
    const tensor = value === undefined ? undefined : tensorOf(value);
    if (value !== undefined && tensor === undefined) return { reason: `its ${name} is of an unknown kind` };
    operands.push(tensor === undefined ? "" : editor.addTensor(`${node.outputs[0]}_${name}`, tensor));
  }
  while (operands.at(-1) === "") operands.pop();
  const attributes = Object.fromEntries(
    Object.entries(node.attributes).filter(([name]) => !names.includes(name)),
  );
  const own = {
    ...node,
    inputs: [...node.inputs.slice(0, 1), ...operands],
    attributes,
  };
  editor.replace(node, own);
  return own;
}

function tensorOf(attribute: AttributeValue): Omit<OnnxTensor, "name"> | undefined {
  switch (attribute.kind) {
    case "ints":
      return {
        dtype: "int64",
        shape: [attribute.value.length],
        data: BigInt64Array.from(attribute.value, BigInt),
      };
    case "int":
      return { dtype: "int64", shape: [1], data: BigInt64Array.of(BigInt(attribute.value)) };
    case "floats":
      return { dtype: "float32", shape: [attribute.value.length], data: Float32Array.from(attribute.value) };
    case "float":
      return { dtype: "float32", shape: [], data: Float32Array.of(attribute.value) };
    default:
      return undefined;
  }
}

/**
 * Before operator set 13 a softmax was one over all axes from `axis` on, taken together; the default was 1. The newer
 * one is over one axis: where they are not known to be the same, the operand becomes a matrix.
 */
function softmaxOfLastAxis(editor: GraphEditor, node: OnnxNode): OnnxNode {
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

// What changed between the operator sets 7 and 21: ONNX, docs/Changelog.md.

/** A change of an operator that older nodes must follow. */
interface OperatorChange {
  /** The operator set that came with it. */
  readonly version: number;
  /** Puts a node in the newer form in the place of an older one, or says why it cannot. */
  readonly change: (editor: GraphEditor, node: OnnxNode) => OnnxNode | Reason;
}

/** An operator whose attributes became operands, after its first. */
const moved = (version: number, names: readonly string[]): readonly OperatorChange[] => [
  { version, change: (editor, node) => toOperands(editor, node, names) },
];

const refused = (version: number, reason: string): readonly OperatorChange[] => [
  { version, change: () => ({ reason }) },
];

const edited = (version: number, edit: (node: OnnxNode) => OnnxNode): OperatorChange => ({
  version,
  change: (editor, node) => {
    const own = edit(node);
    if (own !== node) editor.replace(node, own);
    return own;
  },
});

/** Places of the result are those of the operand times a factor, rounded down. */
const asymmetric = edited(11, (node) => {
  const [x, scales] = node.inputs;
  const attributes = {
    ...node.attributes,
    coordinate_transformation_mode: string("asymmetric"),
    nearest_mode: string("floor"),
  };
  return { ...node, inputs: [x, "", scales], attributes };
});

const upsample: readonly OperatorChange[] = [
  ...moved(9, ["scales"]),
  edited(10, (node) => ({ ...node, opType: "Resize" })),
  asymmetric,
];

const without = (node: OnnxNode, name: string): OnnxNode => {
  const { [name]: _, ...attributes } = node.attributes;
  return { ...node, attributes };
};

const batchNorm: readonly OperatorChange[] = [
  {
    version: 9,
    change: (_, node) =>
      intOf(node, "spatial", 1) === 1 ? node : { reason: "it normalizes every place by itself" },
  },
  edited(9, (node) => without(node, "spatial")),
];

const split: readonly OperatorChange[] = [
  ...moved(13, ["split"]),
  edited(18, (node) =>
    node.inputs[1]
      ? node
      : { ...node, attributes: { ...node.attributes, num_outputs: int(node.outputs.length) } },
  ),
];

const dropout: readonly OperatorChange[] = [
  {
    version: 12,
    change: (_, node) => (node.outputs[1] ? { reason: "the type of its mask changed" } : node),
  },
  edited(12, (node) => without(node, "ratio")),
];

const gridModes: Readonly<Record<string, string>> = { bilinear: "linear", bicubic: "cubic" };

const gridSample = edited(20, (node) => {
  const { mode } = node.attributes;
  const old = mode?.kind === "string" ? mode.value : "bilinear";
  return { ...node, attributes: { ...node.attributes, mode: string(gridModes[old] ?? old) } };
});

/** Boxes are half a place off by the newer default. */
const roiAlign = edited(16, (node) => ({
  ...node,
  attributes: { coordinate_transformation_mode: string("output_half_pixel"), ...node.attributes },
}));

const reductions = ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare"];

/** By operator, in the order of the sets. */
const changes: ReadonlyMap<string, readonly OperatorChange[]> = new Map([
  ["BatchNormalization", batchNorm],
  ["Clip", moved(11, ["min", "max"])],
  ["DFT", refused(20, "its axis became an operand")],
  ["Dropout", dropout],
  ["GridSample", [gridSample]],
  ["GroupNormalization", refused(21, "its scales became those of channels")],
  ["Hardmax", [{ version: 13, change: softmaxOfLastAxis }]],
  ["LogSoftmax", [{ version: 13, change: softmaxOfLastAxis }]],
  ["Pad", moved(11, ["pads", "value"])],
  ...reductions.map((name): [string, readonly OperatorChange[]] => [`Reduce${name}`, moved(18, ["axes"])]),
  ["ReduceSum", moved(13, ["axes"])],
  ["Resize", [asymmetric]],
  ["RoiAlign", [roiAlign]],
  ["Scan", refused(9, "its sequences lost an axis")],
  ["Scatter", [edited(11, (node) => ({ ...node, opType: "ScatterElements" }))]],
  ["Slice", moved(10, ["starts", "ends", "axes"])],
  ["Softmax", [{ version: 13, change: softmaxOfLastAxis }]],
  ["Split", split],
  ["Squeeze", moved(13, ["axes"])],
  ["TopK", moved(10, ["k"])],
  ["Unsqueeze", moved(13, ["axes"])],
  ["Upsample", upsample],
]);

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
