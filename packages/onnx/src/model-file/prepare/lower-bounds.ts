import { type AttributeValue, float, type OnnxNode } from "isoloss/internal";
import { type Floats, GraphEditor } from "../edit/graph-editor.js";
import { OnnxFile } from "../edit/onnx-file.js";
import { isStandard } from "./attributes.js";
import { isReason, type Reason } from "./linear-layer.js";
import { changedRow, leftRow, type Preparation } from "./preparation.js";
import { type LayoutOf, layouts } from "./value-layout.js";

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
      if (bound === undefined) continue;
      const result = lower(editor, layoutOf, node, bound);
      report.push(isReason(result) ? leftRow(node, result.reason) : changedRow(node, result.note));
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

function lower(
  editor: GraphEditor,
  layoutOf: LayoutOf,
  node: OnnxNode,
  { x, floats }: StoredBound,
): { readonly note: string } | Reason {
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
    const attributes: Record<string, AttributeValue> = { min: float(low), max: float(high) };
    return { ...named, opType: "Clip", inputs: [x], outputs, attributes };
  }
  const bounds = [low, high].map((value) => scalar(editor, outputs[0], value, floats));
  return { ...named, opType: "Clip", inputs: [x, ...bounds], outputs, attributes: {} };
}
