// C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks", ICML 2017, eqs. 2-5.
import { finite, integerFrom, type OptionsOf, optionTable } from "../options.js";
import { classScores, predictedClass } from "./class-scores.js";
import type { StreamingMetric } from "./metric.js";

export interface CalibrationErrorOptions extends OptionsOf<typeof calibrationErrorOptions> {}

const calibrationErrorOptions = optionTable("calibrationError", {
  /** M, the number of bins of equal width; default 15. */
  bins: integerFrom(1).default(15),
  /** The label of positions that do not count; default -1. */
  ignore: finite.default(-1),
});

/** Sums by bin of confidence, [M] each. */
export interface CalibrationSums {
  readonly counts: Float64Array;
  readonly confidences: Float64Array;
  readonly hits: Float64Array;
}

/**
 * Expected calibration error: how far the probability of the predicted class is from the frequency with which it is right.
 *
 * ECE = sum_m |B_m| / n |acc(B_m) - conf(B_m)|, B_m the examples whose largest softmax is in ((m - 1) / M, m / M]
 *
 * @throws OptionError; ShapeError, DataError from `update` if outputs are no logits of the labels' classes
 *
 * @example
 * const metric = calibrationError();
 * const sure = { output: array([[50, 0], [50, 0]]), labels: array([0, 1], "int64") };
 * metric.result(metric.update(metric.init(), sure)); // 0.5
 */
export function calibrationError(
  options: CalibrationErrorOptions = {},
): StreamingMetric<CalibrationSums, number> {
  const { bins, ignore } = calibrationErrorOptions.read(options);
  const zeros = () => new Float64Array(bins);
  return {
    mode: "min",
    init: () => ({ counts: zeros(), confidences: zeros(), hits: zeros() }),
    update(before, batch) {
      const scores = classScores("calibrationError", batch, ignore);
      const { counts, confidences, hits } = structuredClone(before);
      for (const { at, label } of scores.known) {
        const predicted = predictedClass(scores, at);
        const top = scores.score(at, predicted);
        let mass = 0;
        for (let c = 0; c < scores.classes; c++) mass += Math.exp(scores.score(at, c) - top);
        const confidence = 1 / mass;
        // NaN goes to the last bin and makes the result NaN.
        const bin = confidence > 0 ? Math.ceil(confidence * bins) - 1 : bins - 1;
        counts[bin]++;
        confidences[bin] += confidence;
        if (predicted === label) hits[bin]++;
      }
      return { counts, confidences, hits };
    },
    result({ counts, confidences, hits }) {
      const count = counts.reduce((a, b) => a + b, 0);
      const gap = hits.reduce((sum, right, m) => sum + Math.abs(right - confidences[m]), 0);
      return gap / count;
    },
  };
}
