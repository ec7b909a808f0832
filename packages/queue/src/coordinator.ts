import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import type { Queue } from "bullmq";
import type { Redis } from "ioredis";
import { DataError, OptionError } from "isoloss";
import { connect, refusalOf, shown, tellOfForgetting, tellOfOutages } from "./connection.js";
import { type SweepKeys, sweepKeys, sweepsKey } from "./keys.js";
import type { QueuedRecord, QueuedRun, QueueHost, QueueLanes, QueueLanesOptions } from "./lanes.js";
import { commitRecord, keepVerdicts, releaseLease, takeLease } from "./scripts.js";
import { close, forget, openQueue, type QueuedAsk, reopen } from "./sweeps.js";
import { atMost, defaultTiming, type QueueTiming } from "./timing.js";
import { createWorkforce, type Workforce } from "./workforce.js";

/** Milliseconds that the end of a process waits for its server. */
const patience = 3000;

/** The connections to the server. */
interface Server {
  readonly redis: Redis;
  /** Hears of new records. */
  readonly news: Redis;
  readonly queue: Queue;
}

/** What the process of a sweep knows of it. */
interface State {
  readonly options: QueueLanesOptions<QueuedRun, QueuedRecord>;
  readonly timing: QueueTiming;
  readonly keys: SweepKeys;
  /** This process, as the holder of the lease. */
  readonly owner: string;
  readonly workforce: Workforce;
  readonly asks: QueuedAsk[];
  /** Records that were told, by run. */
  readonly told: Map<string, QueuedRecord>;
  /** Runs without a record. */
  readonly wanted: Map<string, QueuedRun>;
  readonly timers: NodeJS.Timeout[];
  /** Tells the user a line, once. */
  readonly note: (line: string) => void;
  server: Server | undefined;
  host: QueueHost<QueuedRecord> | undefined;
  /** How many records of the server's list were read. */
  index: number;
  /** Ends with the last task. */
  work: Promise<unknown>;
  isLooking: boolean;
}

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
  const state = stateOf(options);
  const { sweep } = options;
  const { workforce, keys, told, wanted } = state;
  return {
    get width() {
      return workforce.lanes;
    },
    get words() {
      return workforce.words;
    },
    start: (host, before) => start(state, host, before),
    asked(fresh) {
      state.asks.push(...fresh);
      void inTurn(state, ({ redis }) => mirror(state, redis, fresh));
    },
    submit(runs) {
      const fresh: Run[] = [];
      for (const run of runs) {
        if (told.has(run.id) || wanted.has(run.id)) continue;
        wanted.set(run.id, run);
        fresh.push(run);
      }
      void inTurn(state, ({ queue }) => add(queue, fresh));
      // Records that came before their runs were asked, as in a sweep that is rebuilt from the server.
      const early = runs.flatMap(({ id }) => told.get(id) ?? []);
      queueMicrotask(() => {
        for (const record of early) state.host?.record(record);
      });
    },
    handedOver: () => state.work,
    async withdraw() {
      const dropped: string[] = [];
      await inTurn(state, async (server) => {
        for (const id of [...wanted.keys()]) {
          // A run that a worker has is locked, and stays.
          if ((await server.queue.remove(id)) === 1) dropped.push(id);
        }
        // One that had just ended was dropped with its record kept.
        await readRecords(state, server);
      });
      const left = dropped.filter((id) => !told.has(id));
      for (const id of left) wanted.delete(id);
      return left;
    },
    cancel(runs) {
      if (runs.length === 0) return;
      for (const id of runs) wanted.delete(id);
      void inTurn(state, async ({ redis, queue }) => {
        await redis.sadd(keys.cancelled, ...runs);
        for (const id of runs) await queue.remove(id);
      });
    },
    async finish() {
      await atMost(
        patience,
        inTurn(state, ({ redis }) => close(redis, options, sweep.id)),
      );
    },
    async forget() {
      // Renewed meanwhile, the lease would stay.
      stopTimers(state);
      await atMost(
        patience,
        inTurn(state, ({ redis }) => forget(redis, options, sweep.id)),
      );
    },
    stop: () => stop(state),
  };
}

