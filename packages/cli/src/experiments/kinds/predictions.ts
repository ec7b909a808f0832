import { sum } from "es-toolkit";
import { type NdArray, OptionError } from "isoloss";
import type { JsonRecord } from "../../run/json-lines.js";

/**
 * Classes that a model predicts for no held-out row, among the results of a run: how many of the rows have each.
 *
 * @param prefix of the names, such as `unpredicted.test`
 * @param counts by label (row) and predicted class (column)
 * @param names of the classes; default their numbers
 */
export function unpredicted(
  prefix: string,
  { shape: [classes], data }: NdArray,
  names: readonly string[] | undefined,
): Record<string, number> {
  const numbers = Array.from({ length: classes }, (_, i) => i);
  const at = (label: number, predicted: number) => Number(data[label * classes + predicted]);
  return Object.fromEntries(
    numbers
      .filter((predicted) => numbers.every((label) => at(label, predicted) === 0))
      .map((c) => [`${prefix}.${names?.[c] ?? c}`, sum(numbers.map((predicted) => at(c, predicted)))]),
  );
}

/** An output of a model: the likeliest of some classes, or numbers. */
export interface PredictedOutput {
  /** Of its numbers, or of the class. */
  readonly names: readonly string[];
  readonly isClass: boolean;
  /** Left out: classes are their numbers. */
  readonly classes?: readonly string[] | undefined;
  /** [n, outputs] */
  readonly values: NdArray;
}

/**
 * Predictions by name, a record for each example: the class and `NAME.probability`, its softmax, or the numbers; `NAME.0`,
 * `NAME.1`, ... of several without a name each.
 *
 * @param files of the examples, where each is one
 * @throws OptionError for outputs of an example that are no list
 */
export function predictionRecords(
  outputs: readonly PredictedOutput[],
  files: readonly string[] | undefined,
): JsonRecord[] {
  const wrong = outputs.find(({ values }) => values.shape.length > 2);
  if (wrong) {
    throw new OptionError(
      `An output for an example is [${wrong.values.shape.slice(1).join(", ")}], no list of numbers: write .npy.`,
    );
  }
  const [n] = outputs[0].values.shape;
  return Array.from({ length: n }, (_, i) => ({
    ...(files ? { file: files[i] } : {}),
    ...Object.assign({}, ...outputs.map((output) => recordOf(output, i))),
  }));
}

function recordOf(
  { names, isClass, classes, values: { shape, data } }: PredictedOutput,
  i: number,
): JsonRecord {
  const [, width = 1] = shape;
  const row = Array.from({ length: width }, (_, k) => Number(data[i * width + k]));
  if (isClass) {
    const largest = Math.max(...row);
    const sum = row.reduce((total, value) => total + Math.exp(value - largest), 0);
    const best = row.indexOf(largest);
    return { [names[0]]: classes?.[best] ?? best, [`${names[0]}.probability`]: shortest(1 / sum) };
  }
  const numbers = data instanceof Float64Array ? row : row.map(shortest);
  const isNamed = names.length === width;
  return Object.fromEntries(numbers.map((value, k) => [isNamed ? names[k] : `${names[0]}.${k}`, value]));
}

/** The decimal number with the fewest digits that is a value in float32: 0.93, not 0.9300000071525574. */
function shortest(value: number): number {
  const float = Math.fround(value);
  const digits = [6, 7, 8].find((count) => Math.fround(Number(value.toPrecision(count))) === float) ?? 9;
  return Number(value.toPrecision(digits));
}
