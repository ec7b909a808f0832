// The directory of a run as the command line writes and reads it.
import { arch, platform, release } from "node:os";
import { yaml } from "./mlflow.js";
import { folderOf, type RecordedRun, type RunFiles } from "./recorded.js";

/** A run as the command line's, of the kind `recorded`: it can be looked at, not repeated. */
export function isolossFiles(run: RecordedRun): RunFiles {
  const { experiment, name, status, startedAt, settings, records, teleports, results } = run;
  const path = folderOf(run);
  const { seed = 0, batchSize } = settings;
  const json = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`;
  const lines = (list: readonly object[]) => list.map((line) => `${JSON.stringify(line)}\n`).join("");
  return {
    path,
    files: {
      // Records first: a run is there when it has a config.
      [`${path}/metrics.jsonl`]: lines(records),
      [`${path}/teleports.jsonl`]: lines(teleports),
      [`${path}/summary.json`]: json({
        status: status === "stopped" ? "completed" : status,
        metrics: results,
      }),
      [`${path}/environment.json`]: json({
        versions: { isoloss: null, node: process.versions.node },
        platform: `${platform()} ${arch()} ${release()}`,
        seed,
        startedAt,
      }),
      [`${path}/config.yaml`]: yaml({
        ...{ name: experiment, kind: "recorded", seeds: [seed], variants: { [name]: {} } },
        ...(typeof batchSize === "number" ? { batchSize } : {}),
        settings,
      }),
    },
  };
}