function stateOf(options: State["options"]): State {
  const { sweep, url, expectsWorker = false } = options;
  const timing = { ...defaultTiming, ...options.timing };
  const noted = new Set<string>();
  const note = (line: string) => {
    if (noted.has(line)) return;
    noted.add(line);
    state.host?.note(line);
  };
  const state: State = {
    options,
    timing,
    keys: sweepKeys(sweep.id),
    // In two containers of one host name both may be process 1.
    owner: `${hostname()}:${process.pid} ${randomUUID()}`,
    workforce: createWorkforce(sweep, {
      start: `isoloss worker --queue ${shown(url)}`,
      patience: timing.patience,
      expectsWorker,
      note,
    }),
    asks: [...options.asks],
    told: new Map(),
    wanted: new Map(),
    timers: [],
    note,
    server: undefined,
    host: undefined,
    index: 0,
    work: Promise.resolve(),
    isLooking: false,
  };
  return state;
}

async function start(
  state: State,
  host: QueueHost<QueuedRecord>,
  before: readonly QueuedRecord[],
): Promise<void> {
  const { options, timing, keys, owner } = state;
  state.host = host;
  const redis = await connect(options);
  redis.on("error", () => {});
  tellOfOutages(redis, options.url, { after: 3 * timing.look, note: (line) => state.host?.note(line) });
  void tellOfForgetting(redis, options.url, state.note);
  const news = redis.duplicate();
  news.on("error", () => {});
  try {
    await takeOver(state, redis);
    await requireAsks(state, redis);
    for (const record of before) state.told.set(record.run, record);
    const server = { redis, news, queue: openQueue(options, keys) };
    state.server = server;
    await reopen(redis, keys);
    await restore(state, server);
    await look(state, server);
  } catch (error) {
    await atMost(patience, releaseLease(redis, keys, owner));
    redis.disconnect();
    throw refusalOf(options.url, error);
  }
  await news.subscribe(keys.news);
  news.on("message", () => void inTurn(state, (server) => readRecords(state, server)));
  const restoreInTurn = () => void inTurn(state, (server) => restore(state, server));
  redis.on("ready", restoreInTurn);
  state.timers.push(
    setInterval(() => lookAgain(state), timing.look),
    setInterval(restoreInTurn, timing.reconcile),
    setInterval(() => void renew(state, redis).catch(() => {}), timing.lease / 3),
  );
}

async function stop(state: State): Promise<void> {
  stopTimers(state);
  state.host = undefined;
  if (!state.server) return;
  const { redis, queue, news } = state.server;
  const leaving = inTurn(state, async () => {
    if (redis.status === "ready") await releaseLease(redis, state.keys, state.owner);
    await queue.close();
  });
  await atMost(patience, leaving);
  state.server = undefined;
  news.disconnect();
  redis.disconnect();
  await atMost(patience, queue.disconnect());
}

function stopTimers({ timers }: State): void {
  for (const timer of timers.splice(0)) clearInterval(timer);
}

/** Does one task after the other; a server that went away is asked again by the next look. */
function inTurn(state: State, task: (server: Server) => Promise<unknown>): Promise<unknown> {
  state.work = state.work
    .then(() => (state.server ? task(state.server) : undefined))
    .catch((error: Error) => state.note(`The server refuses, and is asked again: ${error.message}`));
  return state.work;
}

/** At most one look waits for a server that is away. */
function lookAgain(state: State): void {
  if (state.isLooking) return;
  state.isLooking = true;
  void inTurn(state, (server) => look(state, server)).then(() => {
    state.isLooking = false;
  });
}

/** Takes what has changed on the server: records, workers, how far runs are, and runs that are lost. */
async function look(state: State, server: Server): Promise<void> {
  const { options, keys, wanted, workforce } = state;
  const { redis, queue } = server;
  await readRecords(state, server);
  if (await redis.exists(keys.closed)) {
    const { name, id } = options.sweep;
    state.host?.fail(
      new DataError(`The sweep ${name} (${id}) was closed on the server. Resuming it opens it again.`),
    );
  }
  if (await workforce.count(redis)) state.host?.changed();
  for (const [run, text] of Object.entries(await redis.hgetall(keys.live))) {
    if (wanted.has(run)) state.host?.progress(run, JSON.parse(text));
  }
  // Of runs whose workers died again and again.
  for (const job of await queue.getJobs(["failed"])) {
    const run = job?.id === undefined ? undefined : wanted.get(job.id);
    if (run) await keep(state, redis, options.lost(run, job.failedReason));
  }
}

function take(state: State, record: QueuedRecord): void {
  if (state.told.has(record.run)) return;
  state.told.set(record.run, record);
  state.wanted.delete(record.run);
  state.host?.record(record);
}

