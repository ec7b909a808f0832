// What computes runs, one at a time: in a child process, or in the sweep's own. It speaks in messages of plain data.

import { existsSync } from "node:fs";
import { setPriority } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { MissingDataError } from "isoloss";
import {
  type JobOutcome,
  type PlainError,
  plainError,
  type Runner,
  workerRunner,
} from "../experiments/jobs/pool.js";
import type { JobProgress, JobResult, PausePlan } from "../experiments/kind.js";
import { LockedError } from "../run/lock.js";
import {
  type RequestedPauses,
  type RungReport,
  type RunRecord,
  type RunRequest,
  unfinishedRecord,
} from "./lanes.js";
import { metricOf, missingMetric, oriented } from "./metric.js";
import { runCurve } from "./run-curve.js";
import type { Verdict } from "./types.js";

/** Messages to a lane. */
export type LaneOrder =
  /** Computes a run, in a directory which may have an earlier part of it. */
  | { readonly run: RunRequest; readonly directory: string }
  | { readonly verdict: Verdict }
  /** The run saves a checkpoint and ends. */
  | { readonly stop: true };

/** What it tells. */
export type LaneMessage =
  | { readonly progress: JobProgress }
  | { readonly report: RungReport }
  | { readonly record: Omit<RunRecord, "lane"> }
  /** The run was stopped; it has no record. */
  | { readonly stopped: string }
  /** The disk takes nothing: no run can go on here, and this one has no record. */
  | { readonly stuck: PlainError };

/** Between checkpoints of a run: a lane that dies loses at most that. */
const checkpointSeconds = 10;
/** How long a run waits for the process that had its directory, and which may be dying. */
const patienceSeconds = 30;

/** @returns takes an order */
export function createLane(
  runner: Runner,
  { send }: { send(message: LaneMessage): void },
): (order: LaneOrder) => void {
  let answer: ((verdict: Verdict) => void) | undefined;
  let stop: AbortController | undefined;
  return (order) => {
    if ("verdict" in order) answer?.(order.verdict);
    else if ("stop" in order) stop?.abort();
    else {
      const controller = new AbortController();
      stop = controller;
      void compute(order.run, order.directory, controller.signal);
    }
  };

  async function compute(request: RunRequest, directory: string, signal: AbortSignal): Promise<void> {
    const { id, job, pauses } = request;
    // At once: a long run's program may have been replaced by another version at its end.
    const pack = request.isBrought ? (await import("./brought-run.js")).packRun : undefined;
    const report = (at: { rung: number; step: number; values: readonly number[] }) =>
      new Promise<Verdict>((resolve) => {
        answer = resolve;
        const values = at.values.map((value) => oriented(pauses as RequestedPauses, value));
        send({
          report: {
            run: id,
            seed: job.seed,
            rung: at.rung,
            step: at.step,
            unit: (pauses as RequestedPauses).rule.unit,
            value: values.at(-1) as number,
            best: Math.min(...values),
          },
        });
      });
    const whole = { ...job, directory, checkpointSeconds, ...(pauses ? { pauses: planOf(pauses) } : {}) };
    const since = performance.now();
    for (;;) {
      const outcome = await runner.run(whole, {
        onProgress: (progress) => send({ progress }),
        report,
        signal,
      });
      const isLocked = outcome && "error" in outcome && isLockedError(outcome.error);
      if (isLocked && performance.now() - since < 1000 * patienceSeconds && !signal.aborted) {
        await pause(200);
        continue;
      }
      const isStopped = outcome === undefined || ("result" in outcome && isInterrupted(outcome.result));
      if (isStopped || (isLocked && signal.aborted)) send({ stopped: id });
      else if ("error" in outcome && isDiskError(outcome.error)) {
        send({ stuck: plainError(outcome.error) });
      } else {
        const brought = pack ? { brought: await pack(outcome, directory) } : {};
        send({ record: { ...recordOf(request, directory, outcome), ...brought } });
      }
      return;
    }
  }
}

const isInterrupted = ({ document }: JobResult): boolean => document.status === "interrupted";

/** Also of an error that came from a worker thread, with its name alone. */
const isLockedError = (error: unknown): boolean =>
  error instanceof LockedError || (error instanceof Error && error.name === "LockedError");

/** The pauses of a run by the rule of its sweep, whose keys they have. */
const planOf = ({ rule, metric }: RequestedPauses): PausePlan => ({ ...rule, metric });

function recordOf(
  { id, metrics: names, job }: RunRequest,
  directory: string,
  outcome: JobOutcome,
): Omit<RunRecord, "lane"> {
  if ("error" in outcome) {
    const error = outcome.error instanceof Error ? outcome.error.message : String(outcome.error);
    const { lane: _, ...failed } = unfinishedRecord(id, "failed", { error });
    return {
      ...failed,
      // A run that never began leaves none.
      directory: existsSync(directory) ? directory : null,
      ...(outcome.error instanceof MissingDataError ? { isMissingData: true } : {}),
    };
  }
  const { document } = outcome.result;
  const { metrics, steps, wallSeconds } = document;
  const values = Object.fromEntries(names.map((name) => [name, metricOf(document, name) ?? null]));
  const curve = runCurve(outcome.result, job);
  const record = { run: id, values, metrics, steps, seconds: wallSeconds ?? 0, directory, curve };
  const status = document.status === "interrupted" ? "failed" : document.status;
  const missing = status === "completed" ? missingMetric(document, names) : undefined;
  if (missing === undefined) return { ...record, status };
  return { ...record, status: "failed", isUnknownMetric: true, error: missing.message };
}

/** What a disk says that takes nothing at the moment: no run is to blame, and each of them would fail. */
const codes = ["ENOSPC", "EDQUOT", "EFBIG", "EROFS"];

/** Whether an error, or one that caused it, is that the disk is full or cannot be written. */
export function isDiskError(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const { code, cause } = error as NodeJS.ErrnoException;
  return (code !== undefined && codes.includes(code)) || isDiskError(cause);
}

/**
 * Computes what the parent process sends. This process answers at once: runs are in a thread of their own.
 *
 * @param options of the runs, see {@link workerRunner}
 */
export function serveLane(script: URL, options: Parameters<typeof workerRunner>[1]): void {
  try {
    // The sweep's own process comes first.
    setPriority(5);
  } catch {
    // A system that has no priorities, or allows no change.
  }
  // Ctrl-C in a terminal goes to all of its processes; the parent decides.
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {});
  process.on("disconnect", () => process.exit(0));
  const take = createLane(dying(workerRunner(script, options)), {
    send: (message) => process.send?.(message),
  });
  process.on("message", (order: LaneOrder) => take(order));
}

/** Ends the process where a run used up its memory: that is no error of its settings, and another process may have more. */
const dying = (runner: Runner): Runner => ({
  ...runner,
  async run(job, hooks) {
    const outcome = await runner.run(job, hooks);
    if (
      outcome &&
      "error" in outcome &&
      (outcome.error as NodeJS.ErrnoException)?.code === "ERR_WORKER_OUT_OF_MEMORY"
    ) {
      process.stderr.write("out of memory\n", () => process.exit(1));
      await new Promise(() => {});
    }
    return outcome;
  },
});
