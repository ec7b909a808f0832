// The number by which trials are ranked.
import { mean, meanBy, median } from "es-toolkit";
import { nearest } from "../config/nearest.js";
import { valueAtPath } from "../dotted-path.js";
import type { RunDocument } from "../formats/json.js";
import type { Metric, SweepFile } from "./schema.js";

/** Whether a metric is a time, which depends on what else the machine did. */
export const isInSeconds = (name: string): boolean => /seconds/i.test(name);

/** The mean over the last 2 % of a run's steps; NaN where one of them is not finite. */
function endLoss(history: readonly (number | null)[]): number {
  const last = history.slice(-Math.max(1, Math.floor(history.length / 50)));
  return meanBy(last, (loss) => loss ?? Number.NaN);
}

/** A metric of a run; undefined where the run has no such number, or one that is not finite. */
export function metricOf(document: RunDocument, name: string): number | undefined {
  const value =
    name === "loss"
      ? endLoss(document.loss.history)
      : (valueAtPath(document, name) ?? valueAtPath(document.metrics, name));
  return Number.isFinite(value) ? value : undefined;
}

/** The first of the names of metrics that a run has no number of, be it finite or not, as a sentence. */
export function missingMetric(
  document: RunDocument,
  names: readonly string[],
): { readonly name: string; readonly message: string } | undefined {
  const { metrics } = document;
  const isKnown = (name: string) =>
    metricOf(document, name) !== undefined ||
    name === "loss" ||
    /^(loss|gradNormSq)\.(first|last)$/.test(name) ||
    name.replace(/^metrics\./, "") in metrics;
  const name = names.find((one) => !isKnown(one));
  if (name === undefined) return undefined;
  const known = ["loss", "steps", ...Object.keys(metrics)];
  const meant = nearest(name, known);
  const hint = meant === undefined ? "." : `; did you mean ${meant}?`;
  return { name, message: `The run has no number ${name}${hint} It has ${known.join(", ")}.` };
}

/** What runs have only after more than one step, or after some epochs. */
export const isOfLongRuns = (name: string): boolean =>
  /^(metrics\.)?(best\.epoch$|front\.step$|cost\.|conflicts\.|reported\.)|\[/.test(name);

/** What held-out rows have no part in: training losses, steps, times, and what moves did. */
const ofTraining =
  /^(?:metrics\.)?(?:loss|train|gradNormSq|steps|wallSeconds|seconds|target|front|teleports|cost|conflicts|move)(?:[.[]|$)/;

/** Parts of the data by how the names of metrics on their rows begin. */
const parts = { validation: "validation", start: "validation", test: "test", reported: "test" } as const;

/** The part of the data whose rows a metric is of; `training` of training losses, steps and times; undefined where the name does not tell. */
export function partOf(name: string): "validation" | "test" | "training" | undefined {
  if (ofTraining.test(name) || isInSeconds(name)) return "training";
  const [, word] = /^(?:metrics\.)?([a-z]+)\./i.exec(name) ?? [];
  return word !== undefined && Object.hasOwn(parts, word) ? parts[word as keyof typeof parts] : undefined;
}

const onValidation = /^(?:metrics\.)?validation\./;

/** The name, on test rows, of what trials are ranked by on validation rows; undefined of what has none. */
export const testNameOf = ({ confirm, metric }: Pick<SweepFile, "confirm" | "metric">): string | undefined =>
  confirm !== false && confirm.metric === undefined && onValidation.test(metric.name)
    ? metric.name.replace(onValidation, "test.")
    : undefined;

/** A value of which less is better. */
export const oriented = ({ goal }: Pick<Metric, "goal">, value: number): number =>
  goal === "maximize" ? -value : value;

/** The value of a trial from those of its seeds; NaN for a geometric mean of numbers that are not all positive. */
export function aggregated({ aggregate, goal }: Metric, values: readonly number[]): number {
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
