import type { PastVerdict, QueueHost, QueueLanes, VerdictRequest } from "isoloss-queue";
import type { Job } from "../experiments/jobs/job.js";
import type { JobProgress } from "../experiments/kind.js";
import type { RunCurve } from "./run-curve.js";
import type { Prune } from "./schema.js";
import type { TrialStatus, Verdict } from "./types.js";

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

export interface RequestedPauses {
  readonly rule: Prune;
  readonly metric: string;
  readonly goal: "minimize" | "maximize";
}

/** A run has reached a rung. Less is better: values are negated where the metric is maximized. */
export interface RungReport extends VerdictRequest {
  /** Of the rung. */
  readonly unit: Prune["unit"];
  /** The rung in steps of this run. */
  readonly step: number;
}

/** A verdict as it is kept. */
export interface RungVerdict extends Omit<PastVerdict, "run" | "seed"> {
  readonly step: number;
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

/** What lanes tell the sweep's process, which local ones ask for verdicts, too. */
export interface LaneHost extends QueueHost<RunRecord> {
  /** The verdict on a run at a rung. It is final: the same again for a run that reports again. */
  judge(report: RungReport): Verdict | Promise<Verdict>;
  progress(run: string, at: JobProgress): void;
}

type OfQueue = QueueLanes<RunRequest, RunRecord>;
/** What lanes do that go on without this process. */
type OfOthers = "asked" | "handedOver" | "finish";

/** What computes runs: child processes of this computer, or workers behind a queue. */
export interface Lanes
  extends Omit<OfQueue, OfOthers | "start" | "forget">,
    Partial<Pick<OfQueue, OfOthers>> {
  /** @param before the records that the sweep has already: none of these runs will be submitted */
  start(host: LaneHost, before: readonly RunRecord[]): Promise<void>;
}
