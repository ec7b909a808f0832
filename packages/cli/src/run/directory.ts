import { accessSync, constants, existsSync, rmSync } from "node:fs";
import { mkdir, readdir, realpath, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { once } from "es-toolkit";
import { DataError, OptionError } from "isoloss";
import { makeFolder } from "isoloss/internal-node";
import { reasonOf, writeFileAtomic } from "isoloss/node";
import { stringify } from "yaml";
import { type Mark, readCheckpoint, writeCheckpoint } from "./checkpoint-file.js";
import type { Environment } from "./environment.js";
import { type Json, type JsonRecord, openJsonLines } from "./json-lines.js";
import { lockDirectory } from "./lock.js";
import { readJsonFile, readYamlFile, requireRun } from "./read.js";

/** A line of `metrics.jsonl` or `teleports.jsonl`: of a step, with its measurements. */
export type StepRecord = JsonRecord & { readonly step: number };

/** A run's directory, open for writing. */
export interface RunDirectory {
  /** Absolute. */
  readonly path: string;
  /** Steps that the last checkpoint has done; 0 before the first. */
  readonly step: number;
  /** Appends to `metrics.jsonl`. Killing the process loses nothing that was appended. @throws DataError */
  appendMetrics(records: readonly StepRecord[]): void;
  /** Appends to `teleports.jsonl`. @throws DataError */
  appendTeleports(records: readonly StepRecord[]): void;
  /**
   * Replaces the checkpoint. The records appended so far belong to it: on resume, later ones are dropped.
   *
   * @param step steps done
   * @throws DataError when it cannot be written; the checkpoint before it is then whole
   */
  saveCheckpoint(step: number, bytes: Uint8Array): Promise<void>;
  /** Writes `data.json`: what prediction needs of the run's data. @throws DataError */
  writeData(form: object): Promise<void>;
  /** Writes `summary.json`. @throws DataError */
  writeSummary(summary: Json | object): Promise<void>;
  /** Writes a file into `figures/`; returns its path. @throws DataError, OptionError for a name with a folder in it */
  writeFigure(name: string, content: Uint8Array | string): Promise<string>;
  /** Ends writing. */
  close(): void;
}

/** A run to resume. */
export interface ResumedRun {
  readonly directory: RunDirectory;
  /** The resolved config, as it was given. */
  readonly config: unknown;
  readonly environment: Environment;
  /** Where to resume; undefined: at the beginning. */
  readonly checkpoint: Uint8Array | undefined;
}

/**
 * Creates the directory of a new run, `<base>/<name>-<seed>-<n>` with the first n = 1, 2, ... that is free, and writes its
 * `config.yaml` and `environment.json`. When that fails, no directory is left.
 *
 * @param base created when it is missing
 * @param name letters, digits, ".", "_" and "-"
 * @param options `config`: the resolved one, plain data
 * @throws OptionError for a name or seed that cannot be part of a path; DataError when it cannot be written
 *
 * @example
 * const run = await createRunDirectory("runs", "rosenbrock", { seed: 0, config, environment });
 */
export async function createRunDirectory(
  base: string,
  name: string,
  {
    seed,
    config,
    environment,
  }: { readonly seed: number; readonly config: object; readonly environment: Environment },
): Promise<RunDirectory> {
  checkName("A run's name", name);
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new OptionError(`The seed must be an integer >= 0; got ${seed}.`);
  }
  return filled(await makeFree(resolve(base), `${name}-${seed}`), { config, environment });
}

/** What a new directory begins with. */
interface Contents {
  readonly config: object;
  readonly environment: Environment;
}

async function filled(path: string, { config, environment }: Contents): Promise<RunDirectory> {
  try {
    await mkdir(join(path, "figures"));
    await writeFileAtomic(join(path, "config.yaml"), stringify(config));
    await writeFileAtomic(join(path, "environment.json"), `${JSON.stringify(environment, undefined, 2)}\n`);
    return openFiles(path, undefined);
  } catch (error) {
    await rm(path, { recursive: true, force: true });
    throw error;
  }
}

/**
 * The directory of a run at a path of the caller's choice: resumed if it is there, and made otherwise, also where a process
 * was killed while it made it.
 *
 * @throws DataError when it cannot be read or written; LockedError while another process has it
 *
 * @example
 * const { directory, checkpoint } = await runDirectoryAt("sweeps/rates-1/runs/0-3", { config, environment });
 */
