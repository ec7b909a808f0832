import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { oneOf } from "../../option-kinds.js";
import { type OptionRows, optionTable } from "../../options.js";
import { writeFileAtomic } from "../files.js";
import { isolossFiles } from "./isoloss.js";
import { mlflowFiles } from "./mlflow.js";
import type { RecordedRun, RunFiles } from "./recorded.js";
import { tensorboardFiles } from "./tensorboard.js";

/** Programs that take runs from files. */
export type RunFormat = "isoloss" | "tensorboard" | "mlflow";

const formats: Readonly<
  Record<RunFormat, (run: RecordedRun, folder: string) => RunFiles | Promise<RunFiles>>
> = { isoloss: isolossFiles, tensorboard: tensorboardFiles, mlflow: mlflowFiles };

export interface SaveRunOptions {
  /** The program that reads the files; default isoloss. */
  readonly to?: RunFormat | undefined;
}

export const saveRunOptions = optionTable("saveRun", {
  to: oneOf(["isoloss", "tensorboard", "mlflow"]).default("isoloss"),
} satisfies OptionRows<SaveRunOptions>);

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
