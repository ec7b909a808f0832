// Batches of examples, and how many there are in one.
import { DataError, isNdArray, type NdArray, OptionError, sizeOf, takeRows } from "isoloss";
import { describeValue, isPlainObject } from "isoloss/internal";
import type { NamedValues } from "../model-file/compare/random-inputs.js";
import { GraphEditor } from "../model-file/edit/graph-editor.js";
import type { OnnxFile } from "../model-file/edit/onnx-file.js";

/**
 * @param file that the batches are for
 * @throws OptionError unless a value is a list of batches with examples for all inputs of the file and no others;
 *   DataError for numbers that are not finite
 */
export function requireBatches(
  op: string,
  file: OnnxFile,
  batches: unknown,
  what = "batches",
): asserts batches is readonly NamedValues[] {
  const isBatch = (batch: unknown) => isPlainObject(batch) && Object.values(batch).every(isNdArray);
  if (!Array.isArray(batches) || batches.length === 0 || !batches.every(isBatch)) {
    const wrong = Array.isArray(batches) ? batches.find((batch) => !isBatch(batch)) : batches;
    throw new OptionError(
      `${op}: ${what} must be a list of batches, arrays by the names of the model's inputs, such as [{ x: images }]; got ` +
        `${Array.isArray(batches) && batches.length === 0 ? "an empty list" : describeValue(wrong)}.`,
    );
  }
  for (const [name, { shape }] of batches.flatMap((batch: NamedValues) => Object.entries(batch))) {
    if (sizeOf(shape) > 0) continue;
    throw new OptionError(
      `${op}: ${what} must have examples; the array for "${name}" has the shape [${shape.join(", ")}]. Leave empty batches out.`,
    );
  }
  const { freeInputs } = new GraphEditor(op, file);
  batches.forEach((batch: NamedValues, i) => {
    requireNames(`${op}: ${what}[${i}]`, freeInputs, Object.keys(batch));
    for (const [name, array] of Object.entries(batch)) requireFinite(`${op}: ${what}[${i}]`, name, array);
  });
}

function requireNames(where: string, inputs: readonly string[], given: readonly string[]): void {
  const missing = inputs.find((name) => !given.includes(name));
  const unknown = given.find((name) => !inputs.includes(name));
  if (missing === undefined && unknown === undefined) return;
  const wrong =
    missing === undefined
      ? `the model has no input "${unknown}"`
      : `the model's input "${missing}" is missing`;
  throw new OptionError(
    `${where}: ${wrong}; its inputs are ${inputs.join(", ")}, the batch has ${given.join(", ") || "nothing"}.`,
  );
}

function requireFinite(where: string, name: string, { data }: NdArray): void {
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return;
  const wrong = data.findIndex((x) => !Number.isFinite(x));
  if (wrong < 0) return;
  throw new DataError(
    `${where}: the array for "${name}" has numbers that are not finite: its element ${wrong} is ${data[wrong]}. Leave such examples out.`,
  );
}

/**
 * A function that tells how many examples a batch has; undefined where they cannot be taken apart: the file fixes the
 * first axis of an input, or its inputs do not have equally many.
 */
export function exampleCounts(file: OnnxFile): (batch: NamedValues) => number | undefined {
  const editor = new GraphEditor("quantizeModel", file);
  const isOpen = (name: string) => {
    const shape = editor.input(name)?.shape;
    return shape === undefined || typeof shape[0] === "string";
  };
  return (batch) => {
    const counts = new Set(Object.values(batch).map(({ shape }) => shape[0]));
    const [count] = counts;
    return counts.size === 1 && Object.keys(batch).every(isOpen) ? count : undefined;
  };
}

/** Some examples of a batch, from one on. */
function rowsOf(batch: NamedValues, start: number, count: number): NamedValues {
  return rowsAt(
    batch,
    Array.from({ length: count }, (_, i) => start + i),
  );
}

/** The examples of a batch at some places. */
export const rowsAt = (batch: NamedValues, rows: readonly number[]): NamedValues =>
  Object.fromEntries(
    Object.entries(batch).map(([name, array]): [string, NdArray] => [name, takeRows(array, rows)]),
  );

/** Examples that run at once where a model takes any number: all values inside it are in memory for these. */
const mostAtOnce = 8;

/** Batches of fewer examples, where these can be taken apart. */
export function smallBatches(file: OnnxFile, batches: readonly NamedValues[]): readonly NamedValues[] {
  const countOf = exampleCounts(file);
  return batches.flatMap((batch) => {
    const count = countOf(batch) ?? 0;
    if (count <= mostAtOnce) return [batch];
    return Array.from({ length: Math.ceil(count / mostAtOnce) }, (_, k) => {
      const size = Math.min(mostAtOnce, count - k * mostAtOnce);
      return rowsOf(batch, k * mostAtOnce, size);
    });
  });
}

/** Batches of one size, which is 8 at most, where examples can be taken apart; a rest is left out. */
export function evenBatches(
  file: OnnxFile,
  ...lists: readonly (readonly NamedValues[])[]
): readonly (readonly NamedValues[])[] {
  const countOf = exampleCounts(file);
  const counts = lists.flat().map((batch) => countOf(batch) ?? 0);
  const size = Math.min(mostAtOnce, ...counts);
  if (size === 0) return lists;
  return lists.map((batches) =>
    batches.flatMap((batch) =>
      Array.from({ length: Math.floor((countOf(batch) ?? 0) / size) }, (_, k) =>
        rowsOf(batch, k * size, size),
      ),
    ),
  );
}
