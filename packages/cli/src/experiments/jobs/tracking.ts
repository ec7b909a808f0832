import { basename, isAbsolute, join, relative, resolve, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { OptionError } from "isoloss";
import { mlflowContent, type RecordedRun, saveRun } from "isoloss/node";
import { leaves } from "../../dotted-path.js";
import { baseAddress } from "../../formats/http-json.js";
import { startMlflowRun } from "../../formats/mlflow.js";
import type { StepRecord } from "../../run/directory.js";
import type { JsonRecord } from "../../run/json-lines.js";
import type { StoredResult } from "./stored.js";

/** A run on an MLflow server, or in a file store. */
export interface TrackedRun {
  /** Of the server, or the path of the store. */
  readonly url: string;
  readonly experimentId: string;
  readonly runId: string;
}

/** A run in the form that trackers take. */
export function recordedOf({ stored, config, document, settings, seed }: StoredResult): RecordedRun {
  return {
    experiment: config.name,
    name: basename(stored.path),
    status: document.status,
    startedAt: new Date(stored.environment.startedAt),
    settings: { kind: config.kind, seed, ...settings },
    records: (stored.metrics as readonly StepRecord[]).map((record) => ({
      step: record.step,
      ...(typeof record.seconds === "number" ? { seconds: record.seconds } : {}),
      ...scalarsOf(record),
    })),
    teleports: stored.teleports as readonly StepRecord[],
    results: Object.fromEntries(
      Object.entries(document.metrics).filter((entry): entry is [string, number] => entry[1] !== null),
    ),
  };
}

/**
 * The folder of a file store of MLflow, where an address is one as MLflow has them: `./mlruns`, `/path`, `file:mlruns`,
 * `file:///path`.
 *
 * @throws OptionError for a file address that has no path
 */
function storeOf(url: string): string | undefined {
  if (url.startsWith("file:")) {
    try {
      return fileURLToPath(new URL(url, pathToFileURL("./")));
    } catch (cause) {
      throw new OptionError(
        `Expected a folder such as ./mlruns or file:///path/mlruns; got ${JSON.stringify(url)}.`,
        { cause },
      );
    }
  }
  return isAbsolute(url) || /^\.\.?([\\/]|$)/.test(url) ? url : undefined;
}

/** @throws OptionError unless it is the folder of a file store or an http address */
export function requireTracking(url: string): void {
  if (storeOf(url) === undefined) baseAddress(url);
}

/**
 * Sends a run to MLflow, a tracking server or a file store: settings as parameters, records as metrics. Each call creates a
 * new run on a server, and replaces the run of that name in a file store. The environment has a server's credentials, as for
 * MLflow's own clients: MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD.
 *
 * @param given its address or folder; default $MLFLOW_TRACKING_URI
 * @param tags beside those of every run
 * @throws OptionError without an address; DataError when the server fails or cannot be reached, or files cannot be written
 */
export async function sendToMlflow(
  run: StoredResult,
  given = process.env.MLFLOW_TRACKING_URI,
  tags: Readonly<Record<string, string>> = {},
): Promise<TrackedRun> {
  if (!given)
    throw new OptionError(
      "The address of MLflow is missing: give --url, such as http://localhost:5000 or ./mlruns, or set MLFLOW_TRACKING_URI.",
    );
  const { stored, variant } = run;
  const recorded = {
    ...recordedOf(run),
    tags: {
      "isoloss.version": stored.environment.versions.isoloss ?? "unknown",
      "isoloss.directory": stored.path,
      "isoloss.variant": variant,
      ...tags,
    },
  };
  const folder = storeOf(given);
  if (folder !== undefined) {
    const place = await saveRun(folder, recorded, { to: "mlflow" });
    const [experimentId, runId] = place.split(sep).slice(-2);
    return { url: resolve(folder), experimentId, runId };
  }
  const { MLFLOW_TRACKING_TOKEN: token, ...environment } = process.env;
  const { params, metrics, status, startTime, endTime } = mlflowContent(recorded);
  const tracked = await startMlflowRun({
    url: withPassword(given, environment),
    experiment: recorded.experiment,
    runName: recorded.name,
    startTime,
    tags: recorded.tags,
    ...(token ? { token } : {}),
  });
  await tracked.logParams(params);
  await tracked.logMetrics(metrics);
  await tracked.end(status, endTime);
  const { experimentId, runId } = tracked;
  return { url: given.replace(/\/\/[^@/]*@/, "//").replace(/\/+$/, ""), experimentId, runId };
}

function withPassword(
  url: string,
  { MLFLOW_TRACKING_USERNAME: user, MLFLOW_TRACKING_PASSWORD: password = "" }: NodeJS.ProcessEnv,
): string {
  if (!user || url.includes("@")) return url;
  return url.replace("://", `://${encodeURIComponent(user)}:${encodeURIComponent(password)}@`);
}

/** Where a run is: the page that shows it, or its folder. */
export const placeOf = ({ url, experimentId, runId }: TrackedRun): string =>
  storeOf(url) === undefined
    ? `${url}/#/experiments/${experimentId}/runs/${runId}`
    : relative(process.cwd(), join(url, experimentId, runId));

/** The numbers of a record that can be drawn against its step: all but `step` and `seconds`. */
export function scalarsOf(record: JsonRecord): Record<string, number> {
  const numbers = leaves(record).filter((leaf): leaf is [string, number] => typeof leaf[1] === "number");
  return Object.fromEntries(numbers.filter(([path]) => path !== "step" && path !== "seconds"));
}
