// What a server knows of sweeps: where workers look, and what another computer goes on from.
import { Queue } from "bullmq";
import type { Redis } from "ioredis";
import { OptionError } from "isoloss";
import { connect, connectionOptions, type QueueAddress, refusalOf, shown } from "./connection.js";
import { type SweepKeys, sweepKeys, sweepsKey, workerKey, workersKey } from "./keys.js";

/** An open sweep as workers see it. */
export interface SweepNotice {
  /** Letters and digits. */
  readonly id: string;
  readonly name: string;
  /** Of the program that makes its runs: those of another version may compute other numbers. */
  readonly version: string;
  /** Names of the data sets that its runs read. */
  readonly needs: readonly string[];
  /** ISO 8601, UTC: the oldest is served first. */
  readonly since: string;
}

/** A worker as it says itself. */
export interface WorkerNotice {
  /** Computer and process. */
  readonly name: string;
  /** Runs that it computes at the same time. */
  readonly lanes: number;
  /** `any`: it serves sweeps of all. */
  readonly version: string;
  /** Names of data sets that it does not have. */
  readonly missing?: readonly string[] | undefined;
}

/** A trial that was asked, as plain data. */
export interface QueuedAsk {
  readonly trial: number;
}

/** All that is known of a sweep, as JSON values. */
export interface SweepCopy {
  readonly notice: SweepNotice;
  readonly spec: unknown;
  readonly asks: readonly QueuedAsk[];
  readonly records: readonly unknown[];
}

/** Seconds for which what is left of a sweep stays. */
const keptSeconds = 24 * 60 * 60;

/** Open sweeps, the oldest first. */
export async function openSweeps(redis: Redis): Promise<SweepNotice[]> {
  const texts = await redis.hvals(sweepsKey);
  const sweeps = texts.map((text) => JSON.parse(text) as SweepNotice);
  return sweeps.sort((a, b) => (a.since < b.since ? -1 : 1));
}

/** Workers that have shown a sign of life. */
export async function livingWorkers(redis: Redis): Promise<WorkerNotice[]> {
  const ids = await redis.smembers(workersKey);
  if (ids.length === 0) return [];
  const texts = await redis.mget(ids.map(workerKey));
  const gone = ids.filter((_, i) => texts[i] === null);
  if (gone.length > 0) await redis.srem(workersKey, ...gone);
  return texts.flatMap((text) => (text === null ? [] : [JSON.parse(text) as WorkerNotice]));
}

/** The list of sweeps and workers. @throws DataError when there is no server */
export const listSweeps = (
  address: QueueAddress,
): Promise<{ sweeps: SweepNotice[]; workers: WorkerNotice[] }> =>
  withServer(address, async (redis) => ({
    sweeps: await openSweeps(redis),
    workers: await livingWorkers(redis),
  }));

/** What a directory of a sweep can be made from again. @throws OptionError when there is no such sweep; DataError when there is no server */
export const readSweep = (address: QueueAddress, id: string): Promise<SweepCopy> =>
  withServer(address, async (redis) => {
    const keys = sweepKeys(id);
    const notice = await requireNotice(redis, address, id);
    const [spec, asks, runs] = await Promise.all([
      redis.get(keys.spec),
      redis.hvals(keys.asks),
      redis.lrange(keys.records, 0, -1),
    ]);
    const records = runs.length === 0 ? [] : await redis.hmget(keys.record, ...runs);
    return {
      notice,
      spec: JSON.parse(spec ?? "null"),
      asks: asks.map((text) => JSON.parse(text) as QueuedAsk).sort((a, b) => a.trial - b.trial),
      records: records.flatMap((text) => (text === null ? [] : [JSON.parse(text)])),
    };
  });

/**
 * Ends a sweep for all: its runs under way stop, and no record of them counts any more. What is known of it stays for
 * a day.
 *
 * @throws OptionError when there is no such sweep; DataError when there is no server
 */
export const closeSweep = (address: QueueAddress, id: string): Promise<void> =>
  withServer(address, async (redis) => {
    await requireNotice(redis, address, id);
    await close(redis, address, id);
  });

/** Marks a sweep as over. Its waiting runs go. */
export async function close(redis: Redis, address: QueueAddress, id: string): Promise<void> {
  const keys = sweepKeys(id);
  await redis.set(keys.closed, "1");
  await redis.hdel(sweepsKey, id);
  const queue = openQueue(address, keys);
  try {
    await queue.drain();
  } finally {
    await queue.close();
  }
  await Promise.all((await lastingKeys(redis, keys)).map((name) => redis.expire(name, keptSeconds)));
}

/** Closes a sweep of which nothing is to stay. Its workers see that it is closed for a minute. */
export async function forget(redis: Redis, address: QueueAddress, id: string): Promise<void> {
  await close(redis, address, id);
  const keys = sweepKeys(id);
  const gone = (await allKeys(redis, keys)).filter((name) => name !== keys.closed);
  if (gone.length > 0) await redis.unlink(...gone);
  await redis.expire(keys.closed, 60);
}

/** Opens a sweep that was closed and is resumed. */
export async function reopen(redis: Redis, keys: SweepKeys): Promise<void> {
  if ((await redis.del(keys.closed)) === 0) return;
  await Promise.all((await lastingKeys(redis, keys)).map((name) => redis.persist(name)));
}

/** The keys without those that expire by themselves: kept longer, a lock or a lease would hold for a process that is dead. */
const lastingKeys = async (redis: Redis, keys: SweepKeys): Promise<string[]> =>
  (await allKeys(redis, keys)).filter((name) => !/:(lock|stalled-check|lease)$/.test(name));

async function allKeys(redis: Redis, keys: SweepKeys): Promise<string[]> {
  const all: string[] = [];
  for await (const names of redis.scanStream({ match: keys.all, count: 1000 })) all.push(...names);
  return all;
}

/** The queue of a sweep. */
export function openQueue(address: QueueAddress, keys: SweepKeys): Queue {
  const queue = new Queue(keys.queue, { connection: connectionOptions(address), prefix: keys.prefix });
  // A server that is away comes back; what is asked of it waits.
  queue.on("error", () => {});
  return queue;
}

async function withServer<T>(address: QueueAddress, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = await connect(address);
  try {
    return await work(redis);
  } catch (error) {
    throw refusalOf(address.url, error);
  } finally {
    redis.disconnect();
  }
}

async function requireNotice(redis: Redis, { url }: QueueAddress, id: string): Promise<SweepNotice> {
  const text = await redis.hget(sweepsKey, id);
  if (text !== null) return JSON.parse(text);
  const known = (await openSweeps(redis)).map((sweep) => `${sweep.id} (${sweep.name})`);
  throw new OptionError(
    `The server at ${shown(url)} has no open sweep ${id}. ${known.length === 0 ? "It has none." : `It has ${known.join(", ")}.`}`,
  );
}
