import { IsolossError, MissingDataError } from "isoloss";
import { resultName } from "isoloss/metrics";
import { untilInterrupted } from "../../interrupt.js";
import { createProgress, type ProgressStream } from "../../progress.js";
import { type Environment, hasOnnxRuntime } from "../../run/environment.js";
import { shellWord } from "../../shell-word.js";
import type { JobProgress, JobResult } from "../kind.js";
import { formatDuration, formatNumber } from "../results/format-number.js";
import { finalLoss, finalLossMetric } from "../results/loss-curve.js";
import { type Job, runName } from "./job.js";
import { type JobOutcome, type PoolOptions, runJobs } from "./pool.js";

export interface SessionOptions extends Pick<PoolOptions, "threads" | "script" | "kept"> {
  readonly quiet: boolean;
  /** Whether each run that ends has a line that stays; default true. */
  readonly linesOfRuns?: boolean;
  /** Computes the runs instead, elsewhere. */
  readonly elsewhere?: Elsewhere | undefined;
  /** Keeps the runs that end, and has those of an earlier process. */
  readonly ended?: EndedRuns | undefined;
}

/** Runs that are kept when they end, for a process that goes on after this one. */
export interface EndedRuns {
  /** Of the beginning. */
  readonly environment: Environment;
  /** The result of a run that has ended, or else the job as it is to run. */
  take(job: Job): { readonly job: Job; readonly result?: JobResult };
  /** @param job from {@link take} */
  add(job: Job, result: JobResult): void;
  /** What all processes took, up to the runs that were taken and in this one. */
  elapsed(): Elapsed;
}

/** Milliseconds: of the clock, and of the processors in all threads. */
export interface Elapsed {
  readonly wall: number;
  readonly processor: number;
}

export function elapsedTime(): Elapsed {
  const { user, system } = process.cpuUsage();
  return { wall: performance.now(), processor: (user + system) / 1000 };
}

export interface Elsewhere {
  /**
   * As `runJobs`, with a line for the user.
   *
   * @param options `among`: also those that ended in an earlier process, which tell what is left there from then; default the jobs
   */
  run(
    jobs: readonly Job[],
    options: Pick<PoolOptions, "onProgress" | "onEnd" | "signal"> & {
      readonly among?: readonly Job[];
      line(text: string): void;
    },
  ): Promise<JobOutcome[]>;
  /** Printed at Ctrl-C. */
  readonly leaving: string;
}

/** Printed once a process, where it may make runs slower. */
const withoutOnnx =
  "ONNX Runtime is not installed: networks train as JavaScript, large ones slowly. To install it (with --global where the " +
  "command is):\n  npm install onnxruntime-node --ignore-scripts";

let isTold = false;

/** Functions of a few variables are JavaScript anyway. */
export const mayNeedOnnx = ({ kind, settings }: Job): boolean =>
  kind !== "minimize" && settings.runtime !== "javascript";

type Failure = Extract<JobOutcome, { error: unknown }>;

/** Results of jobs, and whether the user interrupted them. */
export interface Session {
  readonly results: readonly JobResult[];
  readonly failures: readonly Failure[];
  readonly interrupted: boolean;
}

/** Runs jobs with progress on stderr. After Ctrl-C they save a checkpoint and end; a second one ends at once. */
export async function runSession(
  all: readonly Job[],
  { threads, quiet, linesOfRuns, script, kept, elsewhere, ended }: SessionOptions,
): Promise<Session> {
  const taken = all.map((job) => ended?.take(job) ?? { job });
  const jobs = taken.flatMap(({ job, result }) => (result ? [] : [job]));
  const reporter = jobReporter(jobs, process.stderr, { quiet, linesOfRuns });
  if (!isTold && !elsewhere && jobs.some(mayNeedOnnx) && !hasOnnxRuntime()) {
    reporter.line(withoutOnnx);
    isTold = true;
  }
  const stopping = elsewhere?.leaving ?? "Stopping: runs save where they are. Ctrl-C again ends at once.";
  const told = () => reporter.line(stopping);
  const onEnd = (outcome: JobOutcome) => {
    reporter.onEnd(outcome);
    if ("result" in outcome && outcome.result.document.status !== "interrupted")
      ended?.add(outcome.job, outcome.result);
  };
  try {
    return await untilInterrupted(told, async (signal) => {
      const options = { signal, ...reporter, onEnd };
      const fresh =
        elsewhere && all.length > 0
          ? await elsewhere.run(jobs, { ...options, among: all })
          : await runJobs(jobs, { threads, script, kept, ...options });
      const ofJob = new Map(fresh.map((outcome) => [outcome.job, outcome]));
      const outcomes = taken.flatMap(({ job, result }): JobOutcome[] =>
        result ? [{ job, result }] : [ofJob.get(job) ?? []].flat(),
      );
      return {
        results: outcomes.flatMap((o) => ("result" in o ? [o.result] : [])),
        failures: outcomes.filter((o) => "error" in o),
        interrupted: signal.aborted,
      };
    });
  } finally {
    reporter.end();
  }
}

