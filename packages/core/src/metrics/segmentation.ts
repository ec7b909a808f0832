import { type NdArray, requireArray } from "../array.js";
import { DataError, NumericalError, ShapeError } from "../errors.js";
import { finite, inCode, integerFrom, isObject } from "../option-kinds.js";
import { type OptionsOf, optionTable } from "../options.js";
import { requireSameShape } from "./values.js";

/** Counts of pixels, [C, C]: row for the label, column for the prediction. */
export type ConfusionMatrix = NdArray<Float64Array>;

export interface ConfusionOptions extends OptionsOf<typeof confusionMatrixOptions> {}

const confusionMatrixOptions = optionTable("confusionMatrix", {
  /** C. */
  classes: integerFrom(1).required(),
  /** The label of pixels to ignore; default -1. */
  ignore: finite.default(-1),
  /** Earlier counts to which the new ones are added; default none. */
  add: inCode<ConfusionMatrix>("a matrix of counts", isObject).otherwise("none"),
});

/**
 * Counts the pairs of true and predicted classes over a batch or, with `add`, over a data set.
 *
 * @param predictions classes 0..C-1, any shape
 * @param labels classes 0..C-1 or `ignore`, of the same shape
 * @returns a new matrix
 * @throws ShapeError when shapes differ; DataError for a class out of range; OptionError
 *
 * @example
 * confusionMatrix(array([0, 1, 1], "int64"), array([0, 1, -1], "int64"), { classes: 2 }); // [[1, 0], [0, 1]]
 */
export function confusionMatrix(
  predictions: NdArray,
  labels: NdArray,
  options: ConfusionOptions,
): ConfusionMatrix {
  const { classes, ignore, add } = confusionMatrixOptions.read(options);
  requireSameShape("confusionMatrix", predictions, labels);
  if (add && (add.shape.length !== 2 || add.shape.some((n) => n !== classes))) {
    throw new ShapeError(
      `confusionMatrix: add must be [${classes}, ${classes}]; got [${add.shape.join(", ")}].`,
    );
  }
  const counts = add ? add.data.slice() : new Float64Array(classes * classes);
  const classAt = (a: NdArray, i: number, what: string): number => {
    const value = Number(a.data[i]);
    if (Number.isInteger(value) && value >= 0 && value < classes) return value;
    throw new DataError(`confusionMatrix: ${what} ${i} is ${value}; classes are 0..${classes - 1}.`);
  };
  for (let i = 0; i < labels.data.length; i++) {
    if (Number(labels.data[i]) === ignore) continue;
    counts[classAt(labels, i, "label") * classes + classAt(predictions, i, "prediction")]++;
  }
  return { shape: [classes, classes], data: counts };
}

/**
 * Mean intersection over union: of the pixels whose label or prediction is a class, the fraction where both
 * are, averaged over the classes.
 *
 * mIoU = mean_c C_cc / (sum_j C_cj + sum_i C_ic - C_cc)
 *
 * A class without such pixels is left out of the mean.
 *
 * @throws NumericalError when there are no pixels at all
 *
 * @example
 * meanIoU({ shape: [2, 2], data: Float64Array.of(3, 1, 0, 2) }); // (3/4 + 2/3) / 2
 */
export function meanIoU(matrix: ConfusionMatrix): number {
  requireArray("meanIoU", matrix);
  const {
    data,
    shape: [classes],
  } = matrix;
  let [sum, present] = [0, 0];
  for (let c = 0; c < classes; c++) {
    const hits = data[c * classes + c];
    let union = -hits;
    for (let j = 0; j < classes; j++) union += data[c * classes + j] + data[j * classes + c];
    if (union === 0) continue;
    sum += hits / union;
    present++;
  }
  requirePixels("meanIoU", present);
  return sum / present;
}

/**
 * Pixel accuracy: the fraction of pixels with the correct class.
 *
 * @throws NumericalError when there are no pixels
 *
 * @example
 * pixelAccuracy({ shape: [2, 2], data: Float64Array.of(3, 1, 0, 2) }); // 5/6
 */
export function pixelAccuracy(matrix: ConfusionMatrix): number {
  requireArray("pixelAccuracy", matrix);
  const {
    data,
    shape: [classes],
  } = matrix;
  let hits = 0;
  for (let c = 0; c < classes; c++) hits += data[c * classes + c];
  const total = data.reduce((a, b) => a + b, 0);
  requirePixels("pixelAccuracy", total);
  return hits / total;
}

function requirePixels(what: string, count: number): void {
  if (count > 0) return;
  throw new NumericalError(`${what} of no pixels: the confusion matrix is empty. Are all labels ignored?`);
}
