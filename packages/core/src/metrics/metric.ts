import type { NdArray } from "../array.js";
import { describeValue, isPlainObject, OptionError } from "../errors.js";

/** A model's outputs on some examples, and their labels, with the examples along the first axis. */
export interface MetricBatch {
  /** Logits of classes along axis 1 or the last one, or predictions, [n, ...]. */
  readonly output: NdArray;
  /** Classes, or targets, [n, ...]. */
  readonly labels: NdArray;
}

/**
 * A quantity of a data set that is accumulated batch by batch: three pure functions. Examples are given in order, in
 * batches of any size, the last one smaller.
 *
 * @typeParam A what is accumulated
 * @typeParam R the quantity: a number, or plain data such as a matrix
 *
 * @example
 * const largestError: StreamingMetric<number, number> = {
 *   mode: "min",
 *   init: () => 0,
 *   update(largest, { output, labels }) {
 *     const errors = Array.from(output.data, (y, i) => Math.abs(Number(y) - Number(labels.data[i])));
 *     return Math.max(largest, ...errors);
 *   },
 *   result: (largest) => largest,
 * };
 * largestError.update(0, { output: array([1, 5]), labels: array([1, 2]) }); // 3
 */
export interface StreamingMetric<A = unknown, R = unknown> {
  /** Whether a smaller (`min`) or a larger (`max`) result is better, which early stopping needs to know. */
  readonly mode?: "min" | "max" | undefined;
  /** What is accumulated before the first batch. */
  init(): A;
  /** Adds a batch; returns a new value. */
  update(accumulated: A, batch: MetricBatch): A;
  result(accumulated: A): R;
}

/** Metrics by name. */
export type MetricSet = Readonly<Record<string, StreamingMetric>>;

/** No metrics. */
export type NoMetrics = Record<never, never>;

/** The results of metrics, by name. */
export type ResultsOf<M> = {
  readonly [K in keyof M]: M[K] extends StreamingMetric<infer _, infer R> ? R : never;
};

/** Accumulates several metrics over batches. */
export interface Accumulation<M extends MetricSet> {
  update(batch: MetricBatch): void;
  results(): ResultsOf<M>;
}

export function accumulate<M extends MetricSet>(metrics: M): Accumulation<M> {
  const all = Object.entries(metrics).map(([name, metric]) => ({ name, metric, value: metric.init() }));
  return {
    update(batch) {
      for (const one of all) one.value = one.metric.update(one.value, batch);
    },
    results: () =>
      Object.fromEntries(all.map(({ name, metric, value }) => [name, metric.result(value)])) as ResultsOf<M>,
  };
}

/**
 * Checks metrics that no type checker has seen.
 *
 * @param taken names of other quantities
 * @throws OptionError
 */
export function requireMetrics(owner: string, metrics: unknown, taken: readonly string[]): void {
  if (!isPlainObject(metrics)) {
    throw new OptionError(
      `${owner}: metrics must be an object of metrics by name, such as { f1: f1() }; got ${describeValue(metrics)}.`,
    );
  }
  for (const [name, value] of Object.entries(metrics as object)) {
    const { init, update, result } = (value ?? {}) as Partial<StreamingMetric>;
    if (taken.includes(name)) {
      throw new OptionError(`${owner}: "${name}" is measured anyway; give the metric another name.`);
    }
    if ([init, update, result].every((f) => typeof f === "function")) continue;
    throw new OptionError(
      `${owner}: the metric "${name}" must have the functions init, update and result; got ${describeValue(value)}.${typeof value === "function" ? " Call it." : ""}`,
    );
  }
}

/** What is known of quantities before they are measured. */
export interface Quantities {
  /** Their names; left out where some are known after the first measurement alone. */
  readonly names?: readonly string[] | undefined;
  /** Whether a smaller or a larger value of one is better, if its metric tells. */
  modeOf(name: string): StreamingMetric["mode"];
}

/**
 * Checks metrics, and returns what is known of them and of what is measured anyway.
 *
 * @param taken names of what is measured anyway
 * @throws OptionError
 */
export function quantitiesOf(owner: string, metrics: MetricSet, taken: readonly string[]): Quantities {
  requireMetrics(owner, metrics, taken);
  return { names: [...taken, ...Object.keys(metrics)], modeOf: (name) => metrics[name]?.mode };
}

/** A sum over batches. */
export interface BatchMean {
  readonly sum: number;
  readonly batches: number;
}

/** The plain mean over batches of a quantity, which is undefined for batches that do not count. */
export const batchMean = (
  mode: "min" | "max",
  quantity: (batch: MetricBatch) => number | undefined,
): StreamingMetric<BatchMean, number> => ({
  mode,
  init: () => ({ sum: 0, batches: 0 }),
  update({ sum, batches }, batch) {
    const value = quantity(batch);
    return value === undefined ? { sum, batches } : { sum: sum + value, batches: batches + 1 };
  },
  result: ({ sum, batches }) => sum / batches,
});
