import { setTimeout as pause } from "node:timers/promises";
import { type Job, WaitingError, Worker } from "bullmq";
import { connect, connectionOptions, type QueueAddress } from "./connection.js";
import type { QueuedRecord, QueuedRun } from "./coordinator.js";
import { type SweepKeys, sweepKeys, workerKey, workersKey } from "./keys.js";
import { askVerdict, commitRecord, type ServerRule, type VerdictRequest } from "./scripts.js";
import { openQueue, openSweeps, type SweepNotice } from "./sweeps.js";
import { defaultTiming, mostDeaths, type QueueTiming } from "./timing.js";

/** A verdict as a record carries it. */
export interface WorkerVerdict {
  readonly verdict: "go" | "stop";
  /** Number of values at the rung then, this one among them. */
  readonly n: number;
  /** 1 for the best. */
  readonly rank: number;
}

/** What computing runs tells. */
export interface ComputingHost<Rec extends QueuedRecord, Report extends VerdictRequest> {
  record(record: Rec): void;
  judge(report: Report): Promise<"go" | "stop">;
  progress(run: string, at: unknown): void;
}

/** What computes runs on this computer, in other processes: this one must always answer. */
export interface Computing<
  Run extends QueuedRun,
  Rec extends QueuedRecord,
  Report extends VerdictRequest,
> {
  start(host: ComputingHost<Rec, Report>): Promise<void>;
  /** Also of a run that it has computed before. */
  submit(run: Run, sweep: SweepNotice): void;
  /** The run is stopped and forgotten; nothing is told of it any more. */
  cancel(run: string): void;
  /** All runs save a checkpoint and stop; nothing is told of them. */
  stop(): Promise<void>;
}

export interface QueueWorkerOptions<
  Run extends QueuedRun,
  Rec extends QueuedRecord,
  Report extends VerdictRequest,
> extends QueueAddress {
  /** Computer and process. */
  readonly name: string;
  readonly version: string;
  /** Runs at the same time. */
  readonly lanes: number;
  readonly computing: Computing<Run, Rec, Report>;
  /** The rule of a run that reports. */
  ruleOf(run: Run): ServerRule;
  /** A record with the verdicts that were made on its run. */
  withVerdicts(record: Rec, verdicts: ReadonlyMap<Report, WorkerVerdict>): Rec;
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
  /** A run was counted, or not: its record came late. */
  onRun?(run: string, outcome: string): void;
  readonly timing?: Partial<QueueTiming> | undefined;
}

/** How a delivery of a run ended. */
type Ending<Rec> =
  | { readonly how: "record"; readonly record: Rec }
  /** Nobody waits for it, or another worker has it. */
  | { readonly how: "dropped"; readonly why: string }
  /** It goes on elsewhere. */
  | { readonly how: "back" };

/**
 * Serves the sweeps of a server until it is told to end: takes runs of the oldest open sweep that it can serve, and commits
 * their records.
 *
 * @returns how many runs it committed
 * @throws OptionError when there is no server
 */
export async function serveQueue<
  Run extends QueuedRun,
  Rec extends QueuedRecord,
  Report extends VerdictRequest,
