import type { OnnxNode } from "isoloss/internal";
import type { GraphEditor } from "../model-file/edit/graph-editor.js";
import { isStandard } from "../model-file/prepare/attributes.js";
import type { ValueRange } from "./range.js";

/** A Relu or Clip that rounding to integers does, too, if they end at its bounds. */
export interface Activation {
  readonly node: OnnxNode;
  readonly bounds: ValueRange;
}

/** The activation that alone reads a value, if its bounds are constants with 0 between them. */
export function activationAfter(editor: GraphEditor, value: string): Activation | undefined {
  if (!editor.isUsedOnce(value)) return undefined;
  const [node] = editor.uses.readers(value);
  const bounds = isStandard(node) && node.inputs[0] === value ? boundsOf(editor, node) : undefined;
  return bounds === undefined || bounds.min > 0 || bounds.max < 0 ? undefined : { node, bounds };
}

function boundsOf(editor: GraphEditor, { opType, inputs, attributes }: OnnxNode): ValueRange | undefined {
  if (opType === "Relu") return { min: 0, max: Infinity };
  if (opType !== "Clip") return undefined;
  const bound = (index: number, name: string, otherwise: number): number | undefined => {
    const given = attributes[name];
    if (given?.kind === "float") return given.value;
    const operand = inputs[index];
    return operand ? editor.floats(operand)?.data[0] : otherwise;
  };
  const [min, max] = [bound(1, "min", -Infinity), bound(2, "max", Infinity)];
  return min === undefined || max === undefined ? undefined : { min, max };
}
