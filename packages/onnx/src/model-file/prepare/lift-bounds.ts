import type { OnnxNode } from "isoloss/internal";
import { isFloatType } from "../edit/float-data.js";
import { GraphEditor } from "../edit/graph-editor.js";
import { isStandard } from "./attributes.js";
import { boundsOf, isBound, storeCastBounds } from "./bounds.js";
import { isReason, type Reason } from "./linear-layer.js";
import { changedRow, leftRow, type Preparation } from "./preparation.js";
import { channelShape, type LayoutOf, layouts, type ValueLayout } from "./value-layout.js";

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
export function liftBounds(bytes: Uint8Array): Preparation {
  const editor = new GraphEditor("liftBounds", bytes);
  storeCastBounds(editor);
  const layoutOf = layouts(editor);
  const bounded = editor.nodes.filter((node) => isStandard(node) && isBound(editor, node));
  const report = bounded.map((node) => {
    const result = lift(editor, layoutOf, node);
    return isReason(result) ? leftRow(node, result.reason) : changedRow(node, result.note);
  });
  return { bytes: editor.finish(), report };
}

function lift(editor: GraphEditor, layoutOf: LayoutOf, node: OnnxNode): { readonly note: string } | Reason {
  if (editor.opset < 8) return { reason: "Min and Max broadcast from operator set 8 on only" };
  const bounds = boundsOf(editor, node);
  if (isReason(bounds)) return bounds;
  const { x, low, high } = bounds;
  if (low === undefined && high === undefined) return { reason: "it has no bounds" };
  const layout = layoutOf(x);
  if (layout === undefined) return { reason: `the number of channels of ${x} is not known` };
  if (!isFloatType(layout.dtype)) return { reason: `${x} holds no floats` };
  const [output] = node.outputs;
  const steps: { readonly opType: string; readonly bound?: string }[] = [];
  if (low === 0) steps.push({ opType: "Relu" });
  else if (low !== undefined)
    steps.push({ opType: "Max", bound: addBound(editor, output, "floor", low, layout) });
  if (high !== undefined) steps.push({ opType: "Min", bound: addBound(editor, output, "cap", high, layout) });
  let value = x;
  const nodes = steps.map(({ opType, bound }, i): OnnxNode => {
    const isLast = i === steps.length - 1;
    const made = isLast ? output : editor.freshName(`${output}_${opType.toLowerCase()}`);
    const inputs = bound === undefined ? [value] : [value, bound];
    value = made;
    return {
      opType,
      inputs,
      outputs: [made],
      attributes: {},
      ...(isLast && node.name ? { name: node.name } : {}),
    };
  });
  editor.replace(node, ...nodes);
  const text = steps.map(({ opType }) => opType).join(" and ");
  return { note: `${text} with bounds of ${layout.channels} channels` };
}

function addBound(
  editor: GraphEditor,
  output: string,
  what: string,
  value: number,
  layout: ValueLayout,
): string {
  const data = new Float64Array(layout.channels).fill(value);
  return editor.add(`${output}_${what}`, { dtype: layout.dtype, shape: channelShape(layout), data });
}