>(options: QueueWorkerOptions<Run, Rec, Report>): Promise<number> {
  const { name, version, lanes, computing, signal } = options;
  const timing = { ...defaultTiming, ...options.timing };
  const redis = await connect(options);
  const underWay = new Map<string, UnderWay<Run, Rec, Report>>();
  const refused = new Set<string>();
  let [committed, lastRun] = [0, performance.now()];

  const beat = async () => {
    const notice = JSON.stringify({ name, lanes, version });
    await redis.set(workerKey(name), notice, "PX", 3 * timing.heartbeat);
    await redis.sadd(workersKey, name);
    await dropCancelled();
  };
  /** Runs of closed sweeps, and those that nobody waits for any more. */
  async function dropCancelled(): Promise<void> {
    for (const { run, keys, end } of underWay.values()) {
      const [isClosed, isCancelled] = await Promise.all([
        redis.exists(keys.closed),
        redis.sismember(keys.cancelled, run.id),
      ]);
      if (isClosed || isCancelled) end({ how: "dropped", why: "cancelled" });
    }
  }

  await computing.start({
    record: (record) => underWay.get(record.run)?.end({ how: "record", record }),
    progress(run, at) {
      const known = underWay.get(run);
      if (!known || performance.now() - known.toldAt < timing.look) return;
      known.toldAt = performance.now();
      redis.hset(known.keys.live, run, JSON.stringify(at)).catch(() => {});
    },
    async judge(report) {
      const known = underWay.get(report.run);
      if (!known) return "stop";
      const answer = await askVerdict(redis, known.keys, report, options.ruleOf(known.run));
      if (typeof answer === "string") {
        known.end({ how: "dropped", why: answer });
        return "stop";
      }
      known.verdicts.set(report, answer);
      return answer.verdict;
    },
  });
  await beat();
  const heart = setInterval(() => void beat().catch(() => {}), timing.heartbeat);
  const isOver = () => signal?.aborted === true || (options.once === true && committed > 0);
  const isIdle = () =>
    options.idleExit !== undefined && performance.now() - lastRun > 1000 * options.idleExit;
  try {
    while (!isOver()) {
      const sweep = await nextSweep();
      if (sweep) await serve(sweep);
      else if (isIdle()) break;
      else await wait(timing.look, signal);
    }
  } finally {
    clearInterval(heart);
    await computing.stop();
    await redis.del(workerKey(name)).catch(() => {});
    redis.disconnect();
  }
  return committed;

  /** The oldest sweep that has runs waiting. */
  async function nextSweep(): Promise<SweepNotice | undefined> {
    for (const sweep of await openSweeps(redis)) {
      if (refused.has(sweep.id) || (options.sweep ?? sweep.id) !== sweep.id) continue;
      const why = await options.refusal(sweep);
      if (why !== undefined) leave(sweep, why);
      else if ((await waiting(sweep)) > 0) return sweep;
    }
    return undefined;
  }

  function leave({ id, name: called }: SweepNotice, why: string): void {
    if (refused.has(id)) return;
    refused.add(id);
    options.onNote(`The sweep ${called} (${id}) is not served here: ${why}`);
  }

  async function waiting({ id }: SweepNotice): Promise<number> {
    const queue = openQueue(options, sweepKeys(id));
    try {
      // Those without a lock are delivered again once somebody looks for them.
      return await queue.getJobCountByTypes("wait", "active");
    } finally {
      await queue.close();
    }
  }

  /** Takes runs of a sweep until it has none for a while, or is over. */
  async function serve(sweep: SweepNotice): Promise<void> {
    const keys = sweepKeys(sweep.id);
    const worker = new Worker<Run>(
      keys.queue,
      (job, token, cancelled) => deliver(sweep, keys, job, token, cancelled),
      {
        connection: connectionOptions(options),
        prefix: keys.prefix,
        name,
        concurrency: options.once ? 1 : lanes,
        lockDuration: timing.lock,
        lockRenewTime: timing.lockRenewal,
        stalledInterval: timing.stalled,
        maxStalledCount: mostDeaths,
        drainDelay: 1,
      },
    );
    worker.on("error", () => {});
    worker.on("lockRenewalFailed", (ids) => {
      for (const id of ids) worker.cancelJob(id, "its lock is lost");
    });
    let idleSince = performance.now();
    for (;;) {
      await wait(timing.look, signal);
      if (isOver() || refused.has(sweep.id)) break;
      if (underWay.size > 0) idleSince = performance.now();
      const isQuiet = performance.now() - idleSince > 2 * timing.stalled + timing.lock;
      if (isIdle() && underWay.size === 0) break;
      const isClosed = await redis.exists(keys.closed);
      if (underWay.size === 0 && (isClosed || isQuiet || (await hasOther(sweep)))) break;
    }
    if (signal?.aborted) {
      await computing.stop();
      for (const { end } of underWay.values()) end({ how: "back" });
    }
    await worker.close();
  }

  /** Whether another sweep has runs waiting while this one has none. */
  async function hasOther(sweep: SweepNotice): Promise<boolean> {
    const other = await nextSweep();
    return other !== undefined && other.id !== sweep.id;
  }

  async function deliver(
    sweep: SweepNotice,
    keys: SweepKeys,
    job: Job<Run>,
    token?: string,
    cancelled?: AbortSignal,
  ): Promise<string> {
    const run = job.data;
    if (await redis.hexists(keys.record, run.id)) return "counted already";
    if (isOver() || refused.has(sweep.id)) return giveBack(job, token);
    const ending = await compute(sweep, keys, run, cancelled);
    lastRun = performance.now();
    if (ending.how === "back") return giveBack(job, token);
    if (ending.how === "dropped") {
      options.onRun?.(run.id, ending.why);
      return ending.why;
    }
    const missing = options.givenBack?.(ending.record);
    if (missing !== undefined) {
      leave(sweep, missing);
      return giveBack(job, token);
    }
    const outcome = await commitRecord(redis, keys, run.id, JSON.stringify(ending.record));
    committed += 1;
    options.onRun?.(run.id, outcome);
    return outcome;
  }

  async function giveBack(job: Job<Run>, token: string | undefined): Promise<never> {
    await job.moveToWait(token);
    throw new WaitingError();
  }

  /** Computes a run; its end is the first that comes. */
  function compute(
    sweep: SweepNotice,
    keys: SweepKeys,
    run: Run,
    cancelled: AbortSignal | undefined,
  ): Promise<Ending<Rec>> {
    return new Promise((resolve) => {
      const verdicts = new Map<Report, WorkerVerdict>();
      const end = (ending: Ending<Rec>) => {
        if (!underWay.delete(run.id)) return;
        cancelled?.removeEventListener("abort", onLost);
        computing.cancel(run.id);
        resolve(
          ending.how === "record"
            ? { how: "record", record: options.withVerdicts(ending.record, verdicts) }
            : ending,
        );
      };
      const onLost = () => end({ how: "dropped", why: "its lock was lost" });
      cancelled?.addEventListener("abort", onLost);
      underWay.set(run.id, { run, keys, verdicts, end, toldAt: Number.NEGATIVE_INFINITY });
      if (cancelled?.aborted) onLost();
      else computing.submit(run, sweep);
    });
  }
}

/** A run under way, and where its verdicts go. */
interface UnderWay<Run, Rec, Report> {
  readonly run: Run;
  readonly keys: SweepKeys;
  readonly verdicts: Map<Report, WorkerVerdict>;
  end(ending: Ending<Rec>): void;
  toldAt: number;
}

/** Waits, or until it is told to end. */
async function wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await pause(milliseconds, undefined, { signal }).catch(() => {});
}

