import { DataError } from "isoloss";
import { type AttributeValue, graphsIn, int, type OnnxNode, type OnnxTensor, string } from "isoloss/internal";
import { floatsOf } from "../edit/float-data.js";
import type { GraphEditor } from "../edit/graph-editor.js";
import { int as intOf, isStandard, string as stringOf } from "./attributes.js";
import { isReason, type Reason } from "./linear-layer.js";
import { layouts } from "./value-layout.js";

// What changed between the operator sets 7 and 21: ONNX, docs/Changelog.md.

/** A change of an operator: the operator set that came with it, and the newer form of an older node, or why it cannot have it. */
type OperatorChange = readonly [
  version: number,
  change: (node: OnnxNode, editor: GraphEditor) => OnnxNode | Reason,
];

const without = (node: OnnxNode, ...names: readonly string[]): OnnxNode => ({
  ...node,
  attributes: Object.fromEntries(Object.entries(node.attributes).filter(([name]) => !names.includes(name))),
});

const withAttributes = (node: OnnxNode, attributes: OnnxNode["attributes"]): OnnxNode => ({
  ...node,
  attributes: { ...node.attributes, ...attributes },
});

/** An operator whose attributes became operands, after its first; those left out at the end go. */
const moved = (version: number, names: readonly string[]): OperatorChange => [
  version,
  (node, editor) => {
    if (!names.some((name) => Object.hasOwn(node.attributes, name))) return node;
    const operands: string[] = [];
    for (const name of names) {
      const value = node.attributes[name];
      const tensor = value === undefined ? undefined : tensorOf(value, node, editor);
      if (value !== undefined && tensor === undefined) return { reason: `its ${name} is of an unknown kind` };
      operands.push(tensor === undefined ? "" : editor.addTensor(`${node.outputs[0]}_${name}`, tensor));
    }
    while (operands.at(-1) === "") operands.pop();
    return { ...without(node, ...names), inputs: [...node.inputs.slice(0, 1), ...operands] };
  },
];

function tensorOf(
  attribute: AttributeValue,
  node: OnnxNode,
  editor: GraphEditor,
): Omit<OnnxTensor, "name"> | undefined {
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
    case "float": {
      // A bound or a value of a pad, of the operand's type.
      const dtype = layouts(editor)(node.inputs[0])?.dtype ?? "float32";
      const value = { shape: [], data: Float64Array.of(attribute.value) };
      return { dtype, shape: [], data: floatsOf(value, dtype, `The operand of ${node.opType}`) };
    }
    default:
      return undefined;
  }
}

const refused = (version: number, reason: string): OperatorChange => [version, () => ({ reason })];

const renamed = (version: number, opType: string): OperatorChange => [
  version,
  (node) => ({ ...node, opType }),
];

/**
 * Before operator set 13 a softmax was one over all axes from `axis` on, taken together; the default was 1. The newer
 * one is over one axis: where they are not known to be the same, the operand becomes a matrix.
 */
const softmax: OperatorChange = [
  13,
  (node, editor) => {
    const axis = intOf(node, "axis", 1);
    const [x] = node.inputs;
    const own = withAttributes(node, { axis: int(-1) });
    if (axis === -1 || axis + 1 === layouts(editor)(x)?.rank) return own;
    const [y] = node.outputs;
    const [shape, rows, result] = ["shape", "rows", "matrix"].map((name) => editor.freshName(`${y}_${name}`));
    editor.replace(
      node,
      { opType: "Shape", inputs: [x], outputs: [shape], attributes: {} },
      { opType: "Flatten", inputs: [x], outputs: [rows], attributes: { axis: int(axis) } },
      node,
      { opType: "Reshape", inputs: [result, shape], outputs: [y], attributes: {} },
    );
    return { ...own, inputs: [rows], outputs: [result] };
  },
];

/**
 * Places of the operand are those of the result over a factor: rounded up on an axis that shrinks, else down.
 *
 * @param isLarger whether no axis shrinks
 */
