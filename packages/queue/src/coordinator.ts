import { hostname } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import type { Queue } from "bullmq";
import type { Redis } from "ioredis";
import { DataError, OptionError } from "isoloss";
import { connect, refusalOf, shown, tellOfForgetting, tellOfOutages } from "./connection.js";
import { sweepKeys, sweepsKey } from "./keys.js";
import type { QueuedRecord, QueuedRun, QueueHost, QueueLanes, QueueLanesOptions } from "./lanes.js";
import { commitRecord, keepVerdicts, releaseLease, takeLease } from "./scripts.js";
import { close, forget, openQueue, type QueuedAsk, reopen } from "./sweeps.js";
import { atMost, defaultTiming } from "./timing.js";
import { createWorkforce } from "./workforce.js";

/** Milliseconds that the end of a process waits for its server. */
const patience = 3000;

/**
 * Lanes of a sweep that are workers behind a queue. The queue delivers runs, at least once; a record is kept once, by a
 * script in the server, before its delivery is over. What is missing on the server, after it was restarted or emptied, is put
 * there again.
 *
 * @throws from `start` DataError: no server; OptionError: another process runs the sweep
 */
export function queueLanes<Run extends QueuedRun, Rec extends QueuedRecord>(
  options: QueueLanesOptions<Run, Rec>,
): QueueLanes<Run, Rec> {
  const { sweep, spec, lost, expectsWorker = false } = options;
  const timing = { ...defaultTiming, ...options.timing };
  const keys = sweepKeys(sweep.id);
  const owner = `${hostname()}:${process.pid}`;
  const asks = [...options.asks];
  /** Records that were told, by run. */
  const told = new Map<string, Rec>();
  /** Runs without a record. */
  const wanted = new Map<string, Run>();
  const timers: NodeJS.Timeout[] = [];
  const noted = new Set<string>();
  let server: { readonly redis: Redis; readonly news: Redis; readonly queue: Queue } | undefined;
  let host: QueueHost<Rec> | undefined;
  let index = 0;
  let work: Promise<unknown> = Promise.resolve();

  const note = (line: string) => {
    if (noted.has(line)) return;
    noted.add(line);
    host?.note(line);
  };
  const start = `isoloss worker --queue ${shown(options.url)}`;
  const workforce = createWorkforce(sweep, { start, patience: timing.patience, expectsWorker, note });
  /** One thing after the other; a server that went away is asked again by the next look. */
  const inTurn = (task: (at: NonNullable<typeof server>) => Promise<unknown>): Promise<unknown> => {
    work = work
      .then(() => (server ? task(server) : undefined))
      .catch((error: Error) => note(`The server refuses, and is asked again: ${error.message}`));
    return work;
  };

  function take(record: Rec): void {
    if (told.has(record.run)) return;
    told.set(record.run, record);
    wanted.delete(record.run);
    host?.record(record);
  }

  /** Takes the records that are new on the server. */
  async function readRecords({ redis }: NonNullable<typeof server>): Promise<void> {
    const runs = await redis.lrange(keys.records, index, -1);
    const fresh = runs.filter((run) => !told.has(run));
    const texts = fresh.length === 0 ? [] : await redis.hmget(keys.record, ...fresh);
    index += runs.length;
    for (const text of texts) if (text !== null) take(JSON.parse(text));
  }

  let isLooking = false;
  /** At most one look waits for a server that is away. */
  const lookAgain = (): void => {
    if (isLooking) return;
    isLooking = true;
    void inTurn(look).then(() => {
      isLooking = false;
    });
  };

  async function look(at: NonNullable<typeof server>): Promise<void> {
    await readRecords(at);
    if (await at.redis.exists(keys.closed)) {
      host?.fail(
        new DataError(
          `The sweep ${sweep.name} (${sweep.id}) was closed on the server. Resuming it opens it again.`,
        ),
      );
    }
    if (await workforce.count(at.redis)) host?.changed();
    for (const [run, text] of Object.entries(await at.redis.hgetall(keys.live))) {
      if (wanted.has(run)) host?.progress(run, JSON.parse(text));
    }
    // Of runs whose workers died again and again.
    for (const job of await at.queue.getJobs(["failed"])) {
      const run = job?.id === undefined ? undefined : wanted.get(job.id);
      if (run) await keep(at.redis, lost(run, job.failedReason));
    }
  }

  /** Commits a record that was made here. */
  async function keep(redis: Redis, record: Rec): Promise<void> {
    await commitRecord(redis, keys, record.run, JSON.stringify(record));
    const text = await redis.hget(keys.record, record.run);
    if (text !== null) take(JSON.parse(text));
  }

  /** Puts on the server what it lacks of what is known here. */
  async function restore(at: NonNullable<typeof server>): Promise<void> {
    const { redis, queue } = at;
    if (await redis.exists(keys.closed)) return;
    await redis.set(keys.spec, JSON.stringify(spec));
    await redis.hset(sweepsKey, sweep.id, JSON.stringify(sweep));
    if ((await redis.hlen(keys.asks)) !== asks.length) await mirror(redis, asks);
    const there = new Set(await redis.lrange(keys.records, 0, -1));
    const missing = [...told].filter(([run]) => !there.has(run));
    for (const [run, record] of missing) await commitRecord(redis, keys, run, JSON.stringify(record));
    if (missing.length > 0) await keepVerdicts(redis, keys, options.verdicts?.() ?? []);
    // What a server lost and got again stands elsewhere in the list.
    index = 0;
    await readRecords(at);
    const completed = await redis.zrange(queue.toKey("completed"), "0", "-1");
    for (const id of completed) if (wanted.has(id)) await queue.remove(id);
    await add(queue, [...wanted.values()]);
  }

  async function mirror(redis: Redis, fresh: readonly QueuedAsk[]): Promise<void> {
    if (fresh.length === 0) return;
    await redis.hset(keys.asks, Object.fromEntries(fresh.map((ask) => [ask.trial, JSON.stringify(ask)])));
  }

  /** Renews the lease. Who was away for so long that another process took it must not go on. */
  async function renew(redis: Redis): Promise<void> {
    const holder = await takeLease(redis, keys, owner, timing.lease);
    if (holder === owner) return;
    host?.fail(
      new DataError(
        `The sweep ${sweep.name} (${sweep.id}) goes on in ${holder}, which took it over while this process did not answer.`,
      ),
    );
  }

  async function add(queue: Queue, runs: readonly Run[]): Promise<void> {
    if (runs.length === 0) return;
    const opts = (jobId: string) => ({ jobId, attempts: 1, removeOnComplete: false, removeOnFail: false });
    await queue.addBulk(runs.map((data) => ({ name: "run", data, opts: opts(data.id) })));
  }

  const stopTimers = (): void => {
    for (const timer of timers.splice(0)) clearInterval(timer);
  };

  /** Waits for the lease of a process that may have died. */
  async function takeOver(redis: Redis): Promise<void> {
    const until = performance.now() + 1.2 * timing.lease;
    for (;;) {
      const holder = await takeLease(redis, keys, owner, timing.lease);
      if (holder === owner) return;
      if (performance.now() > until) {
        throw new OptionError(
          `The sweep ${sweep.name} (${sweep.id}) is run by ${holder}. Watch it there, or end it with isoloss sweep --close ${sweep.id} --queue ${shown(options.url)}.`,
        );
      }
      note(`Waiting for ${holder}, which ran this sweep, to give it up`);
      await pause(timing.lease / 10);
    }
  }

  /** Throws where the server knows of trials that this directory lacks. */
  async function requireAsks(redis: Redis): Promise<void> {
    const known = await redis.hlen(keys.asks);
    if (known <= asks.length) return;
    throw new OptionError(
      `The sweep ${sweep.name} (${sweep.id}) went on elsewhere: the server has ${known} trials of it, this directory ${asks.length}. Go on with isoloss sweep --attach ${sweep.id} --queue ${shown(options.url)}.`,
    );
  }

  return {
    get width() {
      return workforce.lanes;
    },
    get words() {
      return workforce.words;
    },
    async start(given, before) {
      host = given;
      const redis = await connect(options);
      redis.on("error", () => {});
      tellOfOutages(redis, options.url, { after: 3 * timing.look, note: (line) => host?.note(line) });
      void tellOfForgetting(redis, options.url, note);
      const news = redis.duplicate();
      news.on("error", () => {});
      try {
        await takeOver(redis);
        await requireAsks(redis);
        for (const record of before) told.set(record.run, record);
        server = { redis, news, queue: openQueue(options, keys) };
        await reopen(redis, keys);
        await restore(server);
        await look(server);
      } catch (error) {
        await atMost(patience, releaseLease(redis, keys, owner));
        redis.disconnect();
        throw refusalOf(options.url, error);
      }
      await news.subscribe(keys.news);
      news.on("message", () => void inTurn(readRecords));
      redis.on("ready", () => void inTurn(restore));
      timers.push(
        setInterval(lookAgain, timing.look),
        setInterval(() => void inTurn(restore), timing.reconcile),
        setInterval(() => void renew(redis).catch(() => {}), timing.lease / 3),
      );
    },
    asked(fresh) {
      asks.push(...fresh);
      void inTurn(({ redis }) => mirror(redis, fresh));
    },
    submit(runs) {
      const fresh: Run[] = [];
      for (const run of runs) {
        if (told.has(run.id) || wanted.has(run.id)) continue;
        wanted.set(run.id, run);
        fresh.push(run);
      }
      void inTurn(({ queue }) => add(queue, fresh));
      // Records that came before their runs were asked, as in a sweep that is rebuilt from the server.
      const early = runs.flatMap(({ id }) => told.get(id) ?? []);
      queueMicrotask(() => {
        for (const record of early) host?.record(record);
      });
    },
    handedOver: () => work,
    async withdraw() {
      const dropped: string[] = [];
      await inTurn(async (at) => {
        for (const id of [...wanted.keys()]) {
          // A run that a worker has is locked, and stays.
          if ((await at.queue.remove(id)) === 1) dropped.push(id);
        }
        // One that had just ended was dropped with its record kept.
        await readRecords(at);
      });
      const left = dropped.filter((id) => !told.has(id));
      for (const id of left) wanted.delete(id);
      return left;
    },
    cancel(runs) {
      if (runs.length === 0) return;
      for (const id of runs) wanted.delete(id);
      void inTurn(async ({ redis, queue }) => {
        await redis.sadd(keys.cancelled, ...runs);
        for (const id of runs) await queue.remove(id);
      });
    },
    async finish() {
      await atMost(
        patience,
        inTurn(({ redis }) => close(redis, options, sweep.id)),
      );
    },
    async forget() {
      // Renewed meanwhile, the lease would stay.
      stopTimers();
      await atMost(
        patience,
        inTurn(({ redis }) => forget(redis, options, sweep.id)),
      );
    },
    async stop() {
      stopTimers();
      host = undefined;
      if (!server) return;
      const { redis, queue, news } = server;
      const leaving = inTurn(async () => {
        if (redis.status === "ready") await releaseLease(redis, keys, owner);
        await queue.close();
      });
      await atMost(patience, leaving);
      server = undefined;
      news.disconnect();
      redis.disconnect();
      await atMost(patience, queue.disconnect());
    },
  };
}
