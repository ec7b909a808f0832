import { type FileHandle, mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, vi } from "vitest";
import { createRunDirectory, openRunDirectory, type RunDirectory } from "../../src/run/directory.js";
import { describeEnvironment } from "../../src/run/environment.js";

export const environment = describeEnvironment({ seed: 7, runtime: "javascript" });
export const config = { name: "toy", steps: 10, optimizer: { name: "sgd", learningRate: 0.1 } };

/** Runs in a folder of each test's own, closed and removed after it. */
export function useRuns() {
  let base = "";
  const open: RunDirectory[] = [];
  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), "isoloss-run-"));
  });
  afterEach(async () => {
    for (const run of open.splice(0)) run.close();
    await rm(base, { recursive: true });
  });
  return {
    get base() {
      return base;
    },
    async create(name = "toy", where = base): Promise<RunDirectory> {
      const run = await createRunDirectory(where, name, { seed: 7, config, environment });
      open.push(run);
      return run;
    },
    async reopen(path: string) {
      const resumed = await openRunDirectory(path);
      open.push(resumed.directory);
      return resumed;
    },
  };
}

export const lines = async (run: RunDirectory, name = "metrics.jsonl"): Promise<string[]> =>
  (await readFile(join(run.path, name), "utf8")).split("\n");

/**
 * Lets the n-th file opened from now on take a part of what is written to it, as a full disk does. `open` must be mocked.
 */
export function fillDiskAt(n: number): void {
  const opened = vi.mocked(open);
  const actual = opened.getMockImplementation();
  let count = 0;
  opened.mockImplementation(async (file, flags) => {
    const handle = (await actual?.(file, flags)) as FileHandle;
    if (++count !== n) return handle;
    opened.mockImplementation(actual as typeof open);
    handle.writeFile = async (content) => {
      await handle.write(Buffer.from(content as string).subarray(0, 5));
      throw Object.assign(new Error("write failed"), { code: "ENOSPC" });
    };
    return handle;
  });
}

/** Permissions do not bind root: does something as nobody instead. */
export async function asOrdinaryUser(action: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65534);
  try {
    await action();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}
