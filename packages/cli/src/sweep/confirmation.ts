// Who is confirmed on fresh seeds, and the results so far: of the engine, which may add seeds, and of the document.
import { isDeepStrictEqual } from "node:util";
import { partition, pick } from "es-toolkit";
import { besideConstant, measuresOn } from "../experiments/results/to-target.js";
import {
  bestOfEach,
  bestTrials,
  type Confirmed,
  caveatsOfBaseline,
  caveatsOfChoice,
  confirmed,
  hasValueOf,
  type Judging,
  type SeedValues,
  wordOf,
} from "./confirm.js";
import type { RunState, SweepState, TrialState } from "./engine-types.js";
import { oriented, partOf, testNameOf } from "./metric.js";
import { type ConfirmPlan, goalOf, type Metric, type SweepFile } from "./schema.js";
import type { Assignment, Trial } from "./types.js";

/** Trials to confirm, and what they are compared with; undefined where no trial was completed, or there is none to compare. */
export function contendersOf(
  trials: readonly Trial[],
  { best, each, baseline }: ConfirmPlan,
): { readonly trials: readonly Trial[]; readonly baseline: Assignment } | undefined {
  const completed = bestTrials(trials, best);
  if (completed.length === 0) return undefined;
  if (each === undefined) return { trials: completed, baseline };
  const chosen = bestOfEach(trials, each);
  const others = chosen.filter((trial) => !hasValueOf(baseline, each)(trial));
  if (others.length === 0) return undefined;
  // As well tuned as the others.
  return {
    trials: others,
    baseline: { ...chosen.find(hasValueOf(baseline, each))?.parameters, ...baseline },
  };
}

/**
 * The contenders on fresh seeds, against the baseline.
 *
 * @param count only the first so many seeds
 */
export function confirmationOf(
  { confirm, metric, set }: Pick<SweepFile, "confirm" | "metric"> & Partial<Pick<SweepFile, "set">>,
  state: Pick<SweepState, "contenders" | "rows"> & { readonly trials: readonly TrialState[] },
  count = Infinity,
): readonly Confirmed[] {
  const { contenders, trials } = state;
  if (confirm === false || contenders === undefined) return [];
  const { each } = confirm;
  const judging = judgingOf({ confirm, metric }, state);
  const compared: Metric =
    confirm.metric === undefined
      ? { ...metric, name: judging.name }
      : { ...metric, name: confirm.metric, goal: goalOf(confirm.metric) };
  const valuesOf = (runs: readonly RunState[]): SeedValues =>
    new Map(
      runs.slice(0, count).flatMap(({ seed, record }): [number, number][] => {
        if (record === undefined || !["completed", "diverged"].includes(record.status)) return [];
        // A diverged run has no value, whatever it was before.
        const value = record.status === "diverged" ? null : numberOf(record, compared.name);
        return [[seed, value ?? Number.NaN]];
      }),
    );
  const baseline = contenders.find(({ trial }) => trial === "baseline");
  if (baseline === undefined) return [];
  const parts = judging.rows === null ? ["test", "validation"] : [judging.rows];
  const names = [compared.name.replace(/^metrics\./, ""), ...parts.flatMap(measuresOn)];
  /** Seeds that two lanes computed, as after an interruption. */
  const unpaired = (runs: readonly RunState[]): readonly number[] =>
    confirm.metric === undefined
      ? []
      : runs.slice(0, count).flatMap(({ seed, record }, i) => {
          const other = baseline.runs[i]?.record;
          return record && other && record.lane !== other.lane ? [seed] : [];
        });
  return confirmed(
    compared,
    valuesOf(baseline.runs),
    contenders.flatMap(({ trial, runs, parameters }) => {
      if (trial === "baseline") return [];
      const { value, status } = trials[trial] ?? {};
      // A pruned one has that of its rung.
      const tuning =
        value === undefined || status === "pruned" || confirm.metric !== undefined
          ? undefined
          : oriented(metric, value);
      return [
        {
          trial,
          fresh: valuesOf(runs),
          tuning,
          unpaired: unpaired(runs),
          // Runs of the same settings and seed are one.
          isBaseline: runs.every((run, i) => run === baseline.runs[i]),
          besideConstant: (level: number) =>
            besideConstant(
              runs
                .slice(0, count)
                .flatMap(({ record }) => (record?.status === "completed" ? [record.metrics ?? {}] : [])),
              { names, level },
            ),
          ...(each === undefined
            ? {}
            : {
                label: `${each} ${wordOf(parameters[each])}`,
                isControl: confirm.controls?.some((value) =>
                  hasValueOf({ [each]: value }, each)({ parameters }),
                ),
                ...besideBaseline(each, parameters, baseline.parameters),
                caveats: [
                  ...caveatsOfChoice(each, trials[trial]),
                  ...caveatsOfBaseline(each, confirm.baseline, trials, {
                    own: parameters,
                    baseline: baseline.parameters,
                  }),
                ],
              }),
        },
      ];
    }),
    {
      ...judging,
      baselineIs: settingsText(
        each === undefined ? baseline.parameters : pick(baseline.parameters, [each]),
        set,
      ),
      absent: absentControls(confirm, contenders),
    },
  );
}

