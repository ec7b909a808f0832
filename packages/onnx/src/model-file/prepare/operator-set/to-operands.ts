import type { AttributeValue, OnnxNode, OnnxTensor } from "isoloss/internal";
import type { GraphEditor } from "../../edit/graph-editor.js";
import type { Reason } from "../linear-layer.js";

/** Puts a node in the place of one whose attributes are its operands from a place on; those left out at the end go. */
export function toOperands(
  editor: GraphEditor,
  node: OnnxNode,
  names: readonly string[],
  first: number,
): OnnxNode | Reason {
  if (!names.some((name) => Object.hasOwn(node.attributes, name))) return node;
  const operands: string[] = [];
  for (const name of names) {
    const value = node.attributes[name];
    const tensor = value === undefined ? undefined : tensorOf(value);
    if (value !== undefined && tensor === undefined) return { reason: `its ${name} is of an unknown kind` };
    operands.push(tensor === undefined ? "" : editor.addTensor(`${node.outputs[0]}_${name}`, tensor));
  }
  while (operands.at(-1) === "") operands.pop();
  const attributes = Object.fromEntries(
    Object.entries(node.attributes).filter(([name]) => !names.includes(name)),
  );
  const own = {
    ...node,
    inputs: [...node.inputs.slice(0, first), ...operands],
    attributes,
  };
  editor.replace(node, own);
  return own;
}

function tensorOf(attribute: AttributeValue): Omit<OnnxTensor, "name"> | undefined {
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
    case "float":
      return { dtype: "float32", shape: [], data: Float32Array.of(attribute.value) };
    default:
      return undefined;
  }
}
