import type { NdArray } from "../array.js";
import { type Graph, isGraph, nodesOf } from "./graph.js";
import { type Attributes, formatType, type Tensor } from "./tensor.js";

/** A number as text, with the sign of zero. */
export const numberText = (x: number | bigint): string => (Object.is(x, -0) ? "-0" : `${x}`);

/** A value as JSON prints it, of numbers, texts, flags and lists of these; else undefined. */
function plainText(value: unknown): string | undefined {
  if (Array.isArray(value)) {
    const parts = value.map(plainText);
    return parts.includes(undefined) ? undefined : `[${parts.join()}]`;
  }
  if (typeof value === "string" || typeof value === "boolean") return JSON.stringify(value);
  return Number.isFinite(value) && !Object.is(value, -0) ? `${value}` : undefined;
}

/** Attributes as JSON prints them, twice as fast as with a replacer; undefined where some are no numbers, texts, flags or lists of these. */
function plainAttributes(attrs: Attributes): string | undefined {
  const parts: string[] = [];
  for (const name in attrs) {
    const text = plainText(attrs[name]);
    if (text) parts.push(`"${name}":${text}`);
    else if (attrs[name] !== undefined) return undefined;
  }
  return `{${parts.join()}}`;
}

/**
 * Attributes as text.
 *
 * @param arrayText a constant's numbers as text
 * @param bodyText the same for the graph of a loop or a branch; undefined leaves it out
 */
export function attributesText(
  attrs: Attributes,
  arrayText: (data: NdArray["data"]) => string,
  bodyText: (body: Graph) => string | undefined,
): string {
  const withOthers = (_: string, value: unknown): unknown => {
    // JSON knows neither NaN nor infinities, nor the sign of zero.
    if (typeof value === "number" && plainText(value) === undefined) return numberText(value);
    if (isGraph(value)) return bodyText(value);
    return ArrayBuffer.isView(value) ? arrayText(value as NdArray["data"]) : value;
  };
  return plainAttributes(attrs) ?? JSON.stringify(attrs, withOthers);
}

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
  for (const node of nodesOf({ inputs, outputs })) {
    if (names.has(node)) continue;
    const operands = node.inputs.map((x) => names.get(x)).join();
    names.set(node, `${names.size}`);
    lines.push(
      `${node.op.name}(${operands})${attributesText(node.attrs, arrayText, bodyText)} ${formatType(node)}`,
    );
  }
  lines.push(...outputs.map(({ name, tensor }) => `${name}=${names.get(tensor)}`));
  return lines.join("\n");
}
