import { IsolossError, MissingDataError } from "isoloss";
import { untilInterrupted } from "../../interrupt.js";
import { hasOnnxRuntime } from "../../run/environment.js";
import type { JobResult } from "../kind.js";
import type { Job } from "./job.js";
import { type JobOutcome, runJobs } from "./pool.js";
import { jobReporter } from "./report-progress.js";

/** How a command runs jobs. */
export interface SessionOptions {
  readonly threads: number;
  readonly quiet: boolean;
  /** The program's script, which worker threads start; without one, runs use this thread. */
  readonly script?: URL;
}

/** Printed once a process, where it may make runs slower. */
const withoutOnnx =
  "ONNX Runtime is not installed: networks train as JavaScript, large ones slowly. To install it (with --global where the " +
  "command is):\n  npm install onnxruntime-node --ignore-scripts";

let isTold = false;

/** Functions of a few variables are JavaScript anyway. */
const mayNeedOnnx = ({ kind, settings }: Job): boolean =>
  kind !== "minimize" && settings.runtime !== "javascript";

type Failure = Extract<JobOutcome, { error: unknown }>;

/** Results of jobs, and whether the user interrupted them. */
export interface Session {
  readonly results: readonly JobResult[];
  readonly failures: readonly (Failure & { readonly isMissingData: boolean })[];
  readonly interrupted: boolean;
}

/** Runs jobs with progress on stderr. After Ctrl-C they save a checkpoint and end; a second one ends at once. */
export async function runSession(
  jobs: readonly Job[],
  { threads, quiet, script }: SessionOptions,
): Promise<Session> {
  const reporter = jobReporter(jobs, process.stderr, { quiet });
  if (!isTold && jobs.some(mayNeedOnnx) && !hasOnnxRuntime()) {
    reporter.line(withoutOnnx);
    isTold = true;
  }
  const told = () => reporter.line("Stopping: runs save where they are. Ctrl-C again ends at once.");
  try {
    return await untilInterrupted(told, async (signal) => {
      const outcomes = await runJobs(jobs, { threads, signal, ...reporter, ...(script ? { script } : {}) });
      return {
        results: outcomes.flatMap((o) => ("result" in o ? [o.result] : [])),
        failures: outcomes.flatMap((o) =>
          "error" in o ? [{ ...o, isMissingData: o.error instanceof MissingDataError }] : [],
        ),
        interrupted: signal.aborted,
      };
    });
  } finally {
    reporter.end();
  }
}

/** The commands that resume the interrupted runs. */
export function resumeAdvice(results: readonly JobResult[]): string[] {
  return results
    .filter((r) => r.document.status === "interrupted" && r.document.directory !== null)
    .map((r) => `isoloss run --resume ${r.document.directory}`);
}

/** Adds the run's name to an error of the library; other errors are returned unchanged. */
export function errorOfRun(error: unknown, { variant, seed }: Job): unknown {
  if (!(error instanceof IsolossError) || variant === "run") return error;
  const Type = error.constructor as new (message: string, options?: object) => IsolossError;
  return new Type(`${variant}, seed ${seed}: ${error.message}`, { cause: error });
}

/** The failures to report: each message once, and without a run's name where all runs failed with the same one. */
export function errorsToTell(failures: readonly Failure[]): unknown[] {
  const byMessage = new Map<string, Failure>();
  for (const failure of failures) {
    const { message } = failure.error as Error;
    if (!byMessage.has(message)) byMessage.set(message, failure);
  }
  if (byMessage.size === 1) return [failures[0].error];
  return [...byMessage.values()].map(({ error, job }) => errorOfRun(error, job));
}
