import type { NdArray } from "../array.js";
import { type Graph, isGraph, nodesOf } from "./graph.js";
import { formatType, type Tensor } from "./tensor.js";

/** A number as text, with the sign of zero. */
export const numberText = (x: number | bigint): string => (Object.is(x, -0) ? "-0" : `${x}`);

/** Whether JSON prints a value as it is. */
const isPlain = (value: unknown): boolean =>
  typeof value === "number"
    ? Number.isFinite(value) && !Object.is(value, -0)
    : typeof value !== "object" || (Array.isArray(value) && value.every(isPlain));

/**
 * A graph as text, one node a line, with those of loops and branches: equal texts are equal computations, of the same names.
 *
 * @param arrayText a constant's numbers as text
 * @param bodyText the same for the graph of a loop or a branch
 */
export function graphText(
  { inputs, outputs }: Graph,
  arrayText: (data: NdArray["data"]) => string,
  bodyText: (body: Graph) => string = (body) => graphText(body, arrayText),
): string {
  const names = new Map<Tensor, string>(inputs.map(({ name, tensor }) => [tensor, `"${name}"`]));
  const lines = inputs.map(({ name, tensor }) => `${name} ${formatType(tensor)}`);
  const attributeText = (_: string, value: unknown): unknown => {
    if (isPlain(value)) return value;
    // JSON knows neither NaN nor infinities, nor the sign of zero.
    if (typeof value === "number") return numberText(value);
    if (isGraph(value)) return bodyText(value);
    return ArrayBuffer.isView(value) ? arrayText(value as NdArray["data"]) : value;
  };
  // Each program is looked up by such a text: most nodes have no attributes, or some that JSON prints much faster alone.
  const attributesText = (attrs: object): string => {
    const values = Object.values(attrs);
    if (values.length === 0) return "{}";
    return JSON.stringify(attrs, values.every(isPlain) ? undefined : attributeText);
  };
  for (const node of nodesOf({ inputs, outputs })) {
    if (names.has(node)) continue;
    const operands = node.inputs.map((x) => names.get(x)).join();
    names.set(node, `${names.size}`);
    lines.push(`${node.op.name}(${operands})${attributesText(node.attrs)} ${formatType(node)}`);
  }
  lines.push(...outputs.map(({ name, tensor }) => `${name}=${names.get(tensor)}`));
  return lines.join("\n");
}
