import { type NdArray, type Shape, sizeOf } from "../array.js";
import { DataError, ShapeError } from "../errors.js";
import { formatShape, sameShape } from "../graph/tensor.js";
import type { MetricBatch } from "./metric.js";

/**
 * The axis of an output's classes when labels are its elements' classes: the last, or axis 1 for images [batch,
 * classes, height, width]. Undefined if both fit: no result is better than a wrong one.
 */
export function classAxis(output: Shape, labels: Shape): number | undefined {
  const fits = [...new Set([1, output.length - 1])].filter(
    (axis) =>
      axis > 0 &&
      sameShape(
        output.filter((_, d) => d !== axis),
        labels,
      ),
  );
  return fits.length === 1 ? fits[0] : undefined;
}

/** Scores of classes at the positions of labels: one for each example, or for each pixel. */
export interface ClassScores {
  readonly classes: number;
  /** Labels of positions that count, and where they are. */
  readonly known: readonly { readonly at: number; readonly label: number }[];
  /** Score of a class at a position: a logit. */
  score(at: number, c: number): number;
}

/**
 * Reads a batch as scores of classes. One logit z for each label, 0 or 1, stands for the two scores 0 and z.
 *
 * @param ignore the label of positions that do not count
 * @throws ShapeError if outputs are no logits of the labels' classes; DataError for a label that is no class
 */
export function classScores(metric: string, { output, labels }: MetricBatch, ignore: number): ClassScores {
  if (sizeOf(output.shape) === sizeOf(labels.shape)) {
    return {
      classes: 2,
      known: knownLabels(metric, labels, { classes: 2, ignore }),
      score: (at, c) => (c === 0 ? 0 : Number(output.data[at])),
    };
  }
  const axis = classAxis(output.shape, labels.shape);
  if (axis !== undefined) {
    const classes = output.shape[axis];
    const inner = sizeOf(output.shape.slice(axis + 1));
    return {
      classes,
      known: knownLabels(metric, labels, { classes, ignore }),
      score(at, c) {
        const i = at % inner;
        return Number(output.data[(((at - i) / inner) * classes + c) * inner + i]);
      },
    };
  }
  throw new ShapeError(
    `${metric} takes logits of classes along axis 1 or the last one, or one logit for each label; got outputs ` +
      `${formatShape(output.shape)} and labels ${formatShape(labels.shape)}.`,
  );
}

function knownLabels(
  metric: string,
  { data }: NdArray,
  { classes, ignore }: { readonly classes: number; readonly ignore: number },
): ClassScores["known"] {
  const known: { at: number; label: number }[] = [];
  for (let at = 0; at < data.length; at++) {
    const label = Number(data[at]);
    if (label === ignore) continue;
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new DataError(`${metric}: label ${at} is ${label}; classes are 0..${classes - 1}.`);
    }
    known.push({ at, label });
  }
  return known;
}

/** The class with the largest score, the first one of equals. */
export function predictedClass({ classes, score }: ClassScores, at: number): number {
  let best = 0;
  for (let c = 1; c < classes; c++) if (score(at, c) > score(at, best)) best = c;
  return best;
}
