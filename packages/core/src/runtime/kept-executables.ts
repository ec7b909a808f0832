// Executables that stay open when their users dispose them, for those who compile the same graph later.
import { peakBytes } from "../graph/peak-bytes.js";
import type { Executable } from "./executable.js";
import { Lifetime } from "./lifetime.js";

interface Kept {
  readonly executable: Executable;
  readonly bytes: number;
  readonly isKept: boolean;
  users: number;
}

/** Most bytes of results that all of them have at once. */
let most = 0;

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
  most = bytes;
  await leave();
}

export const keepsExecutables = (): boolean => most > 0;

let used = 0;

/** How many executables of ONNX Runtime are open for somebody: those that are only kept do not count. */
export const usedExecutables = (): number => used;

let anew = 0;

/** Compiles every graph while `compute` runs, also one that was compiled before: for times that include compilation. */
export async function compiledAnew<T>(compute: () => Promise<T>): Promise<T> {
  anew += 1;
  try {
    return await compute();
  } finally {
    anew -= 1;
  }
}

export const compilesAnew = (): boolean => anew > 0;

/** A kept executable for another user; undefined if there is none. */
export function lentExecutable(key: string | undefined): Executable | undefined {
  const found = key === undefined ? undefined : kept.get(key);
  if (key === undefined || found === undefined) return undefined;
  kept.delete(key);
  kept.set(key, found);
  return lent(found);
}

/** Keeps a new executable if it has a key and is small; the caller gets its own to dispose. */
export async function keptExecutable(key: string | undefined, executable: Executable): Promise<Executable> {
  const mayStay = key !== undefined && most > 0 && !kept.has(key);
  const bytes = mayStay ? peakBytes(executable.graph) : 0;
  const isKept = mayStay && bytes <= most / 4;
  const entry = { executable, bytes, isKept, users: 0 };
  const own = lent(entry);
  if (!isKept) return own;
  kept.set(key, entry);
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
    if (bytes <= most && kept.size <= mostKept) return;
    if (entry.users > 0) continue;
    kept.delete(key);
    bytes -= entry.bytes;
    await entry.executable.dispose();
  }
}
