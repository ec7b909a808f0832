// Batches of examples, and how many there are in one.
import { DataError, isNdArray, type NdArray, OptionError, sizeOf, takeRows } from "isoloss";
import { permutation } from "isoloss/data";
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
 * How many examples each batch has; 0 where they cannot be taken apart: the file fixes the first axis of an input, or its
 * inputs do not have equally many.
 */
function countsOf(file: OnnxFile, batches: readonly NamedValues[]): readonly number[] {
  const editor = new GraphEditor("quantizeModel", file);
  const isOpen = (name: string) => {
    const shape = editor.input(name)?.shape;
    return shape === undefined || typeof shape[0] === "string";
  };
  return batches.map((batch) => {
    const [count, ...others] = new Set(Object.values(batch).map(({ shape }) => shape[0]));
    return others.length === 0 && Object.keys(batch).every(isOpen) ? (count ?? 0) : 0;
  });
}

/** The examples of a batch at some places. */
const rowsAt = (batch: NamedValues, rows: readonly number[]): NamedValues =>
  Object.fromEntries(
    Object.entries(batch).map(([name, array]): [string, NdArray] => [name, takeRows(array, rows)]),
  );

/** The first `count` examples of a batch in batches of a size, of which the last may be smaller. */
const cut = (batch: NamedValues, count: number, size: number): readonly NamedValues[] =>
  Array.from({ length: Math.ceil(count / size) }, (_, k) => {
    const start = k * size;
    return rowsAt(
      batch,
      Array.from({ length: Math.min(size, count - start) }, (__, i) => start + i),
    );
  });

/** Examples that run at once where a model takes any number: all values inside it are in memory for these. */
const mostAtOnce = 8;

/** Batches of fewer examples, where these can be taken apart. */
export function smallBatches(file: OnnxFile, batches: readonly NamedValues[]): readonly NamedValues[] {
  const counts = countsOf(file, batches);
  return batches.flatMap((batch, k) =>
    counts[k] <= mostAtOnce ? [batch] : cut(batch, counts[k], mostAtOnce),
  );
}

/** Batches of one size, which is 8 at most, where examples can be taken apart; a rest is left out. */
export function evenBatches(
  file: OnnxFile,
  ...lists: readonly (readonly NamedValues[])[]
): readonly (readonly NamedValues[])[] {
  const counts = lists.map((batches) => countsOf(file, batches));
  const size = Math.min(mostAtOnce, ...counts.flat());
  if (size === 0) return lists;
  return lists.map((batches, l) =>
    batches.flatMap((batch, k) => cut(batch, counts[l][k] - (counts[l][k] % size), size)),
  );
}

/** Large examples that calibrate: more of them cost time, and change ranges and moments little. */
const MOST_LARGE = 64;

/** Numbers of all examples that calibrate, where these are small. */
const MOST_NUMBERS = 2 ** 20;

/**
 * Holds out a random half of the examples, or all but 64 large ones: of each batch, where batches have four or more and can be taken
 * apart; else of the batches, or of fewer than four batches of the examples. Examples may be sorted by class: the last ones would be of one.
 *
 * @throws OptionError where there is a single example, or a single batch that cannot be taken apart
 */
export function withHeldOut(
  file: OnnxFile,
  batches: readonly NamedValues[],
): { readonly calibration: readonly NamedValues[]; readonly heldOut: readonly NamedValues[] } {
  const counts = countsOf(file, batches);
  const fewest = Math.min(...counts);
  const [first] = batches;
  const numbers = Object.values(first).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const most = Math.max(MOST_LARGE, (MOST_NUMBERS * examplesOf(first)) / numbers);
  const share = Math.min(0.5, most / examplesIn(batches));
  const isWhole = fewest < 4 && batches.length > 1 && (batches.length >= 4 || fewest < 2);
  if (!isWhole && fewest < 2) {
    throw new OptionError(
      "quantizeModel: a part of the calibration is held out to judge the result, so it must have two examples or more; or give heldOut. " +
        "A batch whose size the file fixes, or with inputs that do not have equally many examples, is not taken apart: give two batches or more.",
    );
  }
  const [calibration, heldOut] = divided(batches, isWhole ? undefined : counts, (n) => Math.ceil(n * share));
  return { calibration, heldOut };
}

/** The name under which batches carry labels while they are divided: no input has it. */
const LABELS = "";

/**
 * Batches with the labels of their examples, which are divided with them.
 *
 * @throws OptionError unless there is a label for each example
 */
export function withLabels(
  batches: readonly NamedValues[],
  labels: NdArray,
  what: string,
): readonly NamedValues[] {
  const counts = batches.map(examplesOf);
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (labels.shape[0] !== total) {
    throw new OptionError(
      `quantizeModel: metric.labels must have an entry along its first axis for each of the ${total} examples of ${what}; got the shape [${labels.shape.join(", ")}].`,
    );
  }
  let first = 0;
  return batches.map((batch, k) => {
    const rows = Array.from({ length: counts[k] }, (_, i) => first + i);
    first += counts[k];
    return { ...batch, [LABELS]: takeRows(labels, rows) };
  });
}

/** Batches of inputs alone, and the labels that they carried. */
export function withoutLabels(batches: readonly NamedValues[]): {
  readonly batches: readonly NamedValues[];
  readonly labels: readonly NdArray[];
} {
  const divided = batches.map(({ [LABELS]: labels, ...batch }) => ({ labels, batch }));
  return { batches: divided.map(({ batch }) => batch), labels: divided.map(({ labels }) => labels) };
}

/** How many examples a batch has: along the first axis of its first input. */
const examplesOf = (batch: NamedValues): number => Object.values(batch)[0].shape[0] ?? 1;

/** How many examples some batches have. */
export const examplesIn = (batches: readonly NamedValues[]): number =>
  batches.reduce((sum, batch) => sum + examplesOf(batch), 0);

/**
 * Divides held-out examples into those that choose a file and those that judge it: parts of each batch, or of the batches.
 *
 * @param share that chooses, half of them at most; one example at least. Those of a smaller share are among those of a larger one
 * @returns undefined for a single example, and a single batch that cannot be taken apart
 */
export function dividedHeldOut(
  file: OnnxFile,
  batches: readonly NamedValues[],
  share: number,
): { readonly choosing: readonly NamedValues[]; readonly judging: readonly NamedValues[] } | undefined {
  const counts = countsOf(file, batches);
  const isWhole = Math.min(...counts) < 2;
  if (isWhole && batches.length < 2) return undefined;
  const [choosing, judging] = divided(batches, isWhole ? undefined : counts, (n) =>
    // 16 of 56 may be 15.99.
    Math.max(1, Math.floor(n * share + 1e-9)),
  );
  return { choosing, judging };
}

/**
 * Divides examples at random into two parts.
 *
 * @param counts of the examples of each batch, which is divided; undefined: batches stay whole
 * @param firstOf how many of some examples, or batches, the first part gets
 */
function divided(
  batches: readonly NamedValues[],
  counts: readonly number[] | undefined,
  firstOf: (count: number) => number,
): readonly (readonly NamedValues[])[] {
  const places = (count: number, seed: number) => {
    const order = [...permutation(count, seed)];
    return [order.slice(0, firstOf(count)), order.slice(firstOf(count))];
  };
  if (counts === undefined) return places(batches.length, 0).map((own) => own.map((k) => batches[k]));
  const byBatch = counts.map(places);
  return [0, 1].map((part) => batches.map((batch, k) => rowsAt(batch, byBatch[k][part])));
}
