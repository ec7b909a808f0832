import { parentPort, Worker, workerData } from "node:worker_threads";
import * as library from "isoloss";
import { keepExecutables } from "isoloss/internal";
import { setDefaultThreads } from "isoloss/onnx";
import type { JobProgress, JobResult, PauseReport } from "../kind.js";
import type { Job, JobHooks } from "./job.js";

// What computes is loaded where it does: a lane's process, which waits for its thread, begins in a third of the time without.

export type JobOutcome =
  | { readonly job: Job; readonly result: JobResult }
  | { readonly job: Job; readonly error: unknown };

export interface PoolOptions {
  /** Runs at the same time. */
  readonly threads: number;
  /**
   * The script that a worker thread starts: it must call {@link serveJobs}. Left out, runs go one after another in this
   * thread, which receives no signal while one of them computes.
   */
  readonly script?: URL | undefined;
  /** Runners of earlier calls, which take jobs before others start, and are left for later calls. Left out, none outlives the jobs. */
  readonly kept?: Runner[] | undefined;
  onProgress?(job: Job, at: JobProgress): void;
  onEnd?(outcome: JobOutcome): void;
  /** When aborted, runs save a checkpoint and end. */
  readonly signal?: AbortSignal;
}

/** Data of a worker: `stop[0]` becomes 1 when the worker must end. */
interface Start {
  readonly stop: Int32Array;
  readonly threads?: number | undefined;
  readonly provider?: string | undefined;
}

/** What a worker is sent: a job, or the answer to its report. */
type Order = { readonly job: Job } | { readonly answer: "go" | "stop" };

type Message =
  /** Whether the job looks at `stop`, before it begins. */
  | { readonly stoppable: boolean }
  | { readonly progress: JobProgress }
  | { readonly report: PauseReport }
  | { readonly result: JobResult }
  | { readonly error: PlainError };

/** An error as plain data: it goes to another thread, or another computer. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: string;
  readonly cause?: PlainError;
}

/** Runs jobs, some at a time; the outcomes are in the order of the jobs. An abort leaves out jobs that have not begun. */
export async function runJobs(jobs: readonly Job[], options: PoolOptions): Promise<JobOutcome[]> {
  const { threads, script, kept, signal, onProgress, onEnd } = options;
  const outcomes: (JobOutcome | undefined)[] = jobs.map(() => undefined);
  const count = Math.min(threads, jobs.length);
  const waiting = [...jobs.keys()];
  const laneOf = new Map<number, number>();
  /** The next job of one of several lanes has a seed that it has had, whose first training its thread keeps, or else a new one. */
  const next = (lane: number): number => {
    const ofLane = (wanted?: number) => waiting.findIndex((i) => laneOf.get(jobs[i].seed) === wanted);
    const place = count === 1 ? 0 : ([ofLane(lane), ofLane(), 0].find((i) => i >= 0) as number);
    const [index] = waiting.splice(place, 1);
    if (!laneOf.has(jobs[index].seed)) laneOf.set(jobs[index].seed, lane);
    return index;
  };
  const runLane = async (lane: number) => {
    const runner = kept?.pop() ?? (script ? workerRunner(script) : localRunner());
    try {
      while (waiting.length > 0 && !signal?.aborted) {
        const index = next(lane);
        const job = jobs[index];
        const outcome = await runner.run(job, {
          onProgress: (at) => onProgress?.(job, at),
          ...(signal ? { signal } : {}),
        });
        if (outcome) {
          outcomes[index] = outcome;
          onEnd?.(outcome);
        }
      }
    } catch (error) {
      // Other lanes begin no more.
      waiting.length = 0;
      throw error;
    } finally {
      if (kept) kept.push(runner);
      else await runner.end();
    }
  };
  const lanes = Array.from({ length: count }, (_, lane) => runLane(lane));
  // Where one fails, the others end their runs: whoever keeps the runners then has all of them.
  await Promise.allSettled(lanes);
  await Promise.all(lanes);
  return outcomes.filter((outcome) => outcome !== undefined);
}

/** What a run tells, and what ends it. */
export interface RunHooks {
  onProgress(at: JobProgress): void;
  /** Of a job with pauses: the answer at one. */
  report?(at: PauseReport): Promise<"go" | "stop">;
  readonly signal?: AbortSignal;
}

/** A run's threads hold for all that it computes, such as the moves between two trainings. */
const setThreads = ({ settings }: Job, otherwise?: number): void =>
  setDefaultThreads((settings as { readonly threads?: number }).threads ?? otherwise);

/** Most bytes of results of the programs that jobs leave to later ones: jobs of an experiment differ in rates and seeds. */
const leftPrograms = 2 ** 26;

export interface Runner {
  /** Undefined where the job was interrupted. */
  run(job: Job, hooks: RunHooks): Promise<JobOutcome | undefined>;
  end(): Promise<unknown>;
}

