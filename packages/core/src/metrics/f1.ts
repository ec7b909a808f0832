// Averages: D. Lewis et al., "RCV1", JMLR 5, 2004, section 5.3.
import { finite, integerFrom, type OptionsOf, oneOf, optionTable } from "../options.js";
import { addToCounts, type ConfusionMatrix } from "./confusion.js";
import type { StreamingMetric } from "./metric.js";

export interface F1Options extends OptionsOf<typeof f1Options> {}

const f1Options = optionTable("f1", {
  /**
   * How classes are averaged: all alike (`macro`, default), weighted by their numbers of labels (`weighted`), or with
   * the counts of all classes added up (`micro`).
   */
  average: oneOf(["macro", "weighted", "micro"]).default("macro"),
  /** A class whose own F1 it is, without an average; default 1 for one logit a label, else none. */
  positive: integerFrom(0).otherwise("1 for one logit a label, else none"),
  /** The label of positions that do not count; default -1. */
  ignore: finite.default(-1),
});

/** Counts by label and predicted class, and the class that they are about. */
export interface F1Counts {
  readonly matrix: ConfusionMatrix;
  readonly positive: number | undefined;
}

/**
 * F1, the harmonic mean of precision and recall: 2 tp / (2 tp + fp + fn), from the counts of all batches together.
 *
 * A class without labels and predictions is left out of the macro average. NaN if nothing counts.
 *
 * @throws OptionError; ShapeError, DataError from `update` if outputs are no logits of the labels' classes
 *
 * @example
 * const metric = f1();
 * const batch = { output: array([[1, 0], [0, 1], [0, 1]]), labels: array([0, 1, 0], "int64") };
 * metric.result(metric.update(metric.init(), batch)); // 2/3
 */
export function f1(options: F1Options = {}): StreamingMetric<F1Counts | undefined, number> {
  const { average, positive, ignore } = f1Options.read(options);
  return {
    mode: "max",
    init: () => undefined,
    update: (before, batch) => ({
      matrix: addToCounts("f1", before?.matrix, batch, ignore),
      positive: positive ?? (batch.output.data.length === batch.labels.data.length ? 1 : undefined),
    }),
    result(counted) {
      if (counted === undefined) return Number.NaN;
      const { data, shape } = counted.matrix;
      const [classes] = shape;
      const each = Array.from({ length: classes }, (_, c) => {
        const tp = data[c * classes + c];
        const labels = sumOf(classes, (j) => data[c * classes + j]);
        const predictions = sumOf(classes, (j) => data[j * classes + c]);
        return { tp, fp: predictions - tp, fn: labels - tp, labels };
      });
      const seen = each.filter(({ tp, fp, fn }) => tp + fp + fn > 0);
      if (seen.length === 0) return Number.NaN;
      const chosen = counted.positive;
      if (chosen !== undefined) return f1Score(each[chosen] ?? { tp: 0, fp: 0, fn: 0 });
      const total = (key: keyof (typeof each)[number]) => sumOf(seen.length, (k) => seen[k][key]);
      if (average === "macro") return sumOf(seen.length, (k) => f1Score(seen[k])) / seen.length;
      if (average === "micro") {
        return f1Score({ tp: total("tp"), fp: total("fp"), fn: total("fn") });
      }
      return sumOf(seen.length, (k) => seen[k].labels * f1Score(seen[k])) / total("labels");
    },
  };
}

/** 0 if there are neither predicted nor true positives. */
function f1Score({ tp, fp, fn }: Readonly<Record<"tp" | "fp" | "fn", number>>): number {
  const total = 2 * tp + fp + fn;
  return total === 0 ? 0 : (2 * tp) / total;
}

function sumOf(count: number, term: (k: number) => number): number {
  let sum = 0;
  for (let k = 0; k < count; k++) sum += term(k);
  return sum;
}
