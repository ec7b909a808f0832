import type { Graph } from "../graph/graph.js";
import { type CompileOptions, compile } from "./compile.js";
import type { Executable } from "./executable.js";
import type { Disposable } from "./resources.js";

/** Things by name that are made when they are first needed. */
export interface Lazy<R> {
  get(name: string, make: () => Promise<R>): Promise<R>;
  /** Gives all of them back; those that are asked for again are made anew. */
  dispose(): Promise<void>;
}

export function lazy<R extends Disposable | undefined>(): Lazy<R> {
  const all = new Map<string, Promise<R>>();
  return {
    get(name, make) {
      const known = all.get(name);
      if (known) return known;
      const made = make();
      all.set(name, made);
      // What could not be made is tried again, with the same error.
      made.catch(() => all.delete(name));
      return made;
    },
    async dispose() {
      const settled = await Promise.allSettled(all.values());
      all.clear();
      for (const result of settled) if (result.status === "fulfilled") await result.value?.dispose();
    },
  };
}

/** Graphs that are traced and compiled when they are first run. */
export interface LazyExecutables {
  get(name: string, trace: () => Graph): Promise<Executable>;
  dispose(): Promise<void>;
}

export function lazyExecutables(options: Omit<CompileOptions, "scan"> = {}): LazyExecutables {
  const { get, dispose } = lazy<Executable>();
  return { get: (name, trace) => get(name, async () => compile(trace(), options)), dispose };
}
