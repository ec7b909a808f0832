import type { MetricSet, ResultsOf } from "../metrics/metric.js";

/** Quantities of a model on a data set. */
export interface Metrics {
  /** Mean over the examples (over batches of 500, weighted by size, where the loss is not a mean). */
  readonly loss: number;
  /** Fraction of correct classes, 0..1; only for classifiers. */
  readonly accuracy?: number | undefined;
}

/** Quantities of a model on a data set, and the results of metrics by name. */
export type Evaluation<M extends MetricSet = MetricSet> = Metrics & ResultsOf<M>;

/** The end of an epoch, as plain data. */
export interface EpochRow<V = Metrics> {
  /** Passes over the data done. */
  readonly epoch: number;
  /** Steps done. */
  readonly step: number;
  /** Mean training loss of the epoch's batches, each before its step; of several tasks the mean of their losses. */
  readonly loss: number;
  /** Seconds of training so far, as in the history of steps. */
  readonly seconds: number;
  /** What was measured on the validation data; left out without such. */
  readonly validation?: V | undefined;
}

/** The best epoch of a run so far, as plain data. */
export interface BestEpoch<P, S> {
  readonly epoch: number;
  /** Name of the quantity, and its value then. */
  readonly metric: string;
  readonly value: number;
  readonly params: P;
  readonly state: S;
}