export async function runDirectoryAt(
  path: string,
  contents: Contents,
): Promise<Pick<ResumedRun, "directory" | "checkpoint">> {
  const files = ["config.yaml", "environment.json"];
  if (files.every((name) => existsSync(join(path, name)))) return openRunDirectory(path);
  try {
    await rm(path, { recursive: true, force: true });
    await makeFolder(path);
  } catch (cause) {
    throw new DataError(`Cannot make the directory ${path}: ${reasonOf(cause)}.`, { cause });
  }
  return { directory: await filled(await realpath(path), contents), checkpoint: undefined };
}

/**
 * Opens the directory of a run that was killed or interrupted: drops the records after its last checkpoint, and half a
 * line at the end.
 *
 * @throws DataError unless it is a run, or when its checkpoint or records are damaged or another process writes to it
 *
 * @example
 * const { directory, config, checkpoint } = await openRunDirectory("runs/rosenbrock-0-1");
 */
export async function openRunDirectory(path: string): Promise<ResumedRun> {
  const absolute = await requireRun(path);
  const config = await readYamlFile(join(absolute, "config.yaml"));
  const environment = (await readJsonFile(join(absolute, "environment.json"))) as Environment;
  const stored = await readCheckpoint(absolute);
  const directory = openFiles(absolute, stored?.mark);
  try {
    const halves = (await readdir(absolute)).filter((name) => /^\..*\.tmp$/.test(name));
    for (const name of halves) await rm(join(absolute, name), { force: true });
  } catch (cause) {
    directory.close();
    throw new DataError(`Cannot write to the run ${path}: ${reasonOf(cause)}.`, { cause });
  }
  return { directory, config, environment, checkpoint: stored?.bytes };
}

function checkName(what: string, name: string): void {
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/.test(name)) {
    throw new OptionError(
      `${what} must be 1 to 100 letters, digits, ".", "_" and "-", the first no "." or "-"; got ${JSON.stringify(name)}.`,
    );
  }
}

/** The first directory `<base>/<stem>-<n>` that is free, made. @throws DataError */
export async function makeFree(base: string, stem: string, what = "run"): Promise<string> {
  try {
    await makeFolder(base);
    for (let n = 1; ; n++) {
      const path = join(base, `${stem}-${n}`);
      try {
        await mkdir(path);
        return await realpath(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
    }
  } catch (cause) {
    throw new DataError(
      `Cannot make a directory for the ${what} in ${base}: ${reasonOf(cause)}. Choose another one with --out.`,
      { cause },
    );
  }
}

function openFiles(path: string, mark: Mark | undefined): RunDirectory {
  try {
    accessSync(path, constants.W_OK);
  } catch (cause) {
    throw new DataError(`Cannot write to the run ${path}: ${reasonOf(cause)}.`, { cause });
  }
  const unlock = lockDirectory(path);
  const closers = [unlock];
  const close = () => {
    for (const closer of closers.splice(0).reverse()) closer();
  };
  const open = (name: "metrics" | "teleports") => {
    const file = openJsonLines(join(path, `${name}.jsonl`), mark?.[name] ?? 0);
    closers.push(file.close);
    return file;
  };
  try {
    const metrics = open("metrics");
    const teleports = open("teleports");
    let current = mark;
    let saving: Promise<void> = Promise.resolve();
    // A run that goes on has not ended: what its summary told of its earlier end no longer holds.
    const goOn = once(() => rmSync(join(path, "summary.json"), { force: true }));
    return {
      path,
      get step() {
        return current?.step ?? 0;
      },
      appendMetrics(records) {
        goOn();
        metrics.append(records);
      },
      appendTeleports: teleports.append,
      async saveCheckpoint(step, bytes) {
        // Before the first wait: what the caller appends meanwhile belongs to the next checkpoint.
        const counts = { step, metrics: metrics.length, teleports: teleports.length };
        metrics.sync();
        teleports.sync();
        const save = async () => {
          current = await writeCheckpoint(path, bytes, { ...counts, previous: current });
        };
        // One after the other, whether the one before it failed or not.
        saving = saving.then(save, save);
        await saving;
      },
      writeData: (form) => writeFileAtomic(join(path, "data.json"), `${JSON.stringify(form)}\n`),
      writeSummary: (summary) =>
        writeFileAtomic(join(path, "summary.json"), `${JSON.stringify(summary, undefined, 2)}\n`),
      async writeFigure(name, content) {
        checkName("A figure's name", name);
        const file = join(path, "figures", name);
        await writeFileAtomic(file, content);
        return file;
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}
