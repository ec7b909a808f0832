// Norms of several nodes as one, which computes in float32 inside.
import { DataError, type Shape, type Tensor } from "isoloss";
import { float, int, type OnnxNode, type OnnxValueInfo } from "isoloss/internal";
import { GraphEditor } from "../model-file/edit/graph-editor.js";
import type { OnnxFile } from "../model-file/edit/onnx-file.js";
import { isStandard } from "../model-file/prepare/attributes.js";
import { raiseOperatorSet } from "../model-file/prepare/raise-operator-set.js";
import { layouts } from "../model-file/prepare/value-layout.js";

/** A norm over the last axis, x before it, and its last node. */
interface Norm {
  readonly isCentered: boolean;
  readonly x: string;
  /** Of its last axis. */
  readonly width: number;
  readonly epsilon: number;
  readonly last: OnnxNode;
  readonly gain: string | undefined;
  readonly bias: string | undefined;
}

/**
 * The file with a LayerNormalization, RMSNormalization (from operator set 23 on) or SimplifiedLayerNormalization (ONNX Runtime's)
 * in the place of each norm over the last axis that is several nodes; a norm without a gain stays where the file leaves the width open,
 * and one with a mean where the file cannot become one of operator set 17:
 *
 * (x - mean x) / sqrt(mean (x - mean x)^2 + epsilon), or x / sqrt(mean x^2 + epsilon), by a gain, and with a bias, where stored
 *
 * @param values of the file, by name, which have their shapes
 * @returns undefined where there is none; `fused` are the results of the new nodes
 */
export function fuseNorms(
  op: string,
  file: OnnxFile,
  values: ReadonlyMap<string, Tensor>,
): { readonly file: OnnxFile; readonly fused: readonly string[] } | undefined {
  let editor = new GraphEditor(op, file);
  if (editor.nodes.some((node) => normAt(editor, node, values)?.isCentered) && editor.opset < 17) {
    try {
      raiseOperatorSet(op, editor, 17);
    } catch (cause) {
      if (!(cause instanceof DataError)) throw cause;
      // Without the nodes that were raised before the one that cannot be.
      editor = new GraphEditor(op, file);
    }
  }
  const fused = editor.nodes.flatMap((node): readonly string[] => {
    const norm = normAt(editor, node, values);
    if (norm === undefined || (norm.isCentered && editor.opset < 17)) return [];
    const { isCentered, x, width, epsilon, last, bias } = norm;
    const ones = () =>
      editor.add(`${x}_ones`, { dtype: "float32", shape: [width], data: new Float64Array(width).fill(1) });
    const opType = isCentered
      ? "LayerNormalization"
      : editor.opset < 23
        ? "SimplifiedLayerNormalization"
        : "RMSNormalization";
    const inputs = [x, norm.gain ?? ones(), ...(bias === undefined ? [] : [bias])];
    const attributes = { axis: int(-1), epsilon: float(epsilon) };
    editor.replace(last, { opType, inputs, outputs: last.outputs, attributes });
    return last.outputs;
  });
  if (fused.length === 0) return undefined;
  const wereRead = new Set(file.model.graph.nodes.flatMap(({ inputs }) => inputs));
  for (const node of [...editor.nodes].reverse()) {
    const isRead = node.outputs.some((name) => editor.uses.isRead(name) || editor.isOutput(name));
    if (!isRead && node.outputs.some((name) => wereRead.has(name))) editor.replace(node);
  }
  return { file: editor.finish(), fused };
}

