import { type AttributeValue, dtypeOfCode, float as floatValue, type OnnxNode } from "isoloss/internal";
import { arrayOf } from "../../import/arrays.js";
import { canHold, isFloatType } from "../edit/float-data.js";
import { type Floats, GraphEditor } from "../edit/graph-editor.js";
import { OnnxFile } from "../edit/onnx-file.js";
import { float, int, isStandard } from "./attributes.js";
import { isReason, type Reason } from "./linear-layer.js";
import { encoded, type Outcome, type Preparation, type PreparedFile, rowOf } from "./preparation.js";
import { channelShape, type LayoutOf, layouts } from "./value-layout.js";

/** What a node clamps, and to which numbers; undefined where there is no bound. */
interface Bounds {
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

/**
 * Makes the bounds of activations parameters with one number a channel, so that scalings of channels keep the function
 * exactly: relu6(s x) differs from s relu6(x), but min(relu(s x), s 6) is s min(relu(x), 6). With s in the
 * bound as well as in the layers, a network with ReLU6 has all the scalings that it would have with ReLU.
 *
 *     Clip(x, 0, c)  ->  Min(Relu(x), cap)           cap = c in float[1, C, 1, 1], or float[C] on a last axis
 *     Clip(x, a, c)  ->  Min(Max(x, floor), cap)
 *     Max(x, a)      ->  Max(x, floor)                and Min likewise
 *
 * The function stays the same to the last bit. Left are bounds that are computed, and values whose number of
 * channels is not known: it is followed up to the layer that makes them. `lowerBounds` is the way back.
 *
 * @param bytes the bytes of an `.onnx` file, its data inside, of operator set 8 or later
 * @returns the new file, and a row for each Clip, Max and Min with bounds
 * @throws DataError if the bytes are no ONNX model
 *
 * @example
 * const { bytes: lifted } = liftBounds(foldBatchNorm(before).bytes);
 * const { params } = fromOnnx(lifted); // with the bounds
 */
export const liftBounds = (bytes: Uint8Array): Preparation =>
  encoded(liftBoundsIn(OnnxFile.decode("liftBounds", bytes)));

/** The same of a file that is decoded. */
export function liftBoundsIn(file: OnnxFile): PreparedFile {
  const editor = new GraphEditor("liftBounds", file);
  storeCastBounds(editor);
  const layoutOf = layouts(editor);
  const bounded = editor.nodes.filter((node) => isStandard(node) && isBound(editor, node));
  const report = bounded.map((node) => rowOf(node, lift(editor, layoutOf, node)));
  return { file: editor.finish(), report };
}

function lift(editor: GraphEditor, layoutOf: LayoutOf, node: OnnxNode): Outcome {
  if (editor.opset < 8) return { reason: "Min and Max broadcast from operator set 8 on only" };
  const bounds = boundsOf(editor, node);
  if (isReason(bounds)) return bounds;
  const { x, low, high } = bounds;
  if (low === undefined && high === undefined) return { reason: "it has no bounds" };
  const layout = layoutOf(x);
  if (layout === undefined) return { reason: `the number of channels of ${x} is not known` };
  if (!isFloatType(layout.dtype)) return { reason: `${x} holds no floats` };
  const [output] = node.outputs;
  const { dtype, channels } = layout;
  const addBound = (what: string, value: number): string => {
    const data = new Float64Array(channels).fill(value);
    return editor.add(`${output}_${what}`, { dtype, shape: channelShape(layout), data });
  };
  const steps: (readonly [opType: string, ...bound: readonly string[]])[] = [];
  if (low === 0) steps.push(["Relu"]);
  else if (low !== undefined) steps.push(["Max", addBound("floor", low)]);
  if (high !== undefined) steps.push(["Min", addBound("cap", high)]);
  let value = x;
  const nodes = steps.map(([opType, ...bound], i): OnnxNode => {
    const isLast = i === steps.length - 1;
    const inputs = [value, ...bound];
    value = isLast ? output : editor.freshName(`${output}_${opType.toLowerCase()}`);
    const named = isLast && node.name ? { name: node.name } : {};
    return { opType, inputs, outputs: [value], attributes: {}, ...named };
  });
  editor.replace(node, ...nodes);
  const text = steps.map(([opType]) => opType).join(" and ");
  return { note: `${text} with bounds of ${channels} channels` };
}

/** Largest difference of bounds that count as equal, relative to them: a rounding of float32. */
const TOLERANCE = 1e-6;

/**
 * Makes one number of the bounds of all channels where they agree: the way back from `liftBounds`, for runtimes that
 * are fast at Clip and for quantizers that know it.
 *
 *     Min(Relu(x), cap)        ->  Clip(x, 0, c)
 *     Min(Max(x, floor), cap)  ->  Clip(x, a, c)
 *     Min(x, cap)              ->  Min(x, c)          and Max likewise
 *
 * Bounds agree if they differ by at most 1e-6 of themselves, which changes the function as little. Bounds that differ
 * are left.
 *
 * @param bytes the bytes of an `.onnx` file, its data inside
 * @returns the new file, and a row for each Min and Max with stored bounds
 * @throws DataError if the bytes are no ONNX model
 *
 * @example
 * const { bytes: lowered } = lowerBounds(liftBounds(before).bytes); // as before
 */
export function lowerBounds(bytes: Uint8Array): Preparation {
  const editor = new GraphEditor("lowerBounds", OnnxFile.decode("lowerBounds", bytes));
  const layoutOf = layouts(editor);
  const report = [];
  // Each Min first: it may take a Max before it along.
  for (const opType of ["Min", "Max"]) {
    for (const node of editor.nodes.filter((own) => own.opType === opType)) {
      const bound = storedBound(editor, node);
      if (bound !== undefined) report.push(rowOf(node, lower(editor, layoutOf, node, bound)));
    }
  }
  return { bytes: editor.finish().bytes, report };
}

/** A number in the digits that float32 has. */
const shown = (value: number): string => `${Number(value.toPrecision(7))}`;

/** What a Min or Max bounds, and its bounds by channel. */
interface StoredBound {
  readonly x: string;
  readonly floats: Floats;
}

function storedBound(editor: GraphEditor, node: OnnxNode): StoredBound | undefined {
  if (!isStandard(node) || node.inputs.length !== 2) return undefined;
  const k = node.inputs.findIndex((name) => editor.floatType(name) !== undefined);
  const floats = editor.floats(node.inputs[k] ?? "");
  const x = node.inputs[1 - k];
  const isNumber = floats === undefined || floats.shape.length === 0;
  return isNumber || editor.floatType(x) !== undefined ? undefined : { x, floats };
}

function lower(editor: GraphEditor, layoutOf: LayoutOf, node: OnnxNode, { x, floats }: StoredBound): Outcome {
  if (!isOfChannels(layoutOf, x, floats)) return { reason: `${x} is not known to have the bounds' channels` };
  const value = agreed(floats);
  if (value === undefined) {
    return {
      reason: `its bounds differ, from ${shown(Math.min(...floats.data))} to ${shown(Math.max(...floats.data))}`,
    };
  }
  const inner = node.opType === "Min" ? innerBound(editor, layoutOf, x) : undefined;
  if (inner === undefined) {
    const number = scalar(editor, node.outputs[0], value, floats);
    editor.rewire(node, { inputs: node.inputs.map((name) => (name === x ? x : number)) });
    return { note: `one bound, ${shown(value)}` };
  }
  editor.replace(inner.node);
  const clip = clipNode(editor, node, inner.x, [inner.low, value], floats);
  editor.replace(node, clip);
  return { note: `Clip between ${shown(inner.low)} and ${shown(value)}` };
}

/** Whether bounds have one number, or one for each channel of a value. */
function isOfChannels(layoutOf: LayoutOf, x: string, { shape }: Floats): boolean {
  const layout = layoutOf(x);
  if (layout === undefined || shape.length > layout.rank) return false;
  const axis = layout.axis - layout.rank + shape.length;
  return shape.every((n, d) => n === 1 || (d === axis && n === layout.channels));
}

/** The number that all bounds are; undefined if they differ. */
function agreed({ data }: Floats): number | undefined {
  const [first] = data;
  return data.every((bound) => Math.abs(bound - first) <= TOLERANCE * Math.abs(first)) ? first : undefined;
}

/** The Relu or Max that a value is the result of, if nothing else reads it and its bounds agree. */
function innerBound(
  editor: GraphEditor,
  layoutOf: LayoutOf,
  value: string,
): { readonly node: OnnxNode; readonly x: string; readonly low: number } | undefined {
  const node = editor.uses.maker(value);
  if (node === undefined || !isStandard(node) || !editor.isUsedOnce(value)) return undefined;
  if (node.opType === "Relu") return { node, x: node.inputs[0], low: 0 };
  const bound = node.opType === "Max" ? storedBound(editor, node) : undefined;
  if (bound === undefined || !isOfChannels(layoutOf, bound.x, bound.floats)) return undefined;
  const low = agreed(bound.floats);
  return low === undefined ? undefined : { node, x: bound.x, low };
}

const scalar = (editor: GraphEditor, output: string, value: number, { dtype }: Floats): string =>
  editor.add(`${output}_bound`, { dtype, shape: [], data: Float64Array.of(value) });

function clipNode(
  editor: GraphEditor,
  { name, outputs }: OnnxNode,
  x: string,
  [low, high]: readonly [number, number],
  floats: Floats,
): OnnxNode {
  const named = name ? { name } : {};
  if (editor.opset < 11) {
    const attributes: Record<string, AttributeValue> = { min: floatValue(low), max: floatValue(high) };
    return { ...named, opType: "Clip", inputs: [x], outputs, attributes };
  }
  const bounds = [low, high].map((value) => scalar(editor, outputs[0], value, floats));
  return { ...named, opType: "Clip", inputs: [x, ...bounds], outputs, attributes: {} };
}
