import type { Graph } from "../../graph/graph.js";
import { type CompileOptions, compile } from "../../runtime/compile.js";
import type { Executable } from "../../runtime/executable.js";

/** Graphs that are traced and compiled when they are first run. */
export interface Executables {
  get(name: string, trace: () => Graph): Promise<Executable>;
  dispose(): Promise<void>;
}

export function lazyExecutables(options: Omit<CompileOptions, "scan" | "dtype">): Executables {
  const compiled = new Map<string, Promise<Executable>>();
  return {
    get(name, trace) {
      const known = compiled.get(name);
      if (known) return known;
      const made = (async () => compile(trace(), options))();
      compiled.set(name, made);
      // A graph that could not be compiled is tried again, with the same error.
      made.catch(() => compiled.delete(name));
      return made;
    },
    async dispose() {
      const all = await Promise.allSettled(compiled.values());
      compiled.clear();
      for (const result of all) if (result.status === "fulfilled") await result.value.dispose();
    },
  };
}
