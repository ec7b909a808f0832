// MLflow's tracking server over its REST API 2.0 (mlflow.org, "REST API").
import { DataError, OptionError } from "isoloss";
import type { MlflowContent } from "isoloss/node";
import { baseAddress, HttpError, type HttpOptions, requestJson } from "./http-json.js";

export interface MlflowOptions extends Omit<HttpOptions, "authorization"> {
  /** Address of the tracking server; user and password may stand in it. */
  readonly url: string;
  /** A bearer token. */
  readonly token?: string;
  readonly experiment: string;
  readonly runName: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** Milliseconds since 1970; default now. */
  readonly startTime?: number;
}

/** A run on a tracking server. */
export interface MlflowRun {
  readonly experimentId: string;
  readonly runId: string;
  logParams(params: MlflowContent["params"]): Promise<void>;
  logMetrics(metrics: MlflowContent["metrics"]): Promise<void>;
  /** Ends the run. */
  end(status: MlflowContent["status"], endTime?: number): Promise<void>;
}

/** Limits of a `log-batch` request. */
const METRICS_PER_BATCH = 1000;
const PARAMS_PER_BATCH = 100;

/**
 * Starts a run on a tracking server, in the experiment of that name, which is created when it does not exist.
 *
 * @throws OptionError for an invalid address; DataError, with the server's message, when it fails or cannot be reached
 *
 * @example
 * const run = await startMlflowRun({ url: "http://localhost:5000", experiment: "toy", runName: "toy-0-1" });
 * await run.logMetrics([{ key: "loss", value: 0.5, timestamp: Date.now(), step: 1 }]);
 * await run.end("FINISHED");
 */
export async function startMlflowRun({
  url,
  token,
  experiment,
  runName,
  tags = {},
  startTime = Date.now(),
  ...http
}: MlflowOptions): Promise<MlflowRun> {
  const base = baseAddress(url);
  const { username, password } = base;
  base.username = "";
  base.password = "";
  const basic = [username, password].map(decoded).join(":");
  const authorization =
    token !== undefined
      ? `Bearer ${token}`
      : username === ""
        ? undefined
        : `Basic ${Buffer.from(basic).toString("base64")}`;
  const call = (path: string, body?: unknown, { once = false } = {}) =>
    requestJson(`${base.href.replace(/\/$/, "")}/api/2.0/mlflow/${path}`, body, {
      ...http,
      ...(authorization === undefined ? {} : { authorization }),
      once,
    });

  const experimentId = await experimentOf(experiment, call);
  const created = await call(
    "runs/create",
    { experiment_id: experimentId, run_name: runName, start_time: startTime, tags: pairs(tags) },
    // A second one would make a second run.
    { once: true },
  );
  const runId = textAt(created, "run", "info", "run_id");
  const logBatch = (body: object) => call("runs/log-batch", { run_id: runId, ...body });
  return {
    experimentId,
    runId,
    async logParams(params) {
      for (const part of parts(pairs(params), PARAMS_PER_BATCH)) await logBatch({ params: part });
    },
    async logMetrics(metrics) {
      const all = metrics.map(({ value, ...rest }) => ({ ...rest, value: jsonNumber(value) }));
      for (const part of parts(all, METRICS_PER_BATCH)) await logBatch({ metrics: part });
    },
    async end(status, endTime = Date.now()) {
      await call("runs/update", { run_id: runId, status, end_time: endTime });
    },
  };
}

/** @throws OptionError for a percent sign that encodes nothing */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new OptionError(
      "The user or password in the address of MLflow has a % that encodes no character: write %25 for it, or set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD.",
      { cause },
    );
  }
}

type Call = (path: string, body?: unknown) => Promise<unknown>;

/** The id of an experiment by its name. Another process may make it at the same time. */
async function experimentOf(name: string, call: Call): Promise<string> {
  const find = async () =>
    textAt(
      await call(`experiments/get-by-name?experiment_name=${encodeURIComponent(name)}`),
      "experiment",
      "experiment_id",
    );
  try {
    return await find();
  } catch (error) {
    if (!(error instanceof HttpError) || error.code !== "RESOURCE_DOES_NOT_EXIST") throw error;
  }
  try {
    return textAt(await call("experiments/create", { name }), "experiment_id");
  } catch (error) {
    if (!(error instanceof HttpError) || error.code !== "RESOURCE_ALREADY_EXISTS") throw error;
  }
  return find();
}

/** @throws DataError when the answer has no text there */
function textAt(answer: unknown, ...path: readonly string[]): string {
  const value = path.reduce<unknown>(
    (at, key) => (at as Readonly<Record<string, unknown>> | null | undefined)?.[key],
    answer,
  );
  if (typeof value === "string" && value !== "") return value;
  throw new DataError(
    `Expected ${path.join(".")} in the answer of MLflow; got ${JSON.stringify(answer).slice(0, 200)}. Is it an MLflow server?`,
  );
}

const pairs = (record: Readonly<Record<string, string>>): { key: string; value: string }[] =>
  Object.entries(record).map(([key, value]) => ({ key, value }));

/** A double as protobuf's JSON mapping has it: what JSON lacks is text. */
const jsonNumber = (value: number): number | string => (Number.isFinite(value) ? value : String(value));

function* parts<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}
