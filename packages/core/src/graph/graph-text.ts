import type { NdArray } from "../array.js";
import { type Graph, isGraph, nodesOf } from "./graph.js";
import { formatType, type Tensor } from "./tensor.js";

/** A number as text, with the sign of zero. */
export const numberText = (x: number | bigint): string => (Object.is(x, -0) ? "-0" : `${x}`);

/**
 * A graph as text, one node a line, with those of loops and branches: equal texts are equal computations, of the same names.
 *
 * @param arrayText a constant's numbers as text
 */
export function graphText({ inputs, outputs }: Graph, arrayText: (data: NdArray["data"]) => string): string {
  const names = new Map<Tensor, string>(inputs.map(({ name, tensor }) => [tensor, `"${name}"`]));
  const lines = inputs.map(({ name, tensor }) => `${name} ${formatType(tensor)}`);
  const attributesText = (attrs: object): string =>
    JSON.stringify(attrs, (_, value) => {
      if (isGraph(value)) return graphText(value, arrayText);
      if (ArrayBuffer.isView(value)) return arrayText(value as NdArray["data"]);
      // JSON knows neither NaN nor infinities, nor the sign of zero.
      if (typeof value !== "number" || (Number.isFinite(value) && !Object.is(value, -0))) return value;
      return numberText(value);
    });
  for (const node of nodesOf({ inputs, outputs })) {
    if (names.has(node)) continue;
    const operands = node.inputs.map((x) => names.get(x)).join();
    names.set(node, `${names.size}`);
    lines.push(`${node.op.name}(${operands})${attributesText(node.attrs)} ${formatType(node)}`);
  }
  lines.push(...outputs.map(({ name, tensor }) => `${name}=${names.get(tensor)}`));
  return lines.join("\n");
}
