import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { type Job, WaitingError, Worker } from "bullmq";
import type { QueueWorkerOptions } from "./computing.js";
import { connect, connectionOptions, shown, tellOfForgetting, tellOfOutages } from "./connection.js";
import { type SweepKeys, sweepKeys, workerKey, workersKey } from "./keys.js";
import type { QueuedRecord, QueuedRun } from "./lanes.js";
import {
  askVerdict,
  beginDelivery,
  commitRecord,
  type VerdictRequest,
  type WorkerVerdict,
} from "./scripts.js";
import { openSweeps, type SweepNotice } from "./sweeps.js";
import { atMost, defaultTiming, mostDeaths } from "./timing.js";

/** Milliseconds that the end of a worker waits for its server. */
const patience = 3000;

/** How a delivery of a run ended. */
type Ending<Rec> =
  | { readonly how: "record"; readonly record: Rec }
  /** Nobody waits for it, or another worker has it. */
  | { readonly how: "dropped"; readonly why: string }
  /** It goes on elsewhere. */
  | { readonly how: "back" };

/**
 * Serves the sweeps of a server until its signal ends it: takes runs of the oldest open sweep that it can serve, and commits
 * their records.
 *
 * @returns how many runs it committed
 * @throws DataError when there is no server; and the error by which runs cannot be computed here any more
 */
export async function serveQueue<
  Run extends QueuedRun,
  Rec extends QueuedRecord,
  Report extends VerdictRequest,
