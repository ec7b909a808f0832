// What is to be known of the trials that stand for a choice of `confirm.each`, where pruning or failures left it no completed one.
import { isDeepStrictEqual } from "node:util";
import type { Json } from "../run/json-lines.js";
import { bestOfEach } from "./confirm.js";
import type { Assignment, Trial } from "./types.js";

/** A value in a sentence. */
export const wordOf = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** Whether a trial is of the baseline's choice. */
export const hasValueOf =
  (baseline: Assignment, path: string) =>
  ({ parameters }: Pick<Trial, "parameters">): boolean =>
    isDeepStrictEqual(parameters[path], baseline[path]);

export const noneOf = (each: string, value: Json): string =>
  `No trial with ${each} ${wordOf(value)} was completed`;

/** Of a choice all of whose trials were pruned. */
export const caveatsOfChoice = (each: string, chosen: Trial | undefined): string[] =>
  chosen?.status === "pruned"
    ? [
        `${noneOf(each, chosen.parameters[each])}: of those that were pruned this one came furthest, to the rung ${chosen.rung}.`,
      ]
    : [];

/**
 * Of a baseline that is not as well tuned as what is compared with it.
 *
 * @param given what the file says of it
 * @param own the parameters of what is compared with it
 * @param baseline its own, as the journal has them
 */
export function caveatsOfBaseline(
  each: string,
  {
    given,
    trials,
    own,
    baseline,
  }: {
    readonly given: Assignment;
    readonly trials: readonly Trial[];
    readonly own: Assignment;
    readonly baseline: Assignment;
  },
): string[] {
  const source = bestOfEach(trials, each).find(hasValueOf(given, each));
  // A journal may be of a time when a pruned trial was not taken.
  if (source && isDeepStrictEqual({ ...source.parameters, ...given }, baseline)) {
    const isAllGiven = Object.keys(baseline).every((path) => path in given);
    return source.status === "completed" || isAllGiven
      ? []
      : [
          `${noneOf(each, given[each])}: the baseline has the settings of trial ${source.trial}, which of those that were pruned came furthest, to the rung ${source.rung}.`,
        ];
  }
  const untuned = Object.keys(own).filter((path) => !(path in baseline));
  return untuned.length === 0
    ? []
    : [
        `${noneOf(each, given[each])}: the baseline has the experiment's own ${untuned.join(", ")}, which the search did not tune.`,
      ];
}
