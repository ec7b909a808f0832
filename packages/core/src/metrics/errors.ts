import { sizeOf } from "../array.js";
import { ShapeError } from "../errors.js";
import { formatShape } from "../graph/tensor.js";
import { type OptionsOf, optionTable, positive } from "../options.js";
import type { MetricBatch, StreamingMetric } from "./metric.js";

export interface ErrorOptions extends OptionsOf<typeof maeOptions> {}

const rows = {
  /** Factor that converts the error to its unit, such as the standard deviation that targets were divided by; default 1. */
  scale: positive.default(1),
};

const maeOptions = optionTable("mae", rows);

const rmseOptions = optionTable("rmse", rows);

/** A sum over elements. */
export interface ErrorSum {
  readonly sum: number;
  readonly count: number;
}

const none = (): ErrorSum => ({ sum: 0, count: 0 });

/** Adds f(y - t) of all elements. */
function add(
  metric: string,
  { sum, count }: ErrorSum,
  { output, labels }: MetricBatch,
  f: (e: number) => number,
): ErrorSum {
  const [y, t] = [output.data, labels.data];
  if (sizeOf(output.shape) !== sizeOf(labels.shape)) {
    throw new ShapeError(
      `${metric} takes as many outputs as labels; got outputs ${formatShape(output.shape)} and labels ${formatShape(labels.shape)}.`,
    );
  }
  let total = sum;
  for (let i = 0; i < t.length; i++) total += f(Number(y[i]) - Number(t[i]));
  return { sum: total, count: count + t.length };
}

/**
 * Mean absolute error over all elements of outputs y and targets t: scale mean_i |y_i - t_i|.
 *
 * @throws OptionError; ShapeError from `update` unless there are as many outputs as targets
 *
 * @example
 * const metric = mae({ scale: 10 });
 * metric.result(metric.update(metric.init(), { output: array([1, 3]), labels: array([2, 5]) })); // 15
 */
export function mae(options: ErrorOptions = {}): StreamingMetric<ErrorSum, number> {
  const { scale } = maeOptions.read(options);
  return {
    mode: "min",
    init: none,
    update: (before, batch) => add("mae", before, batch, Math.abs),
    result: ({ sum, count }) => (scale * sum) / count,
  };
}

/**
 * Root of the mean squared error over all elements of outputs y and targets t: scale sqrt(mean_i (y_i - t_i)^2).
 *
 * @throws OptionError; ShapeError from `update` unless there are as many outputs as targets
 *
 * @example
 * const metric = rmse();
 * metric.result(metric.update(metric.init(), { output: array([1, 3]), labels: array([2, 10]) })); // 5
 */
export function rmse(options: ErrorOptions = {}): StreamingMetric<ErrorSum, number> {
  const { scale } = rmseOptions.read(options);
  return {
    mode: "min",
    init: none,
    update: (before, batch) => add("rmse", before, batch, (e) => e * e),
    result: ({ sum, count }) => scale * Math.sqrt(sum / count),
  };
}