/** Settings of a baseline; where it has none of its own, those that are common to all trials. */
function settingsText(settings: Assignment, set: Assignment = {}): string {
  const [own, common] = [settings, set].map((given) =>
    Object.entries(given)
      .map(([path, value]) => `${path} ${wordOf(value)}`)
      .join(", "),
  );
  if (own !== "") return own;
  const shown = common.length > 60 ? "those of set" : common;
  return `the experiment's own settings${shown === "" ? "" : ` with ${shown}`}`;
}

/** Controls all of whose trials failed or diverged in the search. */
function absentControls(
  { each, controls = [] }: ConfirmPlan,
  contenders: NonNullable<SweepState["contenders"]>,
): string[] {
  if (each === undefined) return [];
  const absent = controls.filter((value) => !contenders.some(hasValueOf({ [each]: value }, each)));
  return absent.map((value) => `${each} ${wordOf(value)}`);
}

const numberOf = ({ values, metrics }: NonNullable<RunState["record"]>, name: string) =>
  values[name] ?? metrics?.[name];

/** What the fresh seeds are judged by, and which rows: those that chose nothing, where there are such. */
function judgingOf(
  file: Pick<SweepFile, "confirm" | "metric">,
  { contenders = [], rows: fresh }: Pick<SweepState, "contenders" | "rows">,
): Judging & { readonly name: string } {
  const { confirm, metric } = file;
  const { name } = metric;
  const part = confirm !== false && confirm.metric === undefined ? partOf(name) : "training";
  if (part === "training") {
    return { name, rows: null, rowsChose: false, text: `${seedsVary}, the data do not.` };
  }
  if (part === undefined) {
    const text = `The name ${name} does not tell which rows judged: they may also have chosen. Rank by a number that runs also report on test rows.`;
    return { name, rows: null, rowsChose: true, text };
  }
  const onTest = testNameOf(file);
  const completed = contenders.flatMap(({ runs }) =>
    runs.flatMap(({ record }) => (record?.status === "completed" ? [record] : [])),
  );
  const hasTest = (record: (typeof completed)[number]) => typeof numberOf(record, onTest ?? "") === "number";
  if (fresh !== undefined && onTest !== undefined && completed.length > 0 && completed.every(hasTest)) {
    const divisions = fresh === "divided" ? ", the division into training and validation rows" : "";
    return {
      name: onTest,
      rows: "test",
      rowsChose: false,
      tunedBy: name,
      text: `Test rows judged, which chose nothing. From seed to seed starts, orders of batches${divisions} and these rows vary.`,
    };
  }
  const advice =
    part === "test"
      ? "rank trials by validation rows, where the data have such"
      : onTest === undefined || (fresh !== undefined && !completed.some(hasTest))
        ? "rank by a number that runs also report on test rows"
        : "begin a new sweep with a part for testing, where the data can have one";
  // By a number that runs do not have on test rows.
  const [which, vary] =
    fresh === "divided"
      ? ["and those that chose are among them", `${seedsVary}, and the division of the same rows`]
      : ["which also chose, the same for all seeds", `${seedsVary} alone`];
  return {
    name,
    rows: part,
    rowsChose: true,
    text: `The ${part} rows judged, ${which}. ${vary}, so this shows neither a gain nor a loss on other rows: ${advice}.`,
  };
}

const seedsVary = "From seed to seed starts and orders of batches vary";

/** Settings besides the compared one that two trials have: those in which they differ, and those of both. */
function besideBaseline(each: string, own: Assignment, baseline: Assignment) {
  const paths = Object.keys(own).filter((path) => path !== each && path in baseline);
  const [same, others] = partition(paths, (path) => isDeepStrictEqual(own[path], baseline[path]));
  return {
    apart: others.map((path) => `${path} ${wordOf(own[path])} against ${wordOf(baseline[path])}`),
    shared: same.map((path) => `${path} ${wordOf(own[path])}`),
  };
}

/**
 * How many of the fresh seeds run by now: all of them, or with `until` those up to the first number at which all
 * intervals are narrow enough.
 */
export function seedsDue(
  file: Pick<SweepFile, "metric"> & { readonly confirm: ConfirmPlan },
  state: Parameters<typeof confirmationOf>[1],
): number {
  const { seeds, until } = file.confirm;
  if (!until) return seeds.length;
  const hasAll = (n: number) =>
    state.contenders?.every(({ runs }) => runs.slice(0, n).every((run) => run.record));
  const isPrecise = (n: number) =>
    confirmationOf(file, state, n).every(({ comparison }) => {
      // Runs that diverged give none, however many seeds there are.
      if (comparison === null) return true;
      const { interval } = comparison;
      return interval !== null && (interval[1] - interval[0]) / 2 <= until.precision;
    });
  let n = Math.min(until.from, seeds.length);
  while (n < seeds.length && hasAll(n) && !isPrecise(n)) n++;
  return n;
}
