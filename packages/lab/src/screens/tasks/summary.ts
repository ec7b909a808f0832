// The rows of the tables below the charts.
import { formatValue } from "isoloss-figures/base";
import { attemptTexts, formatSeconds, none } from "../../app/format.js";
import type { Arrival, Course } from "./course.js";

export const columns = {
  arrived: "reached the front",
  distance: "last distance",
  losses: "last losses",
  seconds: "time *",
  refused: "of it in refused attempts *",
  teleports: "teleports accepted",
  /** The largest change of the mean loss by an accepted one. */
  change: "losses moved by up to",
};

export function summaryOf(course: Course): Readonly<Record<keyof typeof columns | "note", string>> {
  const { status, step, distance, first, second, seconds, attempts, note } = course;
  const last = step.length - 1;
  const value = (list: Float64Array) => (last < 0 ? none : formatValue(list[last]));
  const changes = attempts.change.filter((_, k) => attempts.accepted[k] === 1);
  const { teleports, refused, refusal } = attemptTexts(attempts);
  const ways = {
    running: `not yet, at step ${step[last] ?? 0}`,
    front: `at step ${step[last]}`,
    done: "no",
    failed: `failed at step ${step[last]}`,
  };
  return {
    arrived: ways[status],
    distance: value(distance),
    losses: `${value(first)}, ${value(second)}`,
    seconds: last < 0 ? none : formatSeconds(seconds[last]),
    refused,
    teleports,
    change: changes.length === 0 ? none : formatValue(changes.reduce((a, b) => Math.max(a, b))),
    // The report's advice on settings is left out.
    note: [note, refusal?.split(". ")[0]].filter(Boolean).join("; "),
  };
}

/** Of the runs of one kind, the steps at which they reached the front, in the order of the starts. */
export function arrivalRow(
  arrivals: readonly Arrival[],
  run: Pick<Arrival, "method" | "variant">,
  { starts, isGoingOn }: { readonly starts: number; readonly isGoingOn: boolean },
): { readonly cells: readonly string[]; readonly total: string } {
  const mine = arrivals.filter(({ method, variant }) => method === run.method && variant === run.variant);
  const cells = Array.from({ length: starts }, (_, k) => {
    const found = mine.find(({ start }) => start === k);
    if (found === undefined) return isGoingOn ? "…" : none;
    return found.arrived === undefined ? "no" : String(found.arrived);
  });
  return { cells, total: `${mine.filter(({ arrived }) => arrived !== undefined).length} of ${starts}` };
}
