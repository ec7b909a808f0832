// Units removed from a file, and checked against the file with their weights at zero.
import { DataError, IsolossError, type NdArray, ShapeError } from "isoloss";
import {
  type Cuts,
  cutsOf,
  int as intValue,
  isUncuttable,
  type OnnxNode,
  type OnnxTensor,
  tensor,
  type Uncuttable,
  type UnitCut,
  withoutCuts,
  zeroedCuts,
} from "isoloss/internal";
import type { UnitSpace } from "isoloss/symmetry";
import { sameFiles } from "../model-file/compare/same-function.js";
import { floatsOf } from "../model-file/edit/float-data.js";
import { GraphEditor } from "../model-file/edit/graph-editor.js";
import type { OnnxFile } from "../model-file/edit/onnx-file.js";
import { replaceTensors } from "../model-file/edit/replace-tensors.js";
import { withParamsIn } from "../model-file/edit/with-params.js";
import { int } from "../model-file/prepare/attributes.js";

/** A file, and how it is checked without some units. */
export interface RemovalCheck {
  /** Names the function in errors. */
  readonly op: string;
  readonly file: OnnxFile;
  readonly params: Readonly<Record<string, NdArray>>;
  readonly fileNames: ReadonlyMap<string, string>;
  readonly sizes: Readonly<Record<string, number>>;
  readonly tolerance: number;
}

/** The cuts after which the file computes what it does with zeros; reasons are noted for the others. */
export async function passing<S extends UnitSpace>(
  check: RemovalCheck,
  cuts: readonly UnitCut<S>[],
  reasons: Map<S, string>,
): Promise<readonly UnitCut<S>[]> {
  if (cuts.length === 0) return [];
  const reason = await smaller(check, cuts);
  if (typeof reason !== "string") return cuts;
  if (cuts.length === 1) {
    reasons.set(cuts[0].space, reason);
    return [];
  }
  const half = Math.ceil(cuts.length / 2);
  const first = await passing(check, cuts.slice(0, half), reasons);
  const second = await passing(check, cuts.slice(half), reasons);
  const both = [...first, ...second];
  if (first.length === 0 || second.length === 0) return both;
  if (typeof (await smaller(check, both)) !== "string") return both;
  for (const { space } of second) reasons.set(space, `it cannot go together with other groups: ${reason}`);
  return first;
}

/** The smaller file, or why it is not the same as the old one with zeros. */
export async function smaller(
  { op, file, params, fileNames, sizes, tolerance }: RemovalCheck,
  cuts: readonly UnitCut<UnitSpace>[],
): Promise<OnnxFile | string> {
  const byParameter = cutsOf(params, cuts);
  const byTensor = new Map([...byParameter].map(([name, own]) => [fileNames.get(name) ?? name, own]));
  const after = smallerFile(op, file, byTensor);
  if (isUncuttable(after)) return after.reason;
  const zeroed = Object.fromEntries(
    [...byParameter].map(([name, own]) => [name, zeroedCuts(params[name], own)]),
  );
  try {
    const { isSame, largest } = await sameFiles(withParamsIn(file, zeroed), after, {
      sizes,
      tolerance,
      examples: 2,
    });
    return isSame
      ? after
      : `the model uses the number of its units: without them it differs by ${largest.toPrecision(2)} from the model with their weights at zero`;
  } catch (cause) {
    if (!(cause instanceof IsolossError)) throw cause;
    // With zeros in the place of the units the file runs.
    const isFixed = cause instanceof ShapeError || cause instanceof DataError;
    return `${isFixed ? "the file fixes the number of its units" : "the smaller model cannot be checked"}: ${cause.message}`;
  }
}

// A model file without some units: smaller tensors, and the attributes of nodes that say how many channels there are.

/** Cuts of stored tensors, by their names in the file. */
type FileCuts = ReadonlyMap<string, Cuts>;

/** Operators with an attribute of the size of their state, which is that of the last axis of their third operand. */
const recurrent = new Set(["GRU", "LSTM", "RNN"]);

const countKept = (gone: Uint8Array): number => gone.length - gone.reduce((sum, g) => sum + g, 0);

