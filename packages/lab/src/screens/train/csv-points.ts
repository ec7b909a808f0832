// Points of a user's own: two numbers and a label a line.
import type { LabeledImages } from "isoloss/data";

const mostLines = 5000;
const mostClasses = 7;

export type LabeledPoints = LabeledImages & { readonly classes: number };

/**
 * Reads lines such as `0.5,-1.2,red`; a first line without numbers is a heading. Coordinates are scaled to mean 0 and
 * standard deviation 1.
 *
 * @throws Error with line and column where a line is not of that form
 */
export function readPoints(text: string): LabeledPoints {
  const lines = text
    .split(/\r?\n/)
    .map((line, k) => ({ line: k + 1, cells: line.split(/[,;\t]/).map((cell) => cell.trim()) }))
    .filter(({ cells }) => cells.some((cell) => cell !== ""));
  const isNumber = (cell: string | undefined) =>
    cell !== undefined && cell !== "" && Number.isFinite(Number(cell));
  if (lines[0]?.cells.slice(0, 2).every((cell) => !isNumber(cell))) lines.shift();
  if (lines.length > mostLines)
    throw new Error(`The file has ${lines.length} points; at most ${mostLines} are taken.`);
  const names: string[] = [];
  const xy = new Float64Array(2 * lines.length);
  const labels = new BigInt64Array(lines.length);
  lines.forEach(({ line, cells }, k) => {
    if (cells.length !== 3) {
      throw new Error(`Line ${line} has ${cells.length} columns; expected three: two numbers and a label.`);
    }
    for (const axis of [0, 1]) {
      if (!isNumber(cells[axis])) {
        throw new Error(
          `Line ${line}, column ${axis + 1}: "${cells[axis].slice(0, 40)}" is no finite number.`,
        );
      }
      xy[2 * k + axis] = Number(cells[axis]);
    }
    if (!names.includes(cells[2])) names.push(cells[2]);
    labels[k] = BigInt(names.indexOf(cells[2]));
  });
  if (names.length < 2) {
    throw new Error(
      `The points have ${names.length === 0 ? "no label" : "one label only"}; at least two are needed.`,
    );
  }
  if (names.length > mostClasses) {
    throw new Error(`The points have ${names.length} different labels; at most ${mostClasses} are taken.`);
  }
  if (lines.length < 10) throw new Error(`The file has ${lines.length} points; at least 10 are needed.`);
  for (const axis of [0, 1]) standardize(xy, axis);
  return {
    // Scaled before they are rounded: what is far from 0, such as times, would have lost its digits.
    images: { shape: [lines.length, 2], data: Float32Array.from(xy) },
    labels: { shape: [lines.length], data: labels },
    classes: names.length,
  };
}

function standardize(xy: Float64Array, axis: number): void {
  const n = xy.length / 2;
  const values = Array.from({ length: n }, (_, k) => xy[2 * k + axis]);
  const mean = values.reduce((a, b) => a + b, 0) / n;
  const deviation = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / n) || 1;
  values.forEach((value, k) => {
    xy[2 * k + axis] = (value - mean) / deviation;
  });
}
