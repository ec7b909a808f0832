import { createHash, randomUUID } from "node:crypto";
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { DataError } from "isoloss";
import { reasonOf } from "isoloss/node";

/** Another process, which is alive or on another computer, writes to the directory. */
export class LockedError extends DataError {
  override name = "LockedError";
}

/** Directories that this process writes to. */
const held = new Set<string>();

/**
 * Locks a directory of a run or a sweep for one writer: two that append to the same files would destroy both.
 * The lock of a process that was killed does not count, where the file system has hard links.
 *
 * @param directory its real path
 * @returns the function that releases it
 * @throws LockedError when another process that is alive, or of another computer, has it; DataError when it cannot be written
 */
export function lockDirectory(directory: string, what = "run"): () => void {
  const path = join(directory, "lock");
  if (held.has(directory)) throw new DataError(`The ${what} ${directory} is open already in this process.`);
  const nonce = randomUUID();
  const text = `${process.pid} ${hostname()} ${startOf(process.pid)} ${nonce}\n`;
  const mine = `${path}.${nonce}`;
  try {
    // Complete before it is the lock: what a crash leaves there is a whole lock, or none.
    writeFileSync(mine, text, { flag: "wx", flush: true });
    try {
      take(path, mine, (owner) => {
        throw new LockedError(
          `The ${what} ${directory} is being written by ${owner}. If that is not so, delete ${path}.`,
        );
      });
    } catch (error) {
      if (!withoutLinks.has(codeOf(error))) throw error;
      create(path, text, () => {
        throw new LockedError(
          `The ${what} ${directory} is locked, and as its file system has no hard links, the lock may be one that is just being made. If no process writes there, delete ${path}.`,
        );
      });
    }
  } catch (cause) {
    if (cause instanceof LockedError) throw cause;
    throw new DataError(`Cannot write to the ${what} ${directory}: ${reasonOf(cause)}.`, { cause });
  } finally {
    for (const name of [mine, `${mine}.new`]) rmSync(name, { force: true });
  }
  held.add(directory);
  return () => {
    held.delete(directory);
    if (textOf(path) === text) rmSync(path, { force: true });
  };
}

/** What link(2) fails with on file systems without hard links, such as exFAT and some network shares. */
const withoutLinks = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? "";

/** Makes the lock where there are no hard links. It is not complete from its beginning, so that no other one is judged stale. */
function create(path: string, text: string, refuse: () => never): void {
  try {
    writeFileSync(path, text, { flag: "wx", flush: true });
  } catch (error) {
    if (codeOf(error) === "EEXIST") refuse();
    throw error;
  }
}

/**
 * Makes a file the lock at a path. A stale lock is replaced by the process that has the lock of its replacement, whose name is a
 * hash of its text. No two locks have the same text, so that a process which judged it stale long ago replaces no other one.
 */
function take(path: string, mine: string, refuse: (owner: string) => never): void {
  for (;;) {
    try {
      linkSync(mine, path);
      return;
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error;
    }
    const stale = textOf(path);
    // Released meanwhile.
    if (stale === undefined) continue;
    const owner = ownerOf(stale);
    if (owner !== undefined) refuse(owner);
    const replacement = `${path}.${createHash("sha256").update(stale).digest("hex").slice(0, 16)}`;
    take(replacement, mine, refuse);
    try {
      if (textOf(path) !== stale) continue;
      linkSync(mine, `${mine}.new`);
      renameSync(`${mine}.new`, path);
      return;
    } finally {
      rmSync(replacement, { force: true });
    }
  }
}

const textOf = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
};

/** The holder of a lock, in words; undefined when that process has ended. */
function ownerOf(text: string): string | undefined {
  const [, pid, host, start = "-"] = /^(\d+) (\S+)(?: (\S+) \S+)?\n$/.exec(text) ?? [];
  // Half a lock of an earlier version; or this process' own number, given to an earlier one.
  if (pid === undefined || (Number(pid) === process.pid && host === hostname())) return undefined;
  if (host !== hostname()) return `process ${pid} on ${host}`;
  const present = startOf(Number(pid));
  const isOther = present === undefined || (present !== start && present !== "-" && start !== "-");
  return isOther ? undefined : `process ${pid}`;
}

/** When a process began, as Linux counts, which tells it from a later one of the same number; "-" elsewhere; undefined: it has ended. */
function startOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) === "ESRCH") return undefined;
  }
  try {
    const [state, ...fields] = (readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1) ?? "").split(
      " ",
    );
    // A process that has ended, and whose parent has not asked how.
    return state === "Z" ? undefined : (fields[18] ?? "-");
  } catch {
    return "-";
  }
}