function setInt(editor: GraphEditor, node: OnnxNode, name: string, value: number): void {
  editor.replace(node, { ...node, attributes: { ...node.attributes, [name]: intValue(value) } });
}

/** The file without what is cut, or why a node does not allow it. */
function smallerFile(op: string, file: OnnxFile, cuts: FileCuts): OnnxFile | Uncuttable {
  const editor = new GraphEditor(op, file);
  // The branches of an If must all fit, those that are never taken, too.
  const captured = [...cuts.keys()].find((name) => editor.uses.isCaptured(name));
  if (captured !== undefined) return { reason: `"${captured}" is used in a graph inside a node` };
  const changed: OnnxTensor[] = [...cuts].map(([name, own]) => smallerTensor(editor, name, own));
  for (const node of editor.nodes) {
    const group = groupsLeft(editor, node, cuts);
    if (typeof group === "object") return group;
    if (group !== int(node, "group", 1)) setInt(editor, node, "group", group);
    const states = cuts.get(node.inputs[2] ?? "")?.get(2);
    if (recurrent.has(node.opType) && states !== undefined) {
      setInt(editor, node, "hidden_size", countKept(states));
    }
    if (node.opType === "Reshape") changed.push(...fittingShape(editor, node, cuts));
  }
  const tensors = new Map<string, OnnxTensor>();
  for (const own of changed) {
    const maker = editor.uses.maker(own.name);
    if (maker === undefined) tensors.set(own.name, own);
    else editor.replace(maker, { ...maker, attributes: { value: tensor({ ...own, name: "" }) } });
  }
  return replaceTensors(editor.finish(), { tensors });
}

function smallerTensor(editor: GraphEditor, name: string, cuts: Cuts): OnnxTensor {
  const floats = editor.floats(name);
  if (floats === undefined) throw new Error(`The tensor ${name} has no floats.`);
  const { shape, data } = withoutCuts(floats, cuts);
  return {
    name,
    dtype: floats.dtype,
    shape,
    data: floatsOf({ shape, data }, floats.dtype, `The tensor "${name}"`),
  };
}

/** The number of groups that a convolution has after its weight is cut. */
function groupsLeft(editor: GraphEditor, node: OnnxNode, cuts: FileCuts): number | Uncuttable {
  const group = int(node, "group", 1);
  if (group === 1 || (node.opType !== "Conv" && node.opType !== "ConvTranspose")) return group;
  const own = cuts.get(node.inputs[1]);
  const shape = editor.floatType(node.inputs[1])?.shape;
  if (own === undefined || shape === undefined) return group;
  const refused = {
    reason: `the convolution ${node.name || node.outputs[0]} has ${group} groups of channels`,
  };
  const [gone, others] = [own.get(0), own.get(1)];
  // Channels inside a group are not those of the others.
  if (gone === undefined || others !== undefined || shape[0] % group !== 0) return refused;
  const each = shape[0] / group;
  let left = 0;
  for (let g = 0; g < group; g++) {
    const count = gone.subarray(g * each, (g + 1) * each).reduce((a, b) => a + b, 0);
    if (count !== 0 && count !== each) return refused;
    if (count === 0) left++;
  }
  return left;
}

/** The shape of a Reshape before a linear layer, with as many columns as the layer's cut weight takes. */
function fittingShape(editor: GraphEditor, node: OnnxNode, cuts: FileCuts): OnnxTensor[] {
  const [, name = ""] = node.inputs;
  const stored = editor.tensor(name);
  if (!(stored?.data instanceof BigInt64Array) || !editor.isUsedOnce(name)) return [];
  const columns = stored.data[stored.data.length - 1];
  for (const reader of editor.uses.readers(node.outputs[0])) {
    const [, weight = ""] = reader.inputs;
    const rank = editor.floatType(weight)?.shape.length;
    if (!["Gemm", "MatMul"].includes(reader.opType) || rank === undefined) continue;
    const gone = cuts.get(weight)?.get(int(reader, "transB", 0) === 1 ? 1 : rank - 2);
    if (gone === undefined || BigInt(gone.length) !== columns) continue;
    const data = stored.data.slice();
    data[data.length - 1] = BigInt(countKept(gone));
    return [{ ...stored, name, data }];
  }
  return [];
}
