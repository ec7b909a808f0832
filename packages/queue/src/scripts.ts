// What must happen at once, as scripts in the server. They are sent whole: a server that was started again knows none.
import type { Redis } from "ioredis";
import type { SweepKeys } from "./keys.js";

/** The first record of a run counts, whoever made it; none once the sweep is over. */
const commit = `
if redis.call("EXISTS", KEYS[3]) == 1 then return "closed" end
if redis.call("HSETNX", KEYS[1], ARGV[1], ARGV[2]) == 0 then return "duplicate" end
redis.call("RPUSH", KEYS[2], ARGV[1])
redis.call("HDEL", KEYS[4], ARGV[1])
redis.call("PUBLISH", KEYS[5], ARGV[1])
return "first"`;

export const commitRecord = (
  redis: Redis,
  keys: SweepKeys,
  run: string,
  json: string,
): Promise<"first" | "duplicate" | "closed"> =>
  redis.eval(
    commit,
    5,
    ...[keys.record, keys.records, keys.closed, keys.live, keys.news],
    ...[run, json],
  ) as Promise<"first" | "duplicate" | "closed">;

/**
 * The verdict on a run at a rung, by the rule of `verdictOf` in the command line's sweep/prune.ts: stop what is no finite number;
 * go while at most `startup` values are there; asha: go if fewer than max(1, floor(n / factor)) values are better; median: go unless the
 * run's best is above the median; bound: go unless the value is above it. A verdict is final.
 */
const ask = `
if redis.call("HEXISTS", KEYS[1], ARGV[1]) == 1 then return "counted" end
if redis.call("SISMEMBER", KEYS[2], ARGV[1]) == 1 then return "cancelled" end
if redis.call("EXISTS", KEYS[5]) == 1 then return "cancelled" end
local field = ARGV[1] .. "/" .. ARGV[2]
local known = redis.call("HGET", KEYS[3], field)
if known then return known end
local value, rule, startup = ARGV[3], ARGV[4], tonumber(ARGV[6])
local verdict, rank = "go"
if value == "nan" then
  verdict = "stop"
  rank = redis.call("ZCARD", KEYS[4]) + 1
else
  redis.call("ZADD", KEYS[4], "NX", value, ARGV[1])
  rank = redis.call("ZCOUNT", KEYS[4], "-inf", "(" .. value) + 1
end
local n = redis.call("ZCARD", KEYS[4])
if verdict == "go" and n > startup then
  if rule == "asha" then
    if rank > math.max(1, math.floor(n / tonumber(ARGV[5]))) then verdict = "stop" end
  elseif rule == "median" then
    local function at(i) return tonumber(redis.call("ZRANGE", KEYS[4], i, i, "WITHSCORES")[2]) end
    local middle = (at(math.floor((n - 1) / 2)) + at(math.floor(n / 2))) / 2
    if tonumber(ARGV[7]) > middle then verdict = "stop" end
  elseif tonumber(value) > tonumber(ARGV[8]) then
    verdict = "stop"
  end
end
local answer = cjson.encode({ verdict = verdict, n = n, rank = rank })
redis.call("HSET", KEYS[3], field, answer)
return answer`;

/** What the server is asked at a rung. Less is better. */
export interface VerdictRequest {
  readonly run: string;
  /** Values are compared among the runs of a seed. */
  readonly seed: number;
  readonly rung: number;
  /** May be no finite number. */
  readonly value: number;
  /** The run's best up to here, this one included. */
  readonly best: number;
}

/** A rule of pruning. `above` is negated where the metric is maximized. */
export interface ServerRule {
  readonly rule: "asha" | "median" | "bound";
  /** Of asha. */
  readonly factor: number;
  readonly startup: number;
  /** Of bound. */
  readonly above: number;
}

/** `counted`: the run has a record; `cancelled`: nobody waits for it. */
export type ServerVerdict = "counted" | "cancelled" | WorkerVerdict;

/** A verdict as a record carries it. */
export interface WorkerVerdict {
  readonly verdict: "go" | "stop";
  /** Number of values at the rung then, this one among them. */
  readonly n: number;
  /** 1 for the best. */
  readonly rank: number;
}

export async function askVerdict(
  redis: Redis,
  keys: SweepKeys,
  { run, seed, rung, value, best }: VerdictRequest,
  { rule, factor, startup, above }: ServerRule,
): Promise<ServerVerdict> {
  const answer = (await redis.eval(
    ask,
    5,
    ...[keys.record, keys.cancelled, keys.verdicts, keys.values(seed, rung), keys.closed],
    ...[run, String(rung), Number.isFinite(value) ? String(value) : "nan", rule],
    ...[factor, startup, best, above].map(String),
  )) as string;
  return answer === "counted" || answer === "cancelled" ? answer : JSON.parse(answer);
}

/** A verdict that was made, with what it was based on. */
export interface PastVerdict extends WorkerVerdict {
  readonly run: string;
  readonly seed: number;
  readonly rung: number;
  /** null where it was not finite. */
  readonly value: number | null;
}

/** Gives a server that has lost them the verdicts that are known elsewhere: later runs are compared with them again. */
export async function keepVerdicts(
  redis: Redis,
  keys: SweepKeys,
  verdicts: readonly PastVerdict[],
): Promise<void> {
  const all = redis.pipeline();
  for (const { run, seed, rung, value, verdict, n, rank } of verdicts) {
    if (value !== null) all.zadd(keys.values(seed, rung), "NX", value, run);
    all.hsetnx(keys.verdicts, `${run}/${rung}`, JSON.stringify({ verdict, n, rank }));
  }
  await all.exec();
}

/** Asked twice, as after an outage, it answers the same. */
const begin = `
if redis.call("HEXISTS", KEYS[1], ARGV[1]) == 1 then return -1 end
redis.call("SADD", KEYS[2], ARGV[2])
return redis.call("SCARD", KEYS[2]) - 1`;

/** Begins a delivery of a run. @returns how many workers died with the run; -1: it has a record */
export const beginDelivery = (
  redis: Redis,
  keys: SweepKeys,
  run: string,
  delivery: string,
): Promise<number> =>
  redis.eval(begin, 2, keys.record, keys.deliveries(run), run, delivery) as Promise<number>;

/** Takes a lease that is free or one's own. */
const lease = `
local owner = redis.call("GET", KEYS[1])
if owner and owner ~= ARGV[1] then return owner end
redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
return ARGV[1]`;

/** @returns who has it now */
export const takeLease = (
  redis: Redis,
  keys: SweepKeys,
  owner: string,
  milliseconds: number,
): Promise<string> => redis.eval(lease, 1, keys.lease, owner, String(milliseconds)) as Promise<string>;

const release = `if redis.call("GET", KEYS[1]) == ARGV[1] then redis.call("DEL", KEYS[1]) end`;

export async function releaseLease(redis: Redis, keys: SweepKeys, owner: string): Promise<void> {
  await redis.eval(release, 1, keys.lease, owner);
}
