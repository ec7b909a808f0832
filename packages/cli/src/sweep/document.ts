import { groupBy } from "es-toolkit";
import type { JsonRecord } from "../run/json-lines.js";
import { bestTrials, type Confirmed } from "./confirm.js";
import { confirmationOf } from "./confirmation.js";
import type { StoredSweep } from "./directory.js";
import type { RunState, SweepState, TrialState } from "./engine-types.js";
import type { SearchEnd } from "./journal.js";
import { oriented } from "./metric.js";
import type { Metric, SweepFile } from "./schema.js";
import type { Assignment, Trial, TrialStatus } from "./types.js";

/** A run of a trial. */
export interface SweepRunDocument {
  /** Hash of all that it computes. */
  readonly run: string;
  readonly seed: number;
  /** null: it has not ended. */
  readonly status: TrialStatus | null;
  /** Of a completed run. */
  readonly value: number | null;
  readonly steps: number;
  /** Of computing. */
  readonly seconds: number;
  /** Why it failed or was lost. */
  readonly error: string | null;
  readonly directory: string | null;
}

/** A trial. */
export interface SweepTrialDocument {
  /** Counted from 0. */
  readonly trial: number;
  /** `completed`, `pruned`, `diverged`, `failed`, `lost` (its processes died), `cancelled`, `running`. */
  readonly status: Trial["status"];
  /** As the metric has it; of a pruned trial at the rung where it was stopped. */
  readonly value: number | null;
  /** At which it was pruned, in steps or epochs as the rule has it. */
  readonly rung: number | null;
  /** By their paths. */
  readonly parameters: Assignment;
  /** Whether another trial had the same runs before. */
  readonly reused: boolean;
  /** In the order of the seeds. */
  readonly runs: readonly SweepRunDocument[];
}

/** A run on a fresh seed that failed or was lost. */
export interface SweepFailure {
  /** "baseline", or the number of a trial. */
  readonly contender: string;
  readonly seed: number;
  /** `failed` or `lost`. */
  readonly status: "failed" | "lost";
  readonly error: string | null;
}

/** What `--json` prints for a sweep, and what `summary.json` holds. */
export interface SweepDocument {
  /** Of the sweep's file. */
  readonly name: string;
  /** Of this sweep, everywhere. */
  readonly id: string;
  readonly directory: string;
  /** `running` in a summary of a sweep under way. */
  readonly status: "completed" | "interrupted" | "running";
  /** Why the search is over; null: it is not. */
  readonly end: SearchEnd | null;
  /** Trials by their status. */
  readonly counts: Readonly<Record<string, number>>;
  readonly budget: SweepFile["budget"];
  /** Null where no trial was completed. */
  readonly best: { readonly trial: number; readonly parameters: Assignment; readonly value: number } | null;
  /** Empty where nothing is confirmed. */
  readonly confirmed: readonly Confirmed[];
  /** Runs on fresh seeds that failed or were lost. */
  readonly failures: readonly SweepFailure[];
  /** In the order in which they were asked. */
  readonly trials: readonly SweepTrialDocument[];
  /** Computers, with a process and its lane each, that computed runs. */
  readonly workers: readonly string[];
  /** That the sweep ran. */
  readonly seconds: number;
  /** Path of the page. */
  readonly report: string | null;
}

/** @param status left out: `completed` where it has ended, else `running` */
export function sweepDocument(
  sweep: StoredSweep,
  {
    status,
    report,
  }: { readonly status?: SweepDocument["status"]; readonly report?: string | undefined } = {},
): SweepDocument {
  const { directory, id, loaded, engine } = sweep;
  const { file } = loaded;
  const { state } = engine;
  const [best] = bestTrials(state.trials, 1);
  const lanes = new Set([...state.runs.values()].flatMap(({ record }) => record?.lane || []));
  return {
    name: file.name,
    id,
    directory,
    status: status ?? (state.hasEnded ? "completed" : "running"),
    end: state.why ?? null,
    counts: Object.fromEntries(
      Object.entries(groupBy(state.trials, (trial) => trial.status)).map(([key, list]) => [key, list.length]),
    ),
    budget: file.budget,
    best: best
      ? { trial: best.trial, parameters: best.parameters, value: oriented(file.metric, best.value as number) }
      : null,
    confirmed: confirmationOf(file, state),
    failures: failuresOf(state),
    trials: state.trials.map((trial) => trialDocument(trial, file.metric)),
    workers: [...lanes].sort(),
    seconds: state.seconds,
    report: report ?? null,
  };
}

function trialDocument(trial: TrialState, metric: Metric): SweepTrialDocument {
  const { trial: number, status, value, rung, parameters, runs } = trial;
  return {
    trial: number,
    status,
    value: value === undefined ? null : oriented(metric, value),
    rung: rung ?? null,
    parameters,
    reused: runs.every(({ place }) => !place.startsWith(`${number}-`)),
    runs: runs.map((run) => runDocument(run, metric)),
  };
}

const runDocument = ({ id, seed, record }: RunState, { name }: Metric): SweepRunDocument => ({
  run: id,
  seed,
  status: record?.status ?? null,
  // Of others it is what they had at their last evaluation, before they ended.
  value: (record?.status === "completed" ? record.values[name] : undefined) ?? null,
  steps: record?.steps ?? 0,
  seconds: record?.seconds ?? 0,
  error: record?.error ?? null,
  directory: record?.directory ?? null,
});

/** Runs on fresh seeds that failed or were lost. */
function failuresOf({ contenders = [] }: SweepState): readonly SweepFailure[] {
  return contenders.flatMap(({ trial, runs }) =>
    runs.flatMap(({ seed, record }) =>
      record?.status === "failed" || record?.status === "lost"
        ? [{ contender: String(trial), seed, status: record.status, error: record.error ?? null }]
        : [],
    ),
  );
}

/** The trials as rows of a table: parameters and runs' values in columns of their own. */
export function trialRows({ trials }: Pick<SweepDocument, "trials">): JsonRecord[] {
  return trials.map(({ trial, status, value, rung, parameters, reused, runs }) => ({
    trial,
    status,
    value,
    rung,
    parameters: Object.fromEntries(
      Object.entries(parameters).map(([path, one]) => [
        path,
        typeof one === "object" && one !== null ? JSON.stringify(one) : one,
      ]),
    ),
    values: Object.fromEntries(runs.map(({ seed, value: own }) => [seed, own])),
    steps: runs.reduce((sum, run) => sum + run.steps, 0),
    seconds: runs.reduce((sum, run) => sum + run.seconds, 0),
    reused,
  }));
}
