import { isDeepStrictEqual } from "node:util";
import { countBy } from "es-toolkit";
import { axisOf } from "./axis.js";
import { noneOf } from "./confirm.js";
import type { StoredSweep } from "./directory.js";
import type { SweepDocument } from "./document.js";
import { samplerOf } from "./samplers/sampler.js";
import type { SweepFile } from "./schema.js";
import type { Parameter } from "./types.js";

/**
 * Numbers of the best trials that are the least or the largest of what is tried, as sentences: the search may have ended
 * before the best ones.
 */
export function edgesOf(
  { parameters }: Pick<SweepFile, "parameters">,
  { best, confirmed, trials }: Pick<SweepDocument, "best" | "confirmed" | "trials">,
): string[] {
  const shown = new Set([...(best === null ? [] : [best]), ...confirmed].map(({ trial }) => trial));
  return trials
    .filter(({ trial }) => shown.has(trial))
    .flatMap(({ trial, parameters: own }) =>
      Object.entries(own).flatMap(([path, value]) => {
        const end = endsOf(parameters[path]).indexOf(value);
        if (end < 0) return [];
        return `Trial ${trial} has the ${end === 0 ? "least" : "largest"} ${path} of those tried, ${value}: a better one may lie beyond.`;
      }),
    );
}

/** The least and the largest of three numbers or more; none where there is no order. */
function endsOf(parameter: Parameter | undefined): readonly unknown[] {
  if (parameter === undefined) return [];
  if ("min" in parameter) {
    // Steps may end before max.
    const { bins } = axisOf(parameter);
    return bins ? [bins.value(0), bins.value(bins.count - 1)] : [parameter.min, parameter.max];
  }
  const values = "values" in parameter ? parameter.values : [];
  const numbers = values.filter((value) => typeof value === "number");
  return numbers.length > 2 && numbers.length === values.length
    ? [Math.min(...numbers), Math.max(...numbers)]
    : [];
}

/** Choices that were not compared, as none of their trials was completed or pruned, as sentences. */
export function leftOut(
  { confirm, parameters }: Pick<SweepFile, "confirm" | "parameters">,
  { end, trials }: Pick<SweepDocument, "end" | "trials">,
): string[] {
  if (confirm === false || confirm.each === undefined || end === null) return [];
  const { each, baseline } = confirm;
  const parameter = parameters[each];
  if (parameter === undefined || !("values" in parameter)) return [];
  return parameter.values.flatMap((value) => {
    const own = trials.filter((trial) => isDeepStrictEqual(trial.parameters[each], value));
    const isCompared = own.some(({ status }) => status === "completed" || status === "pruned");
    if (isCompared || isDeepStrictEqual(value, baseline[each])) return [];
    const counts = Object.entries(countBy(own, ({ status }) => status)).map(
      ([status, n]) => `${n} ${status}`,
    );
    return [
      `${noneOf(each, value)} (${counts.join(", ") || "none was asked"}): it is compared with nothing.`,
    ];
  });
}

/** "60 of 240 points" of a grid that a budget ends before; undefined otherwise. */
export function partOfGrid(file: SweepFile): string | undefined {
  if (file.method !== "grid") return undefined;
  const { size } = samplerOf(file);
  const { trials = Infinity } = file.budget;
  return trials < size ? `${trials} of ${size} points` : undefined;
}

/** Why the search ended before all of its trials had, and how much of its grid that was, as sentences; none where there is nothing to say. */
export function searchEnd(
  { loaded: { file } }: Pick<StoredSweep, "loaded">,
  document: SweepDocument,
): string[] {
  const part = partOfGrid(file);
  const { end, trials } = document;
  const error = trials.flatMap(({ runs }) => runs.flatMap((run) => run.error ?? []))[0];
  const reasons = {
    trials: undefined,
    target: `The search ended as a trial reached metric.target, ${file.metric.target}.`,
    failures: `The search ended as its first trials failed (stopAfter): ${error ?? "no reason is known"}`,
    seconds: `The search ended as budget.seconds, ${file.budget.seconds}, were over.`,
    steps: `The search ended as budget.steps, ${file.budget.steps}, were done.`,
  };
  const reason = end === null ? undefined : reasons[end];
  return [...(part ? [`Of the grid ${part}.`] : []), ...(reason ? [reason] : [])];
}
