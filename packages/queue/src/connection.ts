import { Redis } from "ioredis";
import { DataError, OptionError } from "isoloss";

/** A server. */
export interface QueueAddress {
  /** `redis://`, or `rediss://` with TLS; `valkey://` and `valkeys://` are the same. */
  readonly url: string;
  /** Instead of the one in the address. */
  readonly password?: string | undefined;
}

/** Milliseconds until a server that does not answer is given up, at the first connection. */
const patience = 5000;

const defaultPort = 6379;

/**
 * Settings of a connection that waits for its server for as long as it takes.
 *
 * @throws OptionError for what is no address of a server
 */
export function connectionOptions({ url, password }: QueueAddress) {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const scheme = /^(?:redis|valkey)(s?):$/.exec(parsed?.protocol ?? "");
  const db = Number(parsed?.pathname.replace(/^\//, "") || 0);
  // What follows a ? or # would be ignored: a database, or half of a password.
  const isWhole = parsed?.search === "" && parsed.hash === "";
  if (!parsed || !scheme || !isWhole || parsed.hostname === "" || !Number.isInteger(db) || db < 0) {
    throw new OptionError(
      `The address of a queue is redis://HOST:PORT or rediss://HOST:PORT, perhaps with a number of a database after it (redis://HOST:PORT/1), and without ? and #, which a password has as %3F and %23; got ${shown(url)}.`,
    );
  }
  // A variable of the environment that is empty is none.
  const secret = password || decoded(parsed.password);
  return {
    host: parsed.hostname.replace(/^\[|\]$/g, ""),
    port: Number(parsed.port || defaultPort),
    db,
    ...(parsed.username === "" ? {} : { username: decoded(parsed.username) }),
    ...(secret === "" ? {} : { password: secret }),
    ...(scheme[1] === "" ? {} : { tls: {} }),
    maxRetriesPerRequest: null as null,
    retryStrategy: (times: number) => Math.min(100 * times, 2000),
  };
}

/** @throws OptionError for a percent sign that encodes nothing */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new OptionError(
      "The name or password in the address of the queue has a % that encodes no character: write %25 for it, or set ISOLOSS_QUEUE_PASSWORD.",
      { cause },
    );
  }
}

/** An address as it may be printed: without a password. */
export function shown(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const isAddress = parsed && /^(redis|valkey)s?:$/.test(parsed.protocol) && parsed.hostname !== "";
  // In what is no address, a password may stand anywhere before the last @.
  if (!isAddress || parsed.pathname.includes("@")) return url.replace(/^([a-z]+:\/\/)?.*@/is, "$1...@");
  const { protocol, hostname, port, pathname } = parsed;
  return `${protocol}//${hostname}:${port || defaultPort}${pathname === "/" ? "" : pathname}`;
}

/**
 * Connects to a server that keeps what it is given.
 *
 * @throws DataError when there is none within five seconds; OptionError when it refuses the password, has no database of the
 *   number in the address, or may drop keys
 */
export async function connect(address: QueueAddress): Promise<Redis> {
  const redis = new Redis({ ...connectionOptions(address), lazyConnect: true });
  let reason = "no answer";
  redis.on("error", (error: NodeJS.ErrnoException) => {
    // Of what speaks another language, such as a web server, the client says that it is to be told of.
    reason =
      error.code ?? (/RESP/.test(error.message) ? "what answers is no Valkey or Redis" : error.message);
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(reason)), patience);
  });
  try {
    await Promise.race([ready(redis), late]);
    await requireDatabase(redis, address);
    await requireLasting(redis, address);
    return redis;
  } catch (cause) {
    redis.disconnect();
    if (cause instanceof OptionError) throw cause;
    const text = cause instanceof Error ? cause.message : String(cause);
    if (/WRONGPASS|NOAUTH|invalid (username|password)/i.test(text)) {
      const refused = `The server at ${shown(address.url)} refuses the password. Set it in ISOLOSS_QUEUE_PASSWORD.`;
      throw new OptionError(refused, { cause });
    }
    throw new DataError(
      `There is no server at ${shown(address.url)} (${text}). Start one, such as valkey-server, or give its address as redis://HOST:PORT.`,
      { cause },
    );
  } finally {
    clearTimeout(timer);
  }
}

/** Warns of a server that keeps nothing on disk; where the server refuses to tell its settings there is no warning. */
export async function tellOfForgetting(
  redis: Redis,
  url: string,
  note: (line: string) => void,
): Promise<void> {
  const setting = (key: string) =>
    redis.config("GET", key).then(
      (answer) => (Array.isArray(answer) ? answer[1] : undefined),
      () => undefined,
    );
  if ((await setting("save")) !== "" || (await setting("appendonly")) !== "no") return;
  note(
    `The server at ${shown(url)} keeps nothing on a disk (save "", appendonly no): once it ends, only the directory of a sweep has its records. Start it with --appendonly yes.`,
  );
}

/** What a server answers instead of doing as it is asked, such as where its memory is full, in words; other errors as they are. */
export const refusalOf = (url: string, error: unknown): unknown =>
  error instanceof Error && error.name === "ReplyError"
    ? new DataError(`The server at ${shown(url)} refuses: ${error.message}`, { cause: error })
    : error;

/** Tells of a server that has been away for so many milliseconds, and when it is back. */
export function tellOfOutages(
  redis: Redis,
  url: string,
  { after, note }: { readonly after: number; note(line: string): void },
): void {
  let waiting: NodeJS.Timeout | undefined;
  let isTold = false;
  redis.on("close", () => {
    waiting ??= setTimeout(() => {
      isTold = true;
      note(`The server at ${shown(url)} does not answer: waiting for it`);
    }, after).unref();
  });
  const settled = () => {
    clearTimeout(waiting);
    waiting = undefined;
  };
  redis.on("end", settled);
  redis.on("ready", () => {
    settled();
    if (isTold) note(`The server at ${shown(url)} answers again`);
    isTold = false;
  });
}

/** A server that refuses the password is told at once, one that cannot be reached may be starting. */
async function ready(redis: Redis): Promise<void> {
  const isAnswer = (error: Error) => /WRONGPASS|NOAUTH/.test(error.message);
  await new Promise<void>((resolve, reject) => {
    redis.once("ready", resolve);
    redis.on("error", (error) => {
      if (isAnswer(error)) reject(error);
    });
    redis.connect().catch((error) => {
      if (isAnswer(error)) reject(error);
    });
  });
  await redis.ping();
}

/** Where a server lacks a database, the client goes on in database 0, which is perhaps another team's. */
async function requireDatabase(redis: Redis, address: QueueAddress): Promise<void> {
  const { db } = connectionOptions(address);
  if (db === 0) return;
  await redis.select(db).catch((cause: Error) => {
    if (cause.name !== "ReplyError") throw cause;
    throw new OptionError(
      `The server at ${shown(address.url)} has no database ${db} (${cause.message}). Give the number of one that it has, or none.`,
      { cause },
    );
  });
}

/** A server that drops keys when its memory is full would lose runs. */
async function requireLasting(redis: Redis, { url }: QueueAddress): Promise<void> {
  // Some providers forbid the question.
  const answer = await redis.config("GET", "maxmemory-policy").catch(() => undefined);
  const policy = Array.isArray(answer) ? String(answer[1]) : "noeviction";
  if (policy === "noeviction") return;
  throw new OptionError(
    `The server at ${shown(url)} drops keys when its memory is full (maxmemory-policy ${policy}), and would lose runs. Set it to noeviction: valkey-cli config set maxmemory-policy noeviction.`,
  );
}
