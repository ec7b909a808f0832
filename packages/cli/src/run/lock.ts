import { readFileSync, rmSync, writeFileSync } from "node:fs";
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
 * The lock of a process that was killed does not count.
 *
 * @param directory its real path
 * @returns the function that releases it
 * @throws LockedError when another process that is alive, or of another computer, has it; DataError when it cannot be written
 */
export function lockDirectory(directory: string, what = "run"): () => void {
  const path = join(directory, "lock");
  if (held.has(directory)) throw new DataError(`The ${what} ${directory} is open already in this process.`);
  const mine = `${process.pid} ${hostname()}\n`;
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(path, mine, { flag: "wx" });
      break;
    } catch (cause) {
      const isTaken = (cause as NodeJS.ErrnoException).code === "EEXIST";
      if (!isTaken || attempt > 0) {
        // A full disk leaves an empty file.
        if (!isTaken) rmSync(path, { force: true });
        throw new DataError(`Cannot write to the ${what} ${directory}: ${reasonOf(cause)}.`, { cause });
      }
      const owner = ownerOf(path);
      if (owner !== undefined) {
        throw new LockedError(
          `The ${what} ${directory} is being written by ${owner}. If that is not so, delete ${path}.`,
        );
      }
      rmSync(path, { force: true });
    }
  }
  held.add(directory);
  return () => {
    held.delete(directory);
    rmSync(path, { force: true });
  };
}

/** The holder of the lock, in words; undefined when that process has ended. */
function ownerOf(path: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
  const [, pid, host] = /^(\d+) (.*)\n$/.exec(text) ?? [];
  // A process that was killed while it made the lock; or this process' own number, given to an earlier one.
  if (pid === undefined || (Number(pid) === process.pid && host === hostname())) return undefined;
  if (host !== hostname()) return `process ${pid} on ${host}`;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return undefined;
  }
  return `process ${pid}`;
}
