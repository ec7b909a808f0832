import type { Job } from "../experiments/jobs/job.js";
import type { JobProgress } from "../experiments/kind.js";
import type { RunCurve } from "./run-curve.js";
import type { Prune } from "./schema.js";
import type { AskEntry, TrialStatus, Verdict } from "./types.js";

/** A run to compute, as plain data: it may go to another process or another computer. */
export interface RunRequest {
  /** `r-` and 20 letters: a hash of all that the run computes. Equal runs of several trials are one. */
  readonly id: string;
  /** Name of its directory, such as `3-0`: the trial and the seed. */
  readonly place: string;
  /** What is computed; lanes add where its directory is. */
  readonly job: Pick<Job, "name" | "variant" | "seed" | "kind" | "settings" | "config">;
  /** Where it reports, and what. Left out: nowhere. */
  readonly pauses?: RequestedPauses | undefined;
  /** Paths of the numbers that its record is to have, as in a sweep's `metric.name`. */
  readonly metrics: readonly string[];
  /** Seconds; left out: no limit. */
  readonly timeout?: number | undefined;
  /** Runs with the same number are computed in one lane: their times are compared. */
  readonly together?: number | undefined;
  /** Its record holds the whole run, for a caller that needs its files here. */
  readonly isBrought?: true | undefined;
}

/** Rungs of a run. */
export interface RequestedPauses {
  readonly rule: Prune;
  readonly metric: string;
  readonly goal: "minimize" | "maximize";
}

/** A run has reached a rung. Less is better: values are negated where the metric is maximized. */
export interface RungReport {
  readonly run: string;
  /** Values are compared among the runs of a seed. */
  readonly seed: number;
  /** In `unit`. */
  readonly rung: number;
  readonly unit: Prune["unit"];
  /** The rung in steps of this run. */
  readonly step: number;
  /** May be no finite number. */
  readonly value: number;
  /** The run's best up to here, this one included. */
  readonly best: number;
}

/** A verdict as it is kept, with what it was based on. */
export interface RungVerdict {
  readonly rung: number;
  readonly step: number;
  /** null where it was not finite. */
  readonly value: number | null;
  readonly verdict: Verdict;
  /** Number of values at the rung then, this one among them. */
  readonly n: number;
  /** 1 for the best. */
  readonly rank: number;
}

/** The result of a run. There is one for each run. */
export interface RunRecord {
  readonly run: string;
  readonly status: TrialStatus;
  /** The numbers that were asked for, by their paths; null where there is none or it is not finite. */
  readonly values: Readonly<Record<string, number | null>>;
  /** All metrics of the run's document. */
  readonly metrics: Readonly<Record<string, number | null>>;
  readonly steps: number;
  /** Seconds of computing. */
  readonly seconds: number;
  readonly curve?: RunCurve | undefined;
  /** Why it failed or was lost. */
  readonly error?: string | undefined;
  /** It failed as its data are not on this computer, or are others. */
  readonly isMissingData?: true | undefined;
  /** It ended, and failed as it has no number of the name of a metric. */
  readonly isUnknownMetric?: true | undefined;
  /** Of a run whose verdicts the sweep's own process has not made. */
  readonly verdicts?: readonly RungVerdict[] | undefined;
  /** Who computed it: computer, process and lane. Times of one lane can be compared. */
  readonly lane: string;
  /** The run's directory; null where it is not on this computer. */
  readonly directory: string | null;
  /** The whole run, see `packRun`, where that was asked for. */
  readonly brought?: string | undefined;
}

/** The record of a run that nobody computed to its end. */
export const unfinishedRecord = (
  run: string,
  status: "cancelled" | "lost" | "failed",
  { lane = "", error }: Pick<RunRecord, "error"> & { readonly lane?: string } = {},
): RunRecord => ({
  run,
  status,
  ...(error === undefined ? {} : { error }),
  values: {},
  metrics: {},
  steps: 0,
  seconds: 0,
  lane,
  directory: null,
});

/** What lanes tell the sweep's process. Everything may be told more than once; only the first record of a run counts. */
export interface LaneHost {
  record(record: RunRecord): void;
  /**
   * The verdict on a run at a rung. It is final: the same again for a run that reports again. Lanes with a server that
   * makes verdicts do not call this; their records bring the verdicts along.
   */
  judge(report: RungReport): Verdict | Promise<Verdict>;
  progress(run: string, at: JobProgress): void;
  /** The width has changed, or something else that `wanted` depends on. */
  changed(): void;
  /** Tells the user a line, once. */
  note(line: string): void;
  /** The sweep cannot go on here. */
  fail(error: Error): void;
}

/** What computes runs: child processes of this computer, or workers behind a queue. */
export interface Lanes {
  /**
   * @param before the records that the sweep has already: none of these runs will be submitted
   */
  start(host: LaneHost, before: readonly RunRecord[]): Promise<void>;
  /** How many runs can be under way at the same time: an adaptive sampler keeps no more. */
  readonly width: number;
  /** How many processes or computers that is, as the progress line says it: "2 lanes", "3 workers, 8 lanes". */
  readonly words: string;
  /** Told after the asks are in the journal, and before their runs are submitted. */
  asked?(asks: readonly AskEntry[]): void;
  /** Takes runs, in the order in which they are to begin. Ids that it has already are ignored. */
  submit(runs: readonly RunRequest[]): void;
  /** Of lanes that go on without this process: waits until they have all that was submitted. */
  handedOver?(): Promise<unknown>;
  /** Drops the runs that have not begun, and tells which. Those under way go on. */
  withdraw(): Promise<readonly string[]>;
  /** Drops runs that have not begun, and stops those that have. They are recorded as cancelled by then. */
  cancel(runs: readonly string[]): void;
  /** The sweep is over, for all who compute for it; before `stop`. */
  finish?(): Promise<void>;
  /** Ends: runs under way save a checkpoint. The host hears nothing more once it resolves. */
  stop(): Promise<void>;
}
