// What a worker and what computes for it say to each other.
import type { QueueAddress } from "./connection.js";
import type { QueuedRecord, QueuedRun } from "./lanes.js";
import type { ServerRule, VerdictRequest, WorkerVerdict } from "./scripts.js";
import type { SweepNotice } from "./sweeps.js";
import type { QueueTiming } from "./timing.js";

/** What computing runs tells. */
export interface ComputingHost<Rec extends QueuedRecord, Report extends VerdictRequest> {
  record(record: Rec): void;
  judge(report: Report): Promise<"go" | "stop">;
  progress(run: string, at: unknown): void;
  /** No run can be computed on this computer any more, as on a disk that is full: the worker ends with the error. */
  fail(error: Error): void;
}

/** What computes runs on this computer, in other processes: this one must always answer. */
export interface Computing<Run extends QueuedRun, Rec extends QueuedRecord, Report extends VerdictRequest> {
  start(host: ComputingHost<Rec, Report>): Promise<void>;
  /** Also of a run that it has computed before. */
  submit(run: Run, sweep: SweepNotice): void;
  /** The run is stopped and forgotten; the host hears no more of it. */
  cancel(run: string): void;
  /** All runs save a checkpoint and stop; the host hears no more of them. */
  stop(): Promise<void>;
}

export interface QueueWorkerOptions<
  Run extends QueuedRun,
  Rec extends QueuedRecord,
  Report extends VerdictRequest,
> extends QueueAddress {
  /** Computer and process. */
  readonly name: string;
  /** `any`: it serves sweeps of all. */
  readonly version: string;
  /** Runs at the same time. */
  readonly lanes: number;
  /** Names of data sets that are not on this computer. */
  readonly missing?: readonly string[] | undefined;
  readonly computing: Computing<Run, Rec, Report>;
  /** The rule of a run that reports. */
  ruleOf(run: Run): ServerRule;
  /** A record with the verdicts that were made on its run. */
  withVerdicts(record: Rec, verdicts: readonly (readonly [Report, WorkerVerdict])[]): Rec;
  /** Why a sweep cannot be served here; undefined where it can. */
  refusal(sweep: SweepNotice): Promise<string | undefined>;
  /** Why a run is given back, with its sweep, as by what is missing on this computer alone. */
  givenBack?(record: Rec): string | undefined;
  /** Only this sweep. */
  readonly sweep?: string | undefined;
  /** Ends after so many seconds without a run. */
  readonly idleExit?: number | undefined;
  /** Ends after one run. */
  readonly once?: boolean | undefined;
  /** Ends it: runs under way save a checkpoint and are given back. */
  readonly signal?: AbortSignal | undefined;
  onNote(line: string): void;
  /** A run was counted, or not: its record came late, or it was dropped without one. */
  onRun?(run: Run, outcome: string, sweep: SweepNotice, record?: Rec): void;
  readonly timing?: Partial<QueueTiming> | undefined;
}