const resize = (isLarger: boolean): OperatorChange => [
  11,
  (node, editor) => {
    const [x, scales] = node.inputs;
    const factors = editor.floats(scales)?.data;
    const isNearest = stringOf(node, "mode", "nearest") === "nearest";
    // Places over a power of 2 are whole: nothing is rounded.
    const isDown =
      isLarger ||
      !isNearest ||
      factors?.every((factor) => factor >= 1 || Number.isInteger(Math.log2(factor)));
    if (!isDown && !factors?.every((factor) => factor <= 1))
      return { reason: "its scales are unknown, or enlarge one axis and shrink another" };
    const places = {
      coordinate_transformation_mode: string("asymmetric"),
      nearest_mode: string(isDown ? "floor" : "ceil"),
    };
    return { ...withAttributes(node, places), inputs: [x, "", scales] };
  },
];

const batchNorm: OperatorChange = [
  9,
  (node) =>
    intOf(node, "spatial", 1) === 1
      ? without(node, "spatial")
      : { reason: "it normalizes every place by itself" },
];

const splitOutputs: OperatorChange = [
  18,
  (node) => (node.inputs[1] ? node : withAttributes(node, { num_outputs: int(node.outputs.length) })),
];

/** A mask is of floats before set 10; before 12 ONNX Runtime fills it with false, since then with true. */
const dropout: OperatorChange = [
  12,
  (node) => (node.outputs[1] ? { reason: "its mask changed" } : without(node, "ratio")),
];

const gridModes: Readonly<Record<string, string>> = { bilinear: "linear", bicubic: "cubic" };

const gridSample: OperatorChange = [
  20,
  (node) => {
    const old = stringOf(node, "mode", "bilinear");
    return withAttributes(node, { mode: string(gridModes[old] ?? old) });
  },
];

/** Boxes are half a place off by the newer default. */
const roiAlign: OperatorChange = [
  16,
  (node) => ({
    ...node,
    attributes: { coordinate_transformation_mode: string("output_half_pixel"), ...node.attributes },
  }),
];

const reductions = ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare"];

/** By operator, in the order of the sets. */
const changes: ReadonlyMap<string, readonly OperatorChange[]> = new Map([
  ["BatchNormalization", [batchNorm]],
  ["Clip", [moved(11, ["min", "max"])]],
  ["DFT", [refused(20, "its axis became an operand")]],
  ["Dropout", [dropout]],
  ["GridSample", [gridSample]],
  ["GroupNormalization", [refused(21, "its scales became those of channels")]],
  ["Hardmax", [softmax]],
  ["LogSoftmax", [softmax]],
  ["Pad", [moved(11, ["pads", "value"])]],
  ...reductions.map((name): [string, OperatorChange[]] => [`Reduce${name}`, [moved(18, ["axes"])]]),
  ["ReduceSum", [moved(13, ["axes"])]],
  ["Resize", [resize(false)]],
  ["RoiAlign", [roiAlign]],
  ["Scatter", [renamed(11, "ScatterElements")]],
  ["Slice", [moved(10, ["starts", "ends", "axes"])]],
  ["Softmax", [softmax]],
  ["Split", [moved(13, ["split"]), splitOutputs]],
  ["Squeeze", [moved(13, ["axes"])]],
  ["TopK", [moved(10, ["k"])]],
  ["Unsqueeze", [moved(13, ["axes"])]],
  ["Upsample", [moved(9, ["scales"]), renamed(10, "Resize"), resize(true)]],
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
  for (const [version, change] of changes.get(node.opType) ?? []) {
    if (version <= editor.opset || version > opset) continue;
    const newer = change(own, editor);
    if (isReason(newer)) return newer.reason;
    if (newer !== own) editor.replace(own, newer);
    own = newer;
  }
  return undefined;
}

const refusal = (op: string, { opset: before }: GraphEditor, opset: number, why: string): DataError =>
  new DataError(
    `${op}: the file is of operator set ${before}; ${opset} is needed, and ${why}. Convert it first: onnx.version_converter.convert_version(model, ${opset}).`,
  );
