import { existsSync } from "node:fs";
import { join } from "node:path";
import { DataError, type NdArray } from "isoloss";
import { decodeSafetensors } from "isoloss/data";
import { readFileOrThrow } from "isoloss/node";
import { checkConfig } from "../../config/load.js";
import { type RunMeasurements, type RunStatus, runDocument } from "../../formats/json.js";
import type { JsonRecord } from "../../run/json-lines.js";
import { readRun, readRunCheckpoint, type StoredRun } from "../../run/read.js";
import { resolveExperiment } from "../definition/resolve.js";
import { type Experiment, experimentSchema } from "../definition/schema.js";
import type { JobResult } from "../kind.js";
import { kinds } from "../kinds/kinds.js";
import { jumpsIn, pointsIn, weightsFile } from "../records/points.js";
import { runName } from "./job.js";

/** A run read from its directory, in the form that a command has after the run. */
export interface StoredResult extends JobResult {
  readonly stored: StoredRun;
  readonly config: Experiment;
}

/** The parts of a run's `summary.json` that are read again. */
interface StoredSummary {
  readonly status?: RunStatus;
  readonly metrics?: Readonly<Record<string, number>>;
}

/**
 * Reads a run's directory.
 *
 * @throws DataError unless it is a run, with records
 */
export async function loadStored(path: string): Promise<StoredResult> {
  const stored = await readRun(path);
  const config = checkConfig(stored.config, {
    schema: experimentSchema,
    file: join(stored.path, "config.yaml"),
  });
  const { variants, seeds } = resolveExperiment(config);
  const [{ name: variant, settings }] = variants;
  const [seed] = seeds;
  const steps = stored.metrics.filter((r) => typeof r.loss === "number" || r.loss === null);
  if (steps.length === 0) throw new DataError(`The run ${path} has not recorded a step yet.`);
  const summary = (stored.summary ?? {}) as StoredSummary;
  const series = (key: string) =>
    steps.map((r) => (typeof r[key] === "number" ? (r[key] as number) : Number.NaN));
  const trajectory = pointsIn(steps);
  const seconds = series("seconds");
  const document = runDocument({
    name: runName(config.name, variant),
    seed,
    // Without a summary the run has not ended, or was killed.
    status: summary.status ?? "interrupted",
    steps: kinds[config.kind].stored.stepsOf(steps.length),
    wallSeconds: seconds.at(-1) ?? 0,
    loss: series("loss"),
    gradNormSq: series("gradNormSq"),
    metrics: summary.metrics ?? {},
    teleports: stored.teleports as unknown as NonNullable<RunMeasurements["teleports"]>,
    directory: stored.path,
  });
  return {
    experiment: config.name,
    variant,
    seed,
    settings,
    document,
    seconds,
    jumps: jumpsIn(stored.teleports),
    ...(trajectory.length > 0 ? { trajectory } : {}),
    evaluations: stored.metrics.filter(isEvaluation),
    stored,
    config,
  };
}

/** Parameters at the end of a run, or at its last checkpoint, by their paths. @throws DataError when it has none yet */
export async function storedWeights({ stored, config, document }: StoredResult): Promise<{
  readonly step: number;
  readonly tensors: Readonly<Record<string, NdArray>>;
}> {
  const file = join(stored.path, weightsFile);
  if (existsSync(file)) return { step: document.steps, tensors: await tensorsIn(file) };
  const { bytes, mark } = await readRunCheckpoint(stored.path);
  const tensors = kinds[config.kind].stored.tensorsOf(bytes);
  const params = Object.entries(tensors).filter(([name]) => name.startsWith("params."));
  return { step: mark.step, tensors: Object.fromEntries(params) };
}

async function tensorsIn(file: string): Promise<Readonly<Record<string, NdArray>>> {
  const bytes = await readFileOrThrow(file);
  try {
    return decodeSafetensors(bytes).tensors;
  } catch (cause) {
    throw new DataError(`${file}: ${(cause as Error).message}`, { cause });
  }
}

const isEvaluation = (
  record: JsonRecord,
): record is { readonly step: number; readonly seconds: number; readonly [name: string]: number } =>
  "validation.loss" in record || "test.loss" in record;

/** Names runs uniquely: those of one experiment by the variant, those of several by experiment and variant. */
export async function loadAllStored(paths: readonly string[]): Promise<StoredResult[]> {
  const runs: StoredResult[] = [];
  for (const path of paths) runs.push(await loadStored(path));
  const experiments = new Set(runs.map((r) => r.experiment));
  if (experiments.size < 2) return runs;
  return runs.map((r) => ({ ...r, variant: runName(r.experiment, r.variant) }));
}
