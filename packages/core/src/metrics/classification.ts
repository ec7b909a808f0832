import type { NdArray } from "../array.js";
import { NumericalError, OptionError } from "../errors.js";
import { inCode, isObject, share } from "../option-kinds.js";
import { type OptionsOf, optionTable } from "../options.js";
import { requireNumber, requireSameShape } from "./values.js";

/** Counts of a binary classifier: true and false positives, false negatives. */
export interface BinaryCounts {
  readonly tp: number;
  readonly fp: number;
  readonly fn: number;
}

export interface BinaryCountsOptions extends OptionsOf<typeof binaryCountsOptions> {}

const binaryCountsOptions = optionTable("binaryCounts", {
  /** Probabilities above this threshold count as positive; default 0.5. */
  threshold: share.default(0.5),
  /** Earlier counts to which the new ones are added; default none. */
  add: inCode<BinaryCounts>("counts tp, fp and fn", isObject).default({ tp: 0, fp: 0, fn: 0 }),
});

/**
 * Counts true and false positives and false negatives over a batch or, with `add`, over a data set.
 *
 * @param probabilities any shape
 * @param labels 0 or 1, of the same shape
 * @throws ShapeError when shapes differ; NumericalError for a probability of NaN; OptionError
 *
 * @example
 * binaryCounts(array([0.9, 0.8, 0.1]), array([1, 0, 1])); // tp 1, fp 1, fn 1
 */
export function binaryCounts(
  probabilities: NdArray,
  labels: NdArray,
  options: BinaryCountsOptions = {},
): BinaryCounts {
  const { threshold, add } = binaryCountsOptions.read(options);
  requireSameShape("binaryCounts", probabilities, labels);
  let { tp, fp, fn } = add;
  for (let i = 0; i < labels.data.length; i++) {
    const said = requireNumber(`Probability ${i}`, Number(probabilities.data[i])) > threshold;
    const is = Number(labels.data[i]) === 1;
    if (said && is) tp++;
    else if (said) fp++;
    else if (is) fn++;
  }
  return { tp, fp, fn };
}

/**
 * F1: the harmonic mean of precision and recall.
 *
 * F1 = 2 tp / (2 tp + fp + fn), 0 if there are neither predicted nor true positives. Implementations that add
 * 1e-8 to three denominators differ by that much.
 *
 * @throws OptionError for counts that are negative or not finite
 *
 * @example
 * f1Score({ tp: 6, fp: 2, fn: 4 }); // 2/3
 */
export function f1Score({ tp, fp, fn }: BinaryCounts): number {
  if (![tp, fp, fn].every((n) => n >= 0 && n < Infinity)) {
    throw new OptionError(`f1Score takes counts >= 0; got tp ${tp}, fp ${fp}, fn ${fn}.`);
  }
  const total = 2 * tp + fp + fn;
  return total === 0 ? 0 : (2 * tp) / total;
}

/**
 * Accuracy: the fraction of predicted classes that are correct.
 *
 * @param predictions classes, any shape
 * @param labels classes, of the same shape
 * @throws ShapeError when shapes differ; NumericalError when there are no labels
 *
 * @example
 * accuracyOf(array([0, 1, 2], "int64"), array([0, 1, 1], "int64")); // 2/3
 */
export function accuracyOf(predictions: NdArray, labels: NdArray): number {
  requireSameShape("accuracyOf", predictions, labels);
  const count = labels.data.length;
  if (count === 0) throw new NumericalError("accuracyOf no labels: give at least one example.");
  let hits = 0;
  for (let i = 0; i < count; i++) if (Number(predictions.data[i]) === Number(labels.data[i])) hits++;
  return hits / count;
}
