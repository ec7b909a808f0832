// What a sweep's process and its queue say to each other. Runs and records are plain data, which only their makers read.
import type { QueueAddress } from "./connection.js";
import type { PastVerdict } from "./scripts.js";
import type { QueuedAsk, SweepNotice } from "./sweeps.js";
import type { QueueTiming } from "./timing.js";

/** A run as it goes to a worker: plain data. */
export interface QueuedRun {
  /** Equal runs have equal ids; without a colon. */
  readonly id: string;
}

/** The result of a run, as plain data. */
export interface QueuedRecord {
  readonly run: string;
}

/** The process of a sweep, as its lanes call it. They may repeat themselves; only the first record of a run counts. */
export interface QueueHost<Rec extends QueuedRecord> {
  record(record: Rec): void;
  // biome-ignore lint/suspicious/noExplicitAny: what workers report, which is theirs
  progress(run: string, at: any): void;
  /** The number of workers has changed, or something else that the next runs depend on. */
  changed(): void;
  /** A line for the user, once. */
  note(line: string): void;
  /** The sweep cannot go on in this process. */
  fail(error: Error): void;
}

export interface QueueLanesOptions<Run extends QueuedRun, Rec extends QueuedRecord> extends QueueAddress {
  readonly sweep: SweepNotice;
  /** All that another computer needs to make the sweep's directory, as a JSON value. */
  readonly spec: unknown;
  /** The asks that the sweep has already, in their order, as JSON values. */
  readonly asks: readonly QueuedAsk[];
  /** All verdicts that are known here, for a server that has lost its own. Left out: there are none. */
  verdicts?(): readonly PastVerdict[];
  /** The record of a run whose workers died. */
  lost(run: Run, why: string): Rec;
  readonly timing?: Partial<QueueTiming> | undefined;
  /** A worker is being started: a note of the lack of one comes only where it lasts. Default false. */
  readonly expectsWorker?: boolean | undefined;
}

/** Lanes that are workers behind a queue. */
export interface QueueLanes<Run extends QueuedRun, Rec extends QueuedRecord> {
  start(host: QueueHost<Rec>, before: readonly Rec[]): Promise<void>;
  /** How many runs can be under way at the same time: an adaptive sampler keeps no more. */
  readonly width: number;
  /** How many processes or computers that is, as the progress line says it: "2 lanes", "3 workers, 8 lanes". */
  readonly words: string;
  /** Told after the asks are in the journal, and before their runs are submitted. */
  asked(asks: readonly QueuedAsk[]): void;
  /** Takes runs, in the order in which they are to begin. Ids that it has already are ignored. */
  submit(runs: readonly Run[]): void;
  /** Waits until the server has all that was submitted. */
  handedOver(): Promise<unknown>;
  /** Drops the runs that have not begun, and tells which. Those under way go on. */
  withdraw(): Promise<readonly string[]>;
  /** Drops runs that have not begun, and stops those that have. They are recorded as cancelled by then. */
  cancel(runs: readonly string[]): void;
  /** Ends: runs under way save a checkpoint, or are left to their workers. The host hears nothing more once it resolves. */
  stop(): Promise<void>;
  /** Ends the sweep for all; before `stop`. What is known of it stays on the server for a day. */
  finish(): Promise<void>;
  /** The same, and nothing stays: the sweep's process has all that it needs. */
  forget(): Promise<void>;
}
