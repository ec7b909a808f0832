// Batches of examples, and how many there are in one.
import { isNdArray, type NdArray, sizeOf } from "../../array.js";
import { takeRows } from "../../data/batches.js";
import { describeValue, isPlainObject } from "../../describe.js";
import { OptionError } from "../../errors.js";
import type { NamedValues } from "../../model-file/compare/random-inputs.js";
import { GraphEditor } from "../../model-file/edit/graph-editor.js";

/**
 * @throws OptionError unless a value is a list of batches with examples
 */
export function requireBatches(
  op: string,
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
}

/**
 * A function that tells how many examples a batch has; undefined where they cannot be taken apart: the file fixes the
 * first axis of an input, or its inputs do not have equally many.
 */
export function exampleCounts(bytes: Uint8Array): (batch: NamedValues) => number | undefined {
  const editor = new GraphEditor("quantizeModel", bytes);
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
export function rowsOf(batch: NamedValues, start: number, count: number): NamedValues {
  const rows = Array.from({ length: count }, (_, i) => start + i);
  return Object.fromEntries(
    Object.entries(batch).map(([name, array]): [string, NdArray] => [name, takeRows(array, rows)]),
  );
}

/** Examples that run at once where a model takes any number: all values inside it are in memory for these. */
const mostAtOnce = 8;

/** Batches of fewer examples, where these can be taken apart. */
export function smallBatches(bytes: Uint8Array, batches: readonly NamedValues[]): readonly NamedValues[] {
  const countOf = exampleCounts(bytes);
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
  bytes: Uint8Array,
  ...lists: readonly (readonly NamedValues[])[]
): readonly (readonly NamedValues[])[] {
  const countOf = exampleCounts(bytes);
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
