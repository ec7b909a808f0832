import { OptionError } from "isoloss";
import { type MlflowStatus, metricsOf, startMlflowRun } from "../../formats/mlflow.js";
import type { StepRecord } from "../../run/directory.js";
import type { StoredResult } from "./stored.js";

/** A run on an MLflow server. */
export interface TrackedRun {
  readonly url: string;
  readonly experimentId: string;
  readonly runId: string;
}

const statuses: Readonly<Record<string, MlflowStatus>> = {
  completed: "FINISHED",
  diverged: "FAILED",
  failed: "FAILED",
  interrupted: "KILLED",
  pruned: "KILLED",
};

/** What trackers show of a run: its records, its teleports as `teleport.*`, and its results as `result.*`. */
export function trackedRecords({ stored, document, seconds }: StoredResult): StepRecord[] {
  const metrics = stored.metrics as readonly StepRecord[];
  const times = new Map(metrics.map((record) => [record.step, record.seconds]));
  return [
    ...metrics,
    ...document.teleports.map(({ step, accepted, reason: _, seconds: spent, ...numbers }) => ({
      step,
      seconds: times.get(step),
      teleport: { ...numbers, accepted: Number(accepted), seconds: spent },
    })),
    { step: document.steps, seconds: seconds.at(-1), result: document.metrics },
  ];
}

/**
 * Sends a run to a tracking server of MLflow: settings as parameters, records as metrics. Each call creates a new run.
 * The environment has the credentials, as for MLflow's own clients: MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME
 * and MLFLOW_TRACKING_PASSWORD.
 *
 * @param given its address; default $MLFLOW_TRACKING_URI
 * @param tags beside those of every run
 * @throws OptionError without an address; DataError when the server fails or cannot be reached
 */
export async function sendToMlflow(
  run: StoredResult,
  given = process.env.MLFLOW_TRACKING_URI,
  tags: Readonly<Record<string, string>> = {},
): Promise<TrackedRun> {
  const { stored, config, document, settings, seed, variant } = run;
  if (!given)
    throw new OptionError(
      "The address of MLflow is missing: give --url, such as http://localhost:5000, or set MLFLOW_TRACKING_URI.",
    );
  const { MLFLOW_TRACKING_TOKEN: token, ...environment } = process.env;
  const startedAt = new Date(stored.environment.startedAt);
  const tracked = await startMlflowRun({
    url: withPassword(given, environment),
    experiment: config.name,
    runName: stored.path.split(/[\\/]/).at(-1) as string,
    startTime: startedAt.getTime(),
    tags: {
      "isoloss.version": stored.environment.versions.isoloss ?? "unknown",
      "isoloss.directory": stored.path,
      "isoloss.variant": variant,
      ...tags,
    },
    ...(token ? { token } : {}),
  });
  await tracked.logParams({ kind: config.kind, seed, ...settings });
  const metrics = metricsOf(trackedRecords(run), startedAt);
  // The characters that MLflow allows in names.
  await tracked.logMetrics(metrics.map((m) => ({ ...m, key: m.key.replace(/[^\w\-. :/]/g, "_") })));
  const last = Math.round(startedAt.getTime() + 1000 * (document.wallSeconds ?? 0));
  await tracked.end(statuses[document.status] ?? "FAILED", last);
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

/** Where a browser shows a run. */
export const pageOf = ({ url, experimentId, runId }: TrackedRun): string =>
  `${url}/#/experiments/${experimentId}/runs/${runId}`;