/** The norm whose division, or product with an inverse, is a node. */
function normAt(editor: GraphEditor, node: OnnxNode, values: ReadonlyMap<string, Tensor>): Norm | undefined {
  const maker = (name: string | undefined, ...types: readonly string[]): OnnxNode | undefined => {
    const own = name === undefined ? undefined : editor.uses.maker(name);
    return own !== undefined && isStandard(own) && types.includes(own.opType) ? own : undefined;
  };
  const number = (name: string | undefined): number | undefined => {
    const own = name === undefined ? undefined : editor.floats(name);
    return own?.data.length === 1 ? own.data[0] : undefined;
  };
  const shapeOf = (name: string) =>
    editor.floatType(name)?.shape ?? values.get(name)?.shape ?? editor.input(name)?.shape;
  /** What a mean over the last axis alone is of. */
  const meanOf = (name: string | undefined): string | undefined => {
    const own = maker(name, "ReduceMean");
    if (own === undefined) return undefined;
    const { axes, keepdims } = own.attributes;
    if (keepdims?.kind === "int" && keepdims.value === 0) return undefined;
    const list =
      axes?.kind === "ints" ? axes.value : Array.from(editor.tensor(own.inputs[1] ?? "")?.data ?? [], Number);
    const rank = shapeOf(own.inputs[0])?.length ?? 0;
    return list.length === 1 && (list[0] === -1 || list[0] === rank - 1) ? own.inputs[0] : undefined;
  };
  const rootOf = (): readonly [centered: string, variance: string] | undefined => {
    if (!isStandard(node)) return undefined;
    const rooted = (name: string) => maker(name, "Sqrt")?.inputs[0];
    const inverse = (name: string): string | undefined => {
      const own = maker(name, "Div", "Reciprocal");
      if (own?.opType === "Reciprocal") return rooted(own.inputs[0]);
      return own !== undefined && number(own.inputs[0]) === 1 ? rooted(own.inputs[1]) : undefined;
    };
    const places = node.opType === "Div" ? [1] : node.opType === "Mul" ? [1, 0] : [];
    for (const i of places) {
      const sum = node.opType === "Div" ? rooted(node.inputs[1]) : inverse(node.inputs[i]);
      if (sum !== undefined) return [node.inputs[1 - i], sum];
    }
    return undefined;
  };
  const root = rootOf();
  const sum = maker(root?.[1], "Add");
  if (root === undefined || sum === undefined) return undefined;
  const at = sum.inputs.findIndex((name) => number(name) !== undefined);
  const squares = meanOf(sum.inputs[1 - at]);
  const square = maker(squares, "Mul", "Pow");
  if (at === -1 || square === undefined) return undefined;
  const [base, other] = square.inputs;
  if (square.opType === "Mul" ? base !== other : number(other) !== 2) return undefined;
  // Some exporters subtract the mean twice.
  const centerOf = (name: string): string | undefined => {
    const own = maker(name, "Sub");
    return own !== undefined && meanOf(own.inputs[1]) === own.inputs[0] ? own.inputs[0] : undefined;
  };
  const [unit] = root;
  const x = centerOf(base);
  if (base !== unit && (x === undefined || centerOf(unit) !== x)) return undefined;
  const input = x ?? base;
  const width = shapeOf(input)?.at(-1);
  if (typeof width !== "number") return undefined;
  const along = (shape: Shape) => shape.length === 1 && shape[0] === width;
  /** The only reader of a value, where it has a stored vector beside it. */
  const behind = (from: OnnxNode, opType: string): readonly [node: OnnxNode, name: string] | undefined => {
    const [y] = from.outputs;
    const next = editor.soleReader(y);
    if (next?.opType !== opType || !isStandard(next)) return undefined;
    const name = next.inputs.find((own) => own !== y) ?? "";
    const type = editor.floatType(name);
    return type !== undefined && along(type.shape) ? [next, name] : undefined;
  };
  const gain = behind(node, "Mul");
  if (gain === undefined && !hasFixedWidth(editor, input, width, shapeOf)) return undefined;
  const bias = x === undefined || gain === undefined ? undefined : behind(gain[0], "Add");
  return {
    isCentered: x !== undefined,
    x: input,
    width,
    epsilon: number(sum.inputs[at]) as number,
    last: bias?.[0] ?? gain?.[0] ?? node,
    gain: gain?.[1],
    bias: bias?.[1],
  };
}

/** Whether the last axis of a value has the same size in every run, which is `width` in the traced one, of which `shapeOf` tells. */
function hasFixedWidth(
  editor: GraphEditor,
  value: string,
  width: number,
  shapeOf: (name: string) => OnnxValueInfo["shape"],
): boolean {
  const isFixed = (shape: OnnxValueInfo["shape"]) =>
    shape?.every((size) => typeof size === "number") ?? false;
  if (editor.freeInputs.every((input) => isFixed(editor.input(input)?.shape))) return true;
  // One number is added to any width.
  if (width === 1) return false;
  const layoutOf = layouts(editor);
  // A sum is as wide as its terms, a row as its table, and a product as its weight: one stored array fixes the width.
  const seen = new Set<string>();
  const pending = [value];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (seen.has(name) || shapeOf(name)?.at(-1) !== width) continue;
    seen.add(name);
    const own = layoutOf(name);
    const maker = editor.uses.maker(name);
    const isStored = editor.floatType(name) !== undefined;
    if (isStored || own?.axis === (own?.rank ?? 0) - 1) return true;
    if (typeof editor.input(name)?.shape?.at(-1) === "number") return true;
    if (maker === undefined || !isStandard(maker)) continue;
    const [first, second] = maker.inputs;
    if (["Add", "Sub", "Mul", "Div"].includes(maker.opType)) pending.push(first, second);
    const { axis } = maker.attributes;
    const isOfRows =
      maker.opType === "Gather" && (axis === undefined || (axis.kind === "int" && axis.value === 0));
    const table = isOfRows ? first : maker.opType === "MatMul" ? second : "";
    if ((shapeOf(table)?.length ?? 0) > 1) pending.push(table);
  }
  return false;
}
