import { dtypeOfCode, type OnnxNode } from "isoloss/internal";
import { arrayOf } from "../../import/arrays.js";
import { canHold, isFloatType } from "../edit/float-data.js";
import type { GraphEditor } from "../edit/graph-editor.js";
import { float, int, isStandard } from "./attributes.js";
import type { Reason } from "./linear-layer.js";

/** What a node clamps, and to which numbers; undefined where there is no bound. */
export interface Bounds {
  readonly x: string;
  readonly low: number | undefined;
  readonly high: number | undefined;
}

/** The largest float32: an attribute of Clip before operator set 11 that stands for no bound. */
const UNBOUNDED = 3.4e38;

/** Stores the single numbers that Casts of stored ones make for Clip, Max and Min: so PyTorch exports the bounds of ReLU6. */
export function storeCastBounds(editor: GraphEditor): void {
  const bounding = editor.nodes.filter(({ opType }) => ["Clip", "Max", "Min"].includes(opType));
  for (const name of new Set(bounding.flatMap(({ inputs }) => inputs))) {
    const cast = editor.uses.maker(name);
    const stored = cast?.opType === "Cast" && isStandard(cast) ? editor.tensor(cast.inputs[0]) : undefined;
    if (cast === undefined || stored?.data.length !== 1) continue;
    if (editor.isOutput(name) || editor.uses.isCaptured(name)) continue;
    const dtype = dtypeOfCode(int(cast, "to", 0), `The Cast "${name}"`);
    const { shape, data } = arrayOf(stored, "float64");
    const number = Float64Array.of(Number(data[0]));
    if (!isFloatType(dtype) || !canHold(dtype, number)) continue;
    editor.replace(cast);
    editor.rename(name, editor.add(`${name}_stored`, { dtype, shape, data: number }));
  }
}

/** Whether a node clamps a value between numbers: a Clip, or a Max or Min of a value and one number. */
export function isBound(editor: GraphEditor, { opType, inputs }: OnnxNode): boolean {
  if (opType === "Clip") return true;
  if (opType !== "Max" && opType !== "Min") return false;
  const sizes = inputs.map((name) => editor.floats(name)?.data.length);
  return inputs.length === 2 && sizes.includes(1) && sizes.includes(undefined);
}

export function boundsOf(editor: GraphEditor, node: OnnxNode): Bounds | Reason {
  const { opType, inputs } = node;
  if (opType === "Clip") return clipBounds(editor, node);
  const k = inputs.findIndex((name) => editor.floats(name) !== undefined);
  const stored = editor.floats(inputs[k]);
  const value = finite(stored?.data[0]);
  const [low, high] = opType === "Max" ? [value, undefined] : [undefined, value];
  return { x: inputs[1 - k], low, high };
}

function clipBounds(editor: GraphEditor, node: OnnxNode): Bounds | Reason {
  const [x, ...operands] = node.inputs;
  if (editor.opset < 11) {
    const [low, high] = [float(node, "min", -Infinity), float(node, "max", Infinity)];
    return { x, low: finite(low), high: finite(high) };
  }
  const stored = operands.map((name) => (name === "" ? undefined : editor.floats(name)));
  const unknown = operands.find((name, i) => name !== "" && stored[i]?.data.length !== 1);
  if (unknown !== undefined) return { reason: `its bound ${unknown} is no stored number` };
  const [low, high] = [0, 1].map((i) => finite(stored[i]?.data[0]));
  return { x, low, high };
}

const finite = (bound: number | undefined): number | undefined =>
  bound === undefined || !(Math.abs(bound) < UNBOUNDED) ? undefined : bound;
