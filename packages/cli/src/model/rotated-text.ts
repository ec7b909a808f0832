// Rotations of a model's hidden spaces, as text.
import type { NdArray } from "isoloss";
import type { RotatedModel } from "../commands/model-rotate.js";
import { formatNumber } from "../experiments/results/format-number.js";
import { textTable } from "../experiments/results/table.js";

/** The largest magnitude, relative to the root of the mean square; 0 of zeros alone. */
export function peakOf({ data }: NdArray): number {
  let [largest, squares] = [0, 0];
  for (const v of data as Float64Array) {
    largest = Math.max(largest, Math.abs(v));
    squares += v * v;
  }
  return squares === 0 ? 0 : largest / Math.sqrt(squares / data.length);
}

/** Weights in the text of the command. */
const SHOWN = 12;

/** The spaces, the weights with the highest peaks, and what was written. */
export function rotatedText(document: RotatedModel, out: string, checked: string): string {
  const { spaces, weights } = document;
  if (spaces.length === 0) {
    return `No space can be turned: activations and normalizations with weights of their own stand between all layers. Wrote ${out} as it was.`;
  }
  const [turned, peaks] = [spacesTable(document), peaksTable({ weights: weights.slice(0, SHOWN) })];
  const others = weights.length > SHOWN ? `\n.. and ${weights.length - SHOWN} more weights` : "";
  return [
    textTable(turned.columns, turned.rows),
    `${textTable(peaks.columns, peaks.rows)}${others}`,
    `Wrote ${out}. ${checked}`,
  ].join("\n\n");
}

interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export const spacesTable = ({ spaces }: Pick<RotatedModel, "spaces">): Table => ({
  columns: ["space", "size", "kind"],
  rows: spaces.map(({ kind, size, copies, parameters: [first, ...others] }) => [
    others.length === 0 ? first : `${first} and ${others.length} more`,
    copies === 1 ? `${size}` : `${copies} x ${size}`,
    kind,
  ]),
});

export const peaksTable = ({ weights }: Pick<RotatedModel, "weights">): Table => ({
  columns: ["largest weight / root mean square", "before", "after"],
  rows: weights.map(({ parameter, before, after }) => [
    parameter,
    formatNumber(before, 3),
    formatNumber(after, 3),
  ]),
});
