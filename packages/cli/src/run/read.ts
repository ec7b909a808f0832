import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "isoloss";
import { readFileOrThrow, reasonOf } from "isoloss/node";
import { parseDocument } from "yaml";
import { readCheckpoint, type StoredCheckpoint } from "./checkpoint-file.js";
import type { Environment } from "./environment.js";
import { type JsonRecord, readJsonLines } from "./json-lines.js";

/** A run read from its files, finished or not. */
export interface StoredRun {
  /** Absolute path of its directory. */
  readonly path: string;
  readonly config: unknown;
  readonly environment: Environment;
  readonly metrics: readonly JsonRecord[];
  readonly teleports: readonly JsonRecord[];
  /** Undefined until the run ends. */
  readonly summary: unknown;
  /** What it stored of its data, to predict without them. */
  readonly data: object | undefined;
}

/**
 * Reads a run without changing it, also while it is running.
 *
 * @throws DataError unless it is a run with undamaged files
 *
 * @example
 * const { metrics } = await readRun("runs/rosenbrock-0-1");
 */
export async function readRun(path: string): Promise<StoredRun> {
  const absolute = await requireRun(path);
  const names = await readdir(absolute);
  const records = (name: string) =>
    names.includes(name) ? readJsonLines(join(absolute, name)) : Promise.resolve([]);
  const document = (name: string) =>
    names.includes(name) ? readJsonFile(join(absolute, name)) : Promise.resolve(undefined);
  return {
    path: absolute,
    config: await readYamlFile(join(absolute, "config.yaml")),
    environment: (await readJsonFile(join(absolute, "environment.json"))) as Environment,
    metrics: await records("metrics.jsonl"),
    teleports: await records("teleports.jsonl"),
    summary: await document("summary.json"),
    data: (await document("data.json")) as object | undefined,
  };
}

/**
 * The last checkpoint of a run, to export or inspect it.
 *
 * @throws DataError when there is none, or it is damaged
 */
export async function readRunCheckpoint(path: string): Promise<StoredCheckpoint> {
  const stored = await readCheckpoint(await requireRun(path));
  if (stored === undefined) throw new DataError(`The run ${path} has no checkpoint yet.`);
  return stored;
}

/**
 * The absolute path of a run's directory.
 *
 * @throws DataError when it is not one
 */
export async function requireRun(path: string): Promise<string> {
  try {
    const absolute = await realpath(path);
    if (!(await stat(absolute)).isDirectory()) {
      throw new DataError(`${path} is a file; expected the directory of a run.`);
    }
    const names = await readdir(absolute);
    const missing = ["config.yaml", "environment.json"].filter((name) => !names.includes(name));
    if (missing.length > 0) {
      const inside = await holdsRuns(absolute, names);
      throw new DataError(
        `${path} is not the directory of a run: it has no ${missing.join(" and no ")}.${inside ? ` Runs are in it: give ${join(path, "*")}.` : ""}`,
      );
    }
    return absolute;
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw new DataError(`Cannot read the run ${path}: ${reasonOf(cause)}.`, { cause });
  }
}

/** Whether a directory contains directories of runs. */
async function holdsRuns(path: string, names: readonly string[]): Promise<boolean> {
  const inside = await Promise.all(names.map((name) => readdir(join(path, name)).catch((): string[] => [])));
  return inside.some((files) => files.includes("environment.json"));
}

/** @throws DataError when the file cannot be read or is not JSON */
export async function readJsonFile(path: string): Promise<unknown> {
  const text = Buffer.from(await readFileOrThrow(path)).toString("utf8");
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DataError(`${path} is not JSON: ${(cause as Error).message}. Is it truncated?`, { cause });
  }
}

/**
 * The value of a YAML file that the program wrote. Files of users go through `config/load.ts`.
 *
 * @throws DataError when it cannot be read or is not YAML
 */
export async function readYamlFile(path: string): Promise<unknown> {
  const document = parseDocument(Buffer.from(await readFileOrThrow(path)).toString("utf8"));
  const [error] = document.errors;
  if (error) throw new DataError(`${path} is not YAML: ${error.message.split("\n")[0]}`);
  return document.toJS();
}