>(options: QueueWorkerOptions<Run, Rec, Report>): Promise<number> {
  const { name, version, lanes, missing = [], computing } = options;
  // Computers may share a name, as containers do, and then processes a number.
  const id = randomUUID();
  const [failed, alone] = [new AbortController(), new AbortController()];
  // In each case its runs are given back.
  const signal = AbortSignal.any([
    ...[failed.signal, alone.signal],
    ...(options.signal ? [options.signal] : []),
  ]);
  const timing = { ...defaultTiming, ...options.timing };
  const redis = await connect(options);
  const isAway = () => redis.status !== "ready";
  tellOfOutages(redis, options.url, { after: 3 * timing.look, note: options.onNote });
  void tellOfForgetting(redis, options.url, options.onNote);
  const underWay = new Map<string, UnderWay<Run, Rec, Report>>();
  const refused = new Set<string>();
  let [committed, lastRun, lastAnswer] = [0, performance.now(), performance.now()];
  let lastRefusal = "";

  /** Asks a server that refuses (full, starting, read-only) again and again; undefined once this worker ends. */
  async function persistent<T>(ask: () => Promise<T>): Promise<T | undefined> {
    while (!signal.aborted) {
      try {
        const answer = await Promise.race([ask(), aborted.then(() => undefined)]);
        lastAnswer = performance.now();
        return answer;
      } catch (error) {
        const line = `the server refuses, and is asked again: ${(error as Error).message}`;
        if (lastRefusal !== line) options.onNote(line);
        lastRefusal = line;
        await wait(timing.look, signal);
      }
    }
    return undefined;
  }
  const aborted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });

  const beat = async () => {
    const notice = JSON.stringify({ name, lanes, version, missing });
    await redis.set(workerKey(id), notice, "PX", 3 * timing.heartbeat);
    await redis.sadd(workersKey, id);
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
    fail: (error) => failed.abort(error),
    async judge(report) {
      const known = underWay.get(report.run);
      if (!known) return "stop";
      const answer = await persistent(() => askVerdict(redis, known.keys, report, options.ruleOf(known.run)));
      if (answer === undefined) return "stop";
      if (typeof answer === "string") {
        known.end({ how: "dropped", why: answer });
        return "stop";
      }
      known.verdicts.set(report.rung, [report, answer]);
      return answer.verdict;
    },
  });
  const heart = setInterval(() => void beat().catch(() => {}), timing.heartbeat);
  const isOver = () => signal.aborted || (options.once === true && committed > 0);
  const patienceWithout = 1000 * (options.idleExit ?? Number.POSITIVE_INFINITY);
  const isIdle = () => underWay.size === 0 && performance.now() - lastRun > patienceWithout;
  const watch = setInterval(() => {
    if (!isIdle() || performance.now() - lastAnswer < patienceWithout || signal.aborted) return;
    options.onNote(`the server at ${shown(options.url)} has not answered for ${options.idleExit} s`);
    alone.abort();
  }, timing.look);
  try {
    await persistent(beat);
    while (!isOver()) {
      const sweep = await persistent(nextSweep);
      // Also idle where another's run is under way: if that worker dies, somebody must be there to take it.
      if (sweep) await serve(sweep.notice);
      else if (isIdle()) break;
      else await wait(timing.look, signal);
    }
  } finally {
    clearInterval(heart);
    clearInterval(watch);
    await computing.stop();
    if (!isAway()) await atMost(patience, redis.del(workerKey(id)));
    redis.disconnect();
  }
  failed.signal.throwIfAborted();
  return committed;

  /** The oldest sweep that has runs waiting; otherwise one with runs under way, whose workers may be dead. */
  async function nextSweep(): Promise<{ notice: SweepNotice; waiting: boolean } | undefined> {
    let second: SweepNotice | undefined;
    for (const sweep of await openSweeps(redis)) {
      if (refused.has(sweep.id) || (options.sweep ?? sweep.id) !== sweep.id) continue;
      const why = await options.refusal(sweep);
      if (why !== undefined) {
        leave(sweep, why);
        continue;
      }
      const [waiting, active] = await countsOf(sweep);
      if (waiting > 0) return { notice: sweep, waiting: true };
      if (active > 0) second ??= sweep;
    }
    return second && { notice: second, waiting: false };
  }

  function leave({ id, name: called }: SweepNotice, why: string): void {
    if (refused.has(id)) return;
    refused.add(id);
    options.onNote(`The sweep ${called} (${id}) is not served here: ${why}`);
  }

  /** Runs that wait and those under way, in the lists of BullMQ: a queue of it would be a connection for each look. */
  async function countsOf({ id }: SweepNotice): Promise<[waiting: number, active: number]> {
    const { prefix, queue } = sweepKeys(id);
    const lengthOf = (list: string) => redis.llen(`${prefix}:${queue}:${list}`);
    return [await lengthOf("wait"), await lengthOf("active")];
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
        // A lock also expires while the server is away: deaths are counted by `beginDelivery`.
        maxStalledCount: Number.MAX_SAFE_INTEGER,
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
      if (isIdle() && (await persistent(() => countsOf(sweep)))?.every((count) => count === 0)) break;
      const isClosed = await persistent(() => redis.exists(keys.closed));
      if (underWay.size === 0 && (isClosed || isQuiet || (await persistent(() => hasOther(sweep))))) break;
    }
    // First of all, so that it takes no other run. A server that is away would be waited for, even to be left.
    const closed = worker.close(signal.aborted && isAway());
    await Promise.race([closed, aborted]);
    if (!signal.aborted) return;
    await computing.stop();
    for (const { end } of [...underWay.values()]) end({ how: "back" });
    await atMost(patience, closed);
    await atMost(patience, worker.disconnect());
  }

  /** Whether another sweep has runs waiting while this one has none. */
  async function hasOther(sweep: SweepNotice): Promise<boolean> {
    const other = await nextSweep();
    return other?.waiting === true && other.notice.id !== sweep.id;
  }

  async function deliver(
    sweep: SweepNotice,
    keys: SweepKeys,
    job: Job<Run>,
    token?: string,
    cancelled?: AbortSignal,
  ): Promise<string> {
    const run = job.data;
    const delivery = randomUUID();
    if (isOver() || refused.has(sweep.id)) return giveBack(job, token);
    const deaths = await persistent(() => beginDelivery(redis, keys, run.id, delivery));
    const end = () => redis.srem(keys.deliveries(run.id), delivery);
    if (deaths === undefined) {
      void end().catch(() => {});
      return giveBack(job, token);
    }
    if (deaths === -1) return "counted already";
    if (deaths > mostDeaths) throw new Error(`Its worker died ${deaths} times`);
    const ending = await compute(sweep, keys, run, cancelled);
    lastRun = performance.now();
    await end().catch(() => persistent(end));
    if (ending.how === "back") return giveBack(job, token);
    if (ending.how === "dropped") {
      options.onRun?.(run, ending.why, sweep);
      return ending.why;
    }
    const missing = options.givenBack?.(ending.record);
    if (missing !== undefined) {
      leave(sweep, missing);
      return giveBack(job, token);
    }
    const json = JSON.stringify(ending.record);
    const outcome = await persistent(() => commitRecord(redis, keys, run.id, json));
    if (outcome === undefined) return giveBack(job, token);
    committed += 1;
    options.onRun?.(run, outcome, sweep, ending.record);
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
      underWay.get(run.id)?.end({ how: "dropped", why: "delivered again" });
      const verdicts: UnderWay<Run, Rec, Report>["verdicts"] = new Map();
      const end = (ending: Ending<Rec>) => {
        if (underWay.get(run.id)?.end !== end) return;
        underWay.delete(run.id);
        cancelled?.removeEventListener("abort", onLost);
        computing.cancel(run.id);
        resolve(
          ending.how === "record"
            ? { how: "record", record: options.withVerdicts(ending.record, [...verdicts.values()]) }
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
  /** By rung: a run that begins again reports again. */
  readonly verdicts: Map<number, readonly [Report, WorkerVerdict]>;
  end(ending: Ending<Rec>): void;
  toldAt: number;
}

/** Waits, at most until the signal. */
async function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
  await pause(milliseconds, undefined, { signal }).catch(() => {});
}