export function resumeAdvice(results: readonly JobResult[]): string[] {
  return results
    .filter((r) => r.document.status === "interrupted" && r.document.directory !== null)
    .map((r) => `isoloss run --resume ${shellWord(r.document.directory as string)}`);
}

/** Adds the run's name to an error of the library; other errors are returned unchanged. */
export function errorOfRun(error: unknown, { variant, seed }: Job): unknown {
  if (!(error instanceof IsolossError) || variant === "run") return error;
  const Type = error.constructor as new (message: string, options?: object) => IsolossError;
  return new Type(`${variant}, seed ${seed}: ${error.message}`, { cause: error });
}

/**
 * The failures to report: each message once, and without a run's name where all runs failed with the same one.
 *
 * @param areAll whether there are no other runs
 */
export function errorsToTell(failures: readonly Failure[], areAll = true): unknown[] {
  const byMessage = new Map<string, Failure>();
  for (const failure of failures) {
    const { message } = failure.error as Error;
    if (!byMessage.has(message)) byMessage.set(message, failure);
  }
  if (areAll && byMessage.size === 1) return [failures[0].error];
  return [...byMessage.values()].map(({ error, job }) => errorOfRun(error, job));
}

/**
 * A reporter for jobs: on a terminal a line that is rewritten, elsewhere a line for each run that ends.
 *
 * @param jobs all of them: the time left depends on their number
 * @param options `quiet`: prints nothing; `linesOfRuns`: false rewrites the line for runs that end as well
 */
export function jobReporter(
  jobs: readonly Job[],
  stream: ProgressStream,
  { quiet, linesOfRuns = true }: Pick<SessionOptions, "quiet" | "linesOfRuns">,
) {
  const progress = createProgress(quiet ? undefined : stream);
  let done = 0;
  return {
    onProgress: (job: Job, at: JobProgress) =>
      progress.update(`${count(done + 1, jobs.length)}${labelOf(job)}: ${statusOf(at)}`),
    onEnd(outcome: JobOutcome) {
      done += 1;
      // The command says why.
      if ("error" in outcome && jobs.length === 1) return;
      progress[linesOfRuns ? "line" : "update"](
        `${count(done, jobs.length)}${labelOf(outcome.job)}: ${endOf(outcome)}`,
      );
    },
    line: progress.line,
    /** Erases the line that is rewritten. */
    end: progress.clear,
  };
}

const count = (i: number, n: number): string => (n > 1 ? `${Math.min(i, n)}/${n} ` : "");
const labelOf = ({ name, variant, seed }: Job): string => `${runName(name, variant)}, seed ${seed}`;

function statusOf({ step, steps, loss, gradNormSq, teleports, stepsPerSecond }: JobProgress): string {
  const parts = [
    `step ${step} of ${steps}`,
    `loss ${formatNumber(loss)}`,
    ...(gradNormSq === undefined ? [] : [`||g||^2 ${formatNumber(gradNormSq)}`]),
    ...(teleports > 0 ? [`${teleports} teleport${teleports > 1 ? "s" : ""}`] : []),
    `${formatNumber(stepsPerSecond, 3)} it/s`,
    ...(step < steps ? [`${formatDuration((steps - step) / stepsPerSecond)} left`] : []),
  ];
  return parts.join(", ");
}

function endOf(outcome: JobOutcome): string {
  if ("error" in outcome) {
    return outcome.error instanceof MissingDataError ? "skipped, its data are not here" : "failed";
  }
  const { status, steps, wallSeconds, metrics, teleports, directory } = outcome.result.document;
  const accepted = teleports.filter((t) => t.accepted).length;
  const accuracy = metrics["validation.accuracy"];
  const loss = finalLoss(outcome.result);
  const parts = [
    `${status} after ${steps} steps`,
    `${resultName(finalLossMetric).label} ${loss === null ? "-" : formatNumber(loss)}`,
    ...(typeof accuracy === "number"
      ? [`${resultName("validation.accuracy").label} ${(100 * accuracy).toFixed(1)} %`]
      : []),
    ...(teleports.length > 0 ? [`${accepted} of ${teleports.length} teleports accepted`] : []),
    formatDuration(wallSeconds ?? Number.NaN),
    ...(directory === null ? [] : [directory]),
  ];
  return parts.join(", ");
}
