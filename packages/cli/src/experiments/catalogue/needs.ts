import { dataFiles } from "./datasets.js";
import type { Named } from "./named.js";
import { problemRegistry } from "./problems.js";
import { multiTaskProblemRegistry } from "./tasks.js";

/** Names of the data sets that a run reads, by its settings, but for those that are part of the package. */
export function needsOf(settings: Readonly<Record<string, unknown>>): string[] {
  const { data, problem } = settings as { readonly data?: Partial<Named>; readonly problem?: Partial<Named> };
  const reads =
    problem?.name !== undefined &&
    (multiTaskProblemRegistry[problem.name] ?? problemRegistry[problem.name])?.reads;
  return [data?.name, reads].flatMap((name) => (name && Object.hasOwn(dataFiles, name) ? [name] : []));
}