export function localRunner(): Runner {
  return {
    async run(job, { onProgress, report, signal }) {
      const hooks: JobHooks = {
        progress: onProgress,
        shouldStop: () => signal?.aborted ?? false,
        ...(report ? { report } : {}),
      };
      try {
        const { executeJob } = await import("./job.js");
        setThreads(job);
        return { job, result: await executeJob(job, hooks) };
      } catch (error) {
        return { job, error };
      }
    },
    end: async () => setDefaultThreads(undefined),
  };
}

/**
 * A runner in a worker thread.
 *
 * @param script what the thread starts: it must call {@link serveJobs}
 * @param options `threads`: inside an operator, where other processes compute beside it, default all cores; `provider`: of every job
 */
export function workerRunner(script: URL, { threads, provider }: Omit<Start, "stop"> = {}): Runner {
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const start: Start = { stop, threads, provider };
  let worker: Worker | undefined;
  /** A thread that ends, also one between two jobs, gets no other job. */
  const started = (): Worker => {
    const made = new Worker(script, { workerData: start, argv: [] });
    const forget = () => {
      if (worker === made) worker = undefined;
    };
    return made.on("error", forget).on("exit", forget);
  };
  return {
    run: (job, { onProgress, report, signal }) =>
      new Promise((resolve) => {
        worker ??= started();
        const current = worker;
        let stoppable = false;
        Atomics.store(stop, 0, signal?.aborted ? 1 : 0);
        const order = (message: Order) => current.postMessage(message);
        const abort = () => {
          Atomics.store(stop, 0, 1);
          if (stoppable) return;
          // It does not look at `stop`: its run must be started again.
          worker = undefined;
          void current.terminate();
        };
        const onMessage = (message: Message) => {
          if ("stoppable" in message) stoppable = message.stoppable;
          else if ("progress" in message) onProgress(message.progress);
          else if ("report" in message) void report?.(message.report).then((answer) => order({ answer }));
          else if ("result" in message) finish({ job, result: message.result });
          else finish({ job, error: revived(message.error) });
        };
        const onError = (error: unknown) => finish({ job, error });
        const onExit = () =>
          finish(
            signal?.aborted ? undefined : { job, error: new Error("The worker thread ended too early.") },
          );
        const finish = (outcome: JobOutcome | undefined) => {
          signal?.removeEventListener("abort", abort);
          current.off("message", onMessage).off("error", onError).off("exit", onExit);
          resolve(outcome);
        };
        current.on("message", onMessage).on("error", onError).on("exit", onExit);
        signal?.addEventListener("abort", abort);
        order({ job });
      }),
    end: async () => worker?.terminate(),
  };
}

/** An error as plain data, with what caused it. */
export function plainError(given: unknown): PlainError {
  const { name, message, stack, cause, code } = (
    given instanceof Error ? given : new Error(String(given))
  ) as NodeJS.ErrnoException;
  return {
    name,
    message,
    ...(stack ? { stack } : {}),
    ...(code ? { code } : {}),
    ...(cause instanceof Error ? { cause: plainError(cause) } : {}),
  };
}

/** Restores an error from {@link plainError}, with its class where it is one of the library's. */
export function revived({ name, message, stack, code, cause: plain }: PlainError): Error {
  const cause = plain && revived(plain);
  const known = (library as Record<string, unknown>)[name === "ConfigError" ? "OptionError" : name];
  const isKnown = typeof known === "function" && known.prototype instanceof library.IsolossError;
  const error: Error = isKnown
    ? new (known as new (text: string, options?: object) => Error)(message, { cause })
    : Object.assign(new Error(message, { cause }), { name });
  if (code !== undefined) Object.assign(error, { code });
  if (stack !== undefined) error.stack = stack;
  return error;
}

/** Runs the jobs that the main thread sends. */
export function serveJobs(): void {
  const { stop, threads, provider } = workerData as Start;
  const send = (message: Message) => parentPort?.postMessage(message);
  let onAnswer: ((answer: "go" | "stop") => void) | undefined;
  parentPort?.on("message", async (order: Order) => {
    if ("answer" in order) return onAnswer?.(order.answer);
    const { computedOn, executeJob, isStoppable } = await import("./job.js");
    send({ stoppable: isStoppable(order.job) });
    const job = computedOn(provider, order.job);
    let last = 0;
    const hooks: JobHooks = {
      progress(at) {
        const now = performance.now();
        // Nobody reads more than ten lines a second.
        if (now - last < 100) return;
        last = now;
        send({ progress: at });
      },
      shouldStop: () => Atomics.load(stop, 0) === 1,
      report: (at) =>
        new Promise((resolve) => {
          onAnswer = resolve;
          send({ report: at });
        }),
    };
    try {
      // Others compile some programs while their clock runs: a later job would be quicker than the first.
      await keepExecutables(job.kind === "continue" ? leftPrograms : 0);
      setThreads(job, threads);
      send({ result: await executeJob(job, hooks) });
    } catch (error) {
      send({ error: plainError(error) });
    }
  });
}
