import type { TaskTableData } from "isoloss-figures";
import { loadExperiment } from "../../../../src/experiments/definition/find.js";
import { resolveExperiment } from "../../../../src/experiments/definition/resolve.js";
import type { JobResult } from "../../../../src/experiments/kind.js";
import { multiTaskComparison } from "../../../../src/experiments/kinds/multi-task/comparison.js";
import { multiTaskKind } from "../../../../src/experiments/kinds/multi-task/multi-task.js";
import { runDocument } from "../../../../src/formats/json.js";

/** The quick part of a benchmark: its runs, and the tables of them. */
export async function quickRuns(name: string): Promise<{
  readonly results: readonly JobResult[];
  readonly tables: readonly TaskTableData[];
}> {
  const { variants } = resolveExperiment(await loadExperiment(`benchmarks/${name}`), { quick: true });
  const runs: JobResult[] = [];
  for (const { name: variant, settings } of variants) {
    const { status, steps, wallSeconds, loss, metrics, teleports, seconds, evaluations } =
      await multiTaskKind.run(settings, {
        seed: 0,
        progress: () => {},
        shouldStop: () => false,
        checkpointSeconds: 1000,
      });
    runs.push({
      experiment: name,
      variant,
      seed: 0,
      settings,
      seconds,
      jumps: [],
      evaluations,
      document: runDocument({ name, seed: 0, status, steps, wallSeconds, loss, metrics, teleports }),
    });
  }
  const results = multiTaskComparison.compare?.(runs) ?? [];
  return { results, tables: multiTaskComparison.tables?.(results) ?? [] };
}
