import { mkdtempSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Makes a temporary folder: in memory where that can be had and has room, as commands wait for a disk at each record. */
export function folderInMemory(prefix: string): string {
  const memory = "/dev/shm";
  try {
    const { bavail, bsize } = statfsSync(memory);
    if (bavail * bsize > 2 ** 30) return mkdtempSync(join(memory, prefix));
  } catch {
    // It is not there, or may not be written.
  }
  return mkdtempSync(join(tmpdir(), prefix));
}
