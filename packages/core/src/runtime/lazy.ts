import type { Graph } from "../graph/graph.js";
import { type CompileOptions, compile } from "./compile.js";
import type { Executable } from "./executable.js";
import type { Disposable } from "./resources.js";

/** Resources by name, each created when it is first needed. */
export interface Lazy<R> {
  get(name: string, make: () => Promise<R>): Promise<R>;
  /** Those that were created. */
  created(): Promise<readonly R[]>;
  /** Disposes all of them; a resource that is requested again is created anew. */
  dispose(): Promise<void>;
}

export function lazy<R extends Disposable>(): Lazy<R> {
  const all = new Map<string, Promise<R>>();
  const created = async () =>
    (await Promise.allSettled(all.values())).flatMap((made) =>
      made.status === "fulfilled" ? [made.value] : [],
    );
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
    created,
    async dispose() {
      const resources = await created();
      all.clear();
      for (const resource of resources) await resource.dispose();
    },
  };
}

/** Graphs that are traced and compiled on their first run. */
export interface LazyExecutables {
  get(name: string, trace: () => Graph): Promise<Executable>;
  /** Unloads all of them. */
  unload(): Promise<void>;
  dispose(): Promise<void>;
}

export function lazyExecutables(options: Omit<CompileOptions, "scan"> = {}): LazyExecutables {
  const { get, created, dispose } = lazy<Executable>();
  return {
    get: (name, trace) => get(name, async () => compile(trace(), options)),
    async unload() {
      for (const executable of await created()) await executable.unload();
    },
    dispose,
  };
}
