import type { Graph } from "../graph/graph.js";
import { type CompileOptions, compile } from "./compile.js";
import type { Executable } from "./executable.js";
import type { Disposable } from "./resources.js";

/** Resources by name, each created when it is first needed. */
export interface Lazy<R> {
  get(name: string, make: () => Promise<R>): Promise<R>;
  /** Disposes all of them; a resource that is requested again is created anew. */
  dispose(): Promise<void>;
}

export function lazy<R extends Disposable>(): Lazy<R> {
  const all = new Map<string, Promise<R>>();
  return {
    get(name, make) {
      const known = all.get(name);
      if (known) return known;
      const made = make();
      all.set(name, made);
      // A failed creation is tried again on the next request, with the same error.
      made.catch(() => all.delete(name));
      return made;
    },
    async dispose() {
      const settled = await Promise.allSettled(all.values());
      all.clear();
      for (const result of settled) if (result.status === "fulfilled") await result.value.dispose();
    },
  };
}

/** Graphs that are traced and compiled on their first run. */
export interface LazyExecutables {
  get(name: string, trace: () => Graph): Promise<Executable>;
  dispose(): Promise<void>;
}

export function lazyExecutables(options: Omit<CompileOptions, "scan"> = {}): LazyExecutables {
  const { get, dispose } = lazy<Executable>();
  return { get: (name, trace) => get(name, async () => compile(trace(), options)), dispose };
}
