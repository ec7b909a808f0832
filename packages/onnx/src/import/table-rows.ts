import type { ImportedInput } from "isoloss";
import type { OnnxGraph, OnnxValueInfo } from "isoloss/internal";

/** Operators whose result holds numbers of their first operand, and no others. */
const passing = new Set([
  "Cast",
  "Expand",
  "Flatten",
  "Identity",
  "Reshape",
  "Slice",
  "Squeeze",
  "Transpose",
  "Unsqueeze",
]);

/** Operators of which a table may be the result: they keep its shape. */
const stored = new Set(["Cast", "DequantizeLinear", "Identity"]);

/** How many rows the smallest table has of which an input of integers gives the rows. */
export function tableRowsOf(
  { nodes, initializers }: OnnxGraph,
  { name, dtype = "float32" }: OnnxValueInfo,
): Pick<ImportedInput, "tableRows"> {
  if (!/^u?int/.test(dtype)) return {};
  const shapes = new Map(initializers.map((tensor) => [tensor.name, tensor.shape]));
  const values = new Set([name]);
  const counts: number[] = [];
  // Nodes are in the order in which they are computed.
  for (const { opType, inputs, outputs, attributes } of nodes) {
    const shape = stored.has(opType) ? shapes.get(inputs[0]) : undefined;
    if (shape !== undefined) shapes.set(outputs[0], shape);
    if (opType === "Constant" && attributes.value?.kind === "tensor") {
      shapes.set(outputs[0], attributes.value.value.shape);
    }
    if (passing.has(opType) && values.has(inputs[0])) values.add(outputs[0]);
    if (opType !== "Gather" || !values.has(inputs[1])) continue;
    const axis = attributes.axis?.kind === "int" ? Number(attributes.axis.value) : 0;
    const rows = shapes.get(inputs[0])?.at(axis);
    if (rows !== undefined && rows > 0) counts.push(rows);
  }
  return counts.length === 0 ? {} : { tableRows: Math.min(...counts) };
}
