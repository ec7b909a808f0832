// Executables that stay open when their users dispose them, for those who compile the same graph later.
import { peakBytes } from "../graph/peak-bytes.js";
import type { Executable } from "./executable.js";
import { Lifetime } from "./lifetime.js";
import { threadsFor } from "./onnx/executable.js";
import { defaultThreads } from "./onnx/threads.js";
import { keeping } from "./program-cache.js";

interface Kept {
  readonly executable: Executable;
  readonly bytes: number;
  readonly isKept: boolean;
  users: number;
}

/** Most of them: each session has memory of its own besides its results. */
const mostKept = 32;

/** The least recently used first. */
const kept = new Map<string, Kept>();

/**
 * Keeps small executables of ONNX Runtime open from now on: for programs that compile the same graphs again and again, which
 * takes longer than to run them.
 *
 * @param bytes most bytes of results that are alive at once, of all of them together; 0, the default, keeps none
 */
export async function keepExecutables(bytes: number): Promise<void> {
  keeping.sessions = bytes;
  await leave();
}

let used = 0;

/** How many executables of ONNX Runtime are open for somebody: those that are only kept do not count. */
export const usedExecutables = (): number => used;

/** Compiles every graph while `compute` runs, also one that was compiled before: for times that include compilation. */
export async function compiledAnew<T>(compute: () => Promise<T>): Promise<T> {
  keeping.anew += 1;
  try {
    return await compute();
  } finally {
    keeping.anew -= 1;
  }
}

const nameOf = (key: string): string => `${defaultThreads()} ${key}`;

/** A kept executable of a program's key for another user; undefined if there is none. */
export function lentExecutable(key: string | undefined): Executable | undefined {
  const name = key === undefined ? "" : nameOf(key);
  const found = kept.get(name);
  if (found === undefined) return undefined;
  kept.delete(name);
  kept.set(name, found);
  return lent(found);
}

/** Keeps a new executable if it has a key, one thread and is small; the caller gets its own to dispose. */
export async function keptExecutable(
  key: string | undefined,
  executable: Executable,
  threads = threadsFor(executable.graph),
): Promise<Executable> {
  const name = key === undefined ? "" : nameOf(key);
  // Threads of a session stay as long as it is open.
  const mayStay = key !== undefined && keeping.sessions > 0 && threads === 1 && !kept.has(name);
  const bytes = mayStay ? peakBytes(executable.graph) : 0;
  const isKept = mayStay && bytes <= keeping.sessions / 4;
  const entry = { executable, bytes, isKept, users: 0 };
  const own = lent(entry);
  if (!isKept) return own;
  kept.set(name, entry);
  await leave();
  return own;
}

function lent(entry: Kept): Executable {
  const { executable } = entry;
  const lifetime = new Lifetime("executable", "compile");
  entry.users += 1;
  used += 1;
  return {
    ...executable,
    async run(inputs, options) {
      lifetime.requireOpen();
      return executable.run(inputs, options);
    },
    async unload() {
      lifetime.requireOpen();
      await executable.unload();
    },
    dispose: () =>
      lifetime.end(async () => {
        entry.users -= 1;
        used -= 1;
        await (entry.isKept ? leave() : executable.dispose());
      }),
  };
}

/** Disposes those that nobody uses, beginning with the least recently used one, until the others are few enough. */
async function leave(): Promise<void> {
  let bytes = [...kept.values()].reduce((sum, entry) => sum + entry.bytes, 0);
  for (const [key, entry] of kept) {
    if (bytes <= keeping.sessions && kept.size <= mostKept) return;
    if (entry.users > 0) continue;
    kept.delete(key);
    bytes -= entry.bytes;
    await entry.executable.dispose();
  }
}
