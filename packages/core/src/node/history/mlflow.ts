// MLflow's file store (mlflow.org, "Tracking", file store): a folder an experiment, in it a folder a run, in that a file a
// metric, with lines of timestamp, value and step, a file a parameter and a file a tag.
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  lengthOf,
  type RecordedRun,
  type RecordedStatus,
  type RunFiles,
  secondsAt,
  shownRecords,
} from "./recorded.js";

export interface MlflowMetric {
  readonly key: string;
  readonly value: number;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly step: number;
}

/** A run in MLflow's terms. */
export interface MlflowContent {
  /** What is nested is named by its path. A value has at most 6000 characters: the rest is cut. */
  readonly params: Readonly<Record<string, string>>;
  readonly metrics: readonly MlflowMetric[];
  readonly status: "FINISHED" | "FAILED" | "KILLED";
  /** Milliseconds since 1970. */
  readonly startTime: number;
  readonly endTime: number;
}

const statuses: Readonly<Record<RecordedStatus, MlflowContent["status"]>> = {
  completed: "FINISHED",
  stopped: "FINISHED",
  diverged: "FAILED",
  failed: "FAILED",
  interrupted: "KILLED",
  pruned: "KILLED",
};

const longestParam = 6000;

/**
 * A run in MLflow's terms, for its file store and for a tracking server.
 *
 * @example
 * const { params } = mlflowContent(recordedRun(trainer, { name: "sgd" }));
 * params.batchSize; // "64"
 */
export function mlflowContent(run: RecordedRun): MlflowContent {
  const milliseconds = (seconds?: number) => Math.round(1000 * secondsAt(run, seconds));
  return {
    params: Object.fromEntries(
      Object.entries(flat(run.settings)).map(([key, value]) => [allowed(key), shortened(value)]),
    ),
    metrics: shownRecords(run).flatMap(({ step, seconds, values }) =>
      Object.entries(values).map(([key, value]) => ({
        key: allowed(key),
        value,
        timestamp: milliseconds(seconds),
        step,
      })),
    ),
    status: statuses[run.status],
    startTime: milliseconds(),
    endTime: milliseconds(lengthOf(run)),
  };
}

/** Names with the characters that MLflow allows and that are part of a file's name everywhere. */
const allowed = (name: string): string => name.replaceAll(/[^\w\-. ]/g, "_");

/** Plain values by their paths, as text. */
function flat(value: unknown, path = ""): Record<string, string> {
  if (typeof value !== "object" || value === null) return { [path]: String(value) };
  if (Array.isArray(value)) return { [path]: JSON.stringify(value) };
  return Object.assign(
    {},
    ...Object.entries(value).map(([key, inner]) => flat(inner, path === "" ? key : `${path}.${key}`)),
  ) as Record<string, string>;
}

const shortened = (text: string): string =>
  text.length <= longestParam ? text : `${text.slice(0, longestParam - 3)}...`;

/** MLflow's numbers for how a run ended, and for a source that is a file. */
const statusNumbers = { FINISHED: 3, FAILED: 4, KILLED: 5 } as const;
const LOCAL = 4;

const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

/** The id of the experiment of a name: that of the store if it has one, or one of the name. */
async function experimentIdOf(name: string, folder: string): Promise<string> {
  const ids = await readdir(folder).catch((): string[] => []);
  for (const id of ids) {
    const meta = await readFile(join(folder, id, "meta.yaml"), "utf8").catch(() => "");
    if (/^name: *["']?(.*?)["']? *$/m.exec(meta)?.[1] === name) return id;
  }
  return String(Number.parseInt(digest(name).slice(0, 12), 16));
}

/** A run in MLflow's file store, with an id of its names: a run that is saved again replaces itself. */
export async function mlflowFiles(run: RecordedRun, folder: string): Promise<RunFiles> {
  const { params, metrics, status, startTime, endTime } = mlflowContent(run);
  const experimentId = await experimentIdOf(run.experiment, folder);
  const runId = digest(`${run.experiment}\n${run.name}`).slice(0, 32);
  const place = `${experimentId}/${runId}`;
  const address = (path: string) => `${pathToFileURL(folder).href}/${path}`;
  const lines = new Map<string, string>();
  for (const { key, value, timestamp, step } of metrics) {
    lines.set(key, `${lines.get(key) ?? ""}${timestamp} ${value} ${step}\n`);
  }
  const tags = { "mlflow.runName": run.name, "mlflow.source.name": "isoloss", ...run.tags };
  const files = (kind: string, contents: Iterable<readonly [string, string]>) =>
    [...contents].map(([name, content]) => [`${place}/${kind}/${name}`, content] as const);
  return {
    path: place,
    files: Object.fromEntries([
      ...files("metrics", lines),
      ...files("params", Object.entries(params)),
      ...files("tags", Object.entries(tags)),
      [
        `${place}/meta.yaml`,
        yaml({
          artifact_uri: address(`${place}/artifacts`),
          end_time: endTime,
          entry_point_name: "",
          experiment_id: experimentId,
          lifecycle_stage: "active",
          run_id: runId,
          run_name: run.name,
          run_uuid: runId,
          source_name: "",
          source_type: LOCAL,
          source_version: "",
          start_time: startTime,
          status: statusNumbers[status],
          tags: [],
          user_id: "isoloss",
        }),
      ],
    ]),
    missing: {
      [`${experimentId}/meta.yaml`]: yaml({
        artifact_location: address(experimentId),
        creation_time: startTime,
        experiment_id: experimentId,
        last_update_time: endTime,
        lifecycle_stage: "active",
        name: run.experiment,
      }),
    },
  };
}

/** YAML of plain values: a JSON value is one. */
export const yaml = (values: Readonly<Record<string, unknown>>): string =>
  Object.entries(values)
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`)
    .join("");
