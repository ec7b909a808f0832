// What changed between the operator sets 7 and 21: ONNX, docs/Changelog.md.
import { int, type OnnxNode, string } from "isoloss/internal";
import type { GraphEditor } from "../../edit/graph-editor.js";
import { int as intOf } from "../attributes.js";
import type { Reason } from "../linear-layer.js";
import { softmaxOfLastAxis } from "./softmax.js";
import { toOperands } from "./to-operands.js";

/** A change of an operator that older nodes must follow. */
export interface OperatorChange {
  /** The operator set that came with it. */
  readonly version: number;
  /** Puts a node in the newer form in the place of an older one, or says why it cannot. */
  readonly change: (editor: GraphEditor, node: OnnxNode) => OnnxNode | Reason;
}

/** An operator whose attributes became operands, after some others. */
const moved = (version: number, names: readonly string[], first = 1): readonly OperatorChange[] => [
  { version, change: (editor, node) => toOperands(editor, node, names, first) },
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
export const changes: ReadonlyMap<string, readonly OperatorChange[]> = new Map([
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