/** Takes the records that are new on the server. */
async function readRecords(state: State, { redis }: Server): Promise<void> {
  const runs = await redis.lrange(state.keys.records, state.index, -1);
  const fresh = runs.filter((run) => !state.told.has(run));
  const texts = fresh.length === 0 ? [] : await redis.hmget(state.keys.record, ...fresh);
  state.index += runs.length;
  for (const text of texts) if (text !== null) take(state, JSON.parse(text));
}

/** Commits a record that was made here. */
async function keep(state: State, redis: Redis, record: QueuedRecord): Promise<void> {
  await commitRecord(redis, state.keys, record.run, JSON.stringify(record));
  const text = await redis.hget(state.keys.record, record.run);
  if (text !== null) take(state, JSON.parse(text));
}

/** Puts on the server what it lacks of what is known here. */
async function restore(state: State, server: Server): Promise<void> {
  const { options, keys, asks, told, wanted } = state;
  const { redis, queue } = server;
  if (await redis.exists(keys.closed)) return;
  await redis.set(keys.spec, JSON.stringify(options.spec));
  await redis.hset(sweepsKey, options.sweep.id, JSON.stringify(options.sweep));
  if ((await redis.hlen(keys.asks)) !== asks.length) await mirror(state, redis, asks);
  const there = new Set(await redis.lrange(keys.records, 0, -1));
  const missing = [...told].filter(([run]) => !there.has(run));
  for (const [run, record] of missing) await commitRecord(redis, keys, run, JSON.stringify(record));
  if (missing.length > 0) await keepVerdicts(redis, keys, options.verdicts?.() ?? []);
  // What a server lost and got again stands elsewhere in the list.
  state.index = 0;
  await readRecords(state, server);
  const completed = await redis.zrange(queue.toKey("completed"), "0", "-1");
  for (const id of completed) if (wanted.has(id)) await queue.remove(id);
  await add(queue, [...wanted.values()]);
}

async function mirror({ keys }: State, redis: Redis, asks: readonly QueuedAsk[]): Promise<void> {
  if (asks.length === 0) return;
  await redis.hset(keys.asks, Object.fromEntries(asks.map((ask) => [ask.trial, JSON.stringify(ask)])));
}

async function add(queue: Queue, runs: readonly QueuedRun[]): Promise<void> {
  if (runs.length === 0) return;
  const opts = (jobId: string) => ({ jobId, attempts: 1, removeOnComplete: false, removeOnFail: false });
  await queue.addBulk(runs.map((data) => ({ name: "run", data, opts: opts(data.id) })));
}

/** The computer and process of a holder of the lease. */
const placeOf = (holder: string): string => holder.split(" ")[0];

/** Renews the lease. Who was away for so long that another process took it must not go on. */
async function renew({ options: { sweep }, keys, owner, timing, host }: State, redis: Redis): Promise<void> {
  const holder = await takeLease(redis, keys, owner, timing.lease);
  if (holder === owner) return;
  host?.fail(
    new DataError(
      `The sweep ${sweep.name} (${sweep.id}) goes on in ${placeOf(holder)}, which took it over while this process did not answer.`,
    ),
  );
}

/** Waits for the lease of a process that may have died. */
async function takeOver(
  { options: { sweep, url }, keys, owner, timing, note }: State,
  redis: Redis,
): Promise<void> {
  const until = performance.now() + 1.2 * timing.lease;
  for (;;) {
    const holder = await takeLease(redis, keys, owner, timing.lease);
    if (holder === owner) return;
    if (performance.now() > until) {
      throw new OptionError(
        `The sweep ${sweep.name} (${sweep.id}) is run by ${placeOf(holder)}. Watch it there, or end it with isoloss sweep --close ${sweep.id} --queue ${shown(url)}.`,
      );
    }
    note(`Waiting for ${placeOf(holder)}, which ran this sweep, to give it up`);
    await pause(timing.lease / 10);
  }
}

/** Throws where the server knows of trials that this directory lacks. */
async function requireAsks({ options: { sweep, url }, keys, asks }: State, redis: Redis): Promise<void> {
  const known = await redis.hlen(keys.asks);
  if (known <= asks.length) return;
  throw new OptionError(
    `The sweep ${sweep.name} (${sweep.id}) went on elsewhere: the server has ${known} trials of it, this directory ${asks.length}. Go on with isoloss sweep --attach ${sweep.id} --queue ${shown(url)}.`,
  );
}
