import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { arch, platform, release } from "node:os";
import { dirname, join, resolve } from "node:path";
import { type OptionsOf, oneOf, optionTable } from "../../options.js";
import { writeFileAtomic } from "../files.js";
import { mlflowFiles, yaml } from "./mlflow.js";
import { folderOf, type RecordedRun, type RunFiles } from "./recorded.js";
import { tensorboardFiles } from "./tensorboard.js";

/** Programs that take runs from files. */
export type RunFormat = "isoloss" | "tensorboard" | "mlflow";

const formats: Readonly<
  Record<RunFormat, (run: RecordedRun, folder: string) => RunFiles | Promise<RunFiles>>
> = { isoloss: isolossFiles, tensorboard: tensorboardFiles, mlflow: mlflowFiles };

export interface SaveRunOptions extends OptionsOf<typeof saveRunOptions> {}

const saveRunOptions = optionTable("saveRun", {
  /** The program that reads the files; default isoloss. */
  to: oneOf<RunFormat>(["isoloss", "tensorboard", "mlflow"]).default("isoloss"),
});

/**
 * Writes a run for a program that shows runs; returns the path of its files. A run that is saved again, under the same name
 * in the same experiment, replaces itself, so that it can be saved at the end of each epoch.
 *
 * | to            | the folder                | what shows it                              |
 * | ------------- | ------------------------- | ------------------------------------------ |
 * | `isoloss`     | any, such as runs         | `isoloss plot runs/EXPERIMENT/NAME`, `compare`, `export` |
 * | `tensorboard` | any, such as runs         | `tensorboard --logdir runs`: EXPERIMENT/NAME |
 * | `mlflow`      | a file store, mlruns      | `mlflow ui --backend-store-uri mlruns`     |
 *
 * @param folder made when it is missing
 * @throws DataError when a file cannot be written; OptionError for an unknown format
 *
 * @example
 * const recorded = recordedRun(trainer, { name: "sgd" });
 * await saveRun("runs", recorded); // runs/training/sgd
 * await saveRun("mlruns", recorded, { to: "mlflow" });
 */
export async function saveRun(
  folder: string,
  run: RecordedRun,
  options: SaveRunOptions = {},
): Promise<string> {
  const { to } = saveRunOptions.read(options);
  const root = resolve(folder);
  const { path, files, missing = {}, earlier } = await formats[to](run, root);
  const absent = Object.entries(missing).filter(([name]) => !existsSync(join(root, name)));
  for (const [name, content] of [...Object.entries(files), ...absent]) {
    await writeFileAtomic(join(root, name), content);
  }
  const place = join(root, path);
  if (earlier !== undefined) await removeEarlier(place, earlier);
  return place;
}

/** Removes what an earlier writing of a run left beside it. */
async function removeEarlier(place: string, earlier: RegExp): Promise<void> {
  const folder = dirname(place);
  for (const name of await readdir(folder)) {
    if (!earlier.test(name) || join(folder, name) === place) continue;
    await rm(join(folder, name), { recursive: true, force: true });
  }
}

// The directory of a run as the command line writes and reads it.

/** A run as the command line's, of the kind `recorded`: it can be looked at, not repeated. */
function isolossFiles(run: RecordedRun): RunFiles {
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
        name: experiment,
        kind: "recorded",
        seeds: [seed],
        variants: { [name]: {} },
        ...(typeof batchSize === "number" ? { batchSize } : {}),
        settings,
      }),
    },
  };
}
