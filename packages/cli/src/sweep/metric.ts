// The number by which trials are ranked.
import { resultName } from "isoloss/metrics";
import { valueAtPath } from "../dotted-path.js";
import type { RunDocument } from "../formats/json.js";
import { median } from "./prune.js";
import type { Metric, SweepFile } from "./types.js";

/** Whether a metric is a time, which depends on what else the machine did. */
export const isInSeconds = (name: string): boolean => /seconds/i.test(name);

/** The mean over the last 2 % of a run's steps; NaN where one of them is not finite. */
function endLoss(history: readonly (number | null)[]): number {
  const last = history.slice(-Math.max(1, Math.floor(history.length / 50)));
  return last.reduce<number>((sum, loss) => sum + (loss ?? Number.NaN), 0) / last.length;
}

/** A metric of a run; undefined where the run has no such number, or one that is not finite. */
export function metricOf(document: RunDocument, name: string): number | undefined {
  const value =
    name === "loss"
      ? endLoss(document.loss.history)
      : (valueAtPath(document, name) ?? valueAtPath(document.metrics, name));
  return Number.isFinite(value) ? value : undefined;
}

/** The part of the data whose rows a metric is of; undefined of others, such as training losses and steps. */
export const partOf = (name: string): "validation" | "test" | undefined =>
  /^(?:metrics\.)?(validation|test)\./.exec(name)?.[1] as "validation" | "test" | undefined;

/** The name, on test rows, of what trials are ranked by on validation rows; undefined of what has none. */
export const testNameOf = ({ confirm, metric }: Pick<SweepFile, "confirm" | "metric">): string | undefined =>
  confirm !== false && confirm.metric === undefined && partOf(metric.name) === "validation"
    ? metric.name.replace(/^(?:metrics\.)?validation\./, "test.")
    : undefined;

/** The goal that a metric's name tells: where it tells none, less is better. */
export const goalOf = (name: string): Metric["goal"] =>
  resultName(name).better === "max" ? "maximize" : "minimize";

/** A value of which less is better. */
export const oriented = ({ goal }: Pick<Metric, "goal">, value: number): number =>
  goal === "maximize" ? -value : value;

/** The value of a trial from those of its seeds; NaN for a geometric mean of numbers that are not all positive. */
export function aggregated({ aggregate, goal }: Metric, values: readonly number[]): number {
  const mean = (list: readonly number[]) => list.reduce((sum, value) => sum + value, 0) / list.length;
  switch (aggregate) {
    case "mean":
      return mean(values);
    case "median":
      return median(values);
    case "geometric":
      return values.every((value) => value > 0) ? Math.exp(mean(values.map(Math.log))) : Number.NaN;
    case "worst":
      return goal === "minimize" ? Math.max(...values) : Math.min(...values);
  }
}
