import { statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { mapValues, pick } from "es-toolkit";
import { OptionError } from "isoloss";
import { checkConfig } from "../../config/load.js";
import { type RunDocument, runDocument } from "../../formats/json.js";
import {
  createRunDirectory,
  openRunDirectory,
  type RunDirectory,
  runDirectoryAt,
} from "../../run/directory.js";
import { describeEnvironment } from "../../run/environment.js";
import { readJsonLines } from "../../run/json-lines.js";
import { resolveExperiment, runConfig } from "../definition/resolve.js";
import { experimentSchema } from "../definition/schema.js";
import type { JobContext, JobResult, Settings } from "../kind.js";
import { kinds } from "../kinds/kinds.js";
import type { ComputeSettings } from "../kinds/training-loop.js";
import { finalLoss, finalLossMetric } from "../results/loss-curve.js";

/** What a job says of the run's context. */
const ofContext = ["seed", "isCompared", "checkpointSeconds", "checkpointSteps", "pauses"] as const;

/** One run, as plain data: a worker thread may do it. */
export interface Job extends Pick<JobContext, (typeof ofContext)[number]> {
  readonly name: string;
  readonly variant: string;
  readonly kind: string;
  readonly settings: Settings;
  /** Which repetition it is of a run that is timed several times; left out: the first. */
  readonly repeat?: number;
  readonly config: object;
  /** Where its directory is created; left out: nowhere. */
  readonly out?: string;
  /** The directory of the run to resume instead. */
  readonly resume?: string;
  /** The run's own directory instead: made, or resumed if it is there. */
  readonly directory?: string;
}

export type JobHooks = Pick<JobContext, "progress" | "shouldStop" | "report">;

/** Name of a run: the experiment's, with that of the variant. */
export const runName = (experiment: string, variant: string): string =>
  variant === "run" ? experiment : `${experiment}-${variant}`;

/** The jobs of an experiment: every variant with every seed, seeds first. */
export function jobsOf(
  resolved: ReturnType<typeof resolveExperiment>,
  options: Pick<Job, "out" | "checkpointSeconds" | "checkpointSteps" | "isCompared">,
): Job[] {
  return resolved.variants.flatMap((variant) =>
    resolved.seeds.map((seed) => ({
      name: resolved.name,
      variant: variant.name,
      seed,
      kind: resolved.kind,
      settings: variant.settings,
      config: runConfig(resolved, variant, seed),
      ...options,
    })),
  );
}

/**
 * A job that an execution provider of this computer computes, whatever its settings name; its config says so. Runs in JavaScript, and
 * those that compute nothing, have none.
 */
export function computedOn(provider: string | undefined, job: Job): Job {
  const { kind, settings, config } = job;
  const isFixed = settings.runtime === "javascript" || !("provider" in kinds[kind].settings);
  if (provider === undefined || isFixed) return job;
  return { ...job, settings: { ...settings, provider }, config: { ...config, provider } };
}

/**
 * The job that resumes the run of a directory.
 *
 * @throws DataError unless the directory is a run of this version; OptionError for one with several runs
 */
export async function jobToResume(
  directory: string,
  config: unknown,
  options: Pick<Job, "checkpointSeconds" | "checkpointSteps">,
): Promise<Job> {
  const experiment = checkConfig(config, {
    schema: experimentSchema,
    file: join(directory, "config.yaml"),
  });
  const resolved = resolveExperiment(experiment);
  const [job, ...more] = jobsOf(resolved, options);
  if (more.length > 0) throw new OptionError(`${directory} is not the directory of one run.`);
  return { ...job, resume: directory };
}

/** Whether a job that is told to stop saves a checkpoint and ends soon. */
export const isStoppable = ({ kind }: Job): boolean => kinds[kind].stoppable;

/**
 * Executes a run and writes its directory.
 *
 * @throws DataError when data are missing or the directory cannot be written; OptionError for settings that do not fit
 */
export async function executeJob(job: Job, hooks: JobHooks): Promise<JobResult> {
  const { name, variant, seed, repeat, kind, settings } = job;
  const opened = await open(job);
  const { directory } = opened;
  try {
    const before = await beforeOf(opened);
    const measured = await kinds[kind].run(settings, {
      ...pick(job, ofContext),
      ...hooks,
      directory,
      before,
    });
    const described = {
      ...measured,
      name: runName(name, variant),
      seed,
      directory: directory?.path,
    };
    const document = withEnd({ ...measured, settings, document: runDocument(described) });
    await directory?.writeSummary(withoutHistory(document));
    return {
      experiment: name,
      variant,
      seed,
      repeat,
      settings,
      document,
      jumps: measured.jumps ?? [],
      ...pick(measured, ["seconds", "trajectory", "end", "evaluations"]),
    };
  } catch (error) {
    directory?.close();
    // A run that never began leaves nothing.
    const metrics = directory && join(directory.path, "metrics.jsonl");
    if (directory && metrics && job.resume === undefined && statSync(metrics).size === 0) {
      await rm(directory.path, { recursive: true, force: true });
    }
    throw error;
  } finally {
    directory?.close();
  }
}

/** The document of a run with its final loss among the metrics, and without evaluations from before it diverged. */
function withEnd(result: Pick<JobResult, "document" | "settings" | "evaluations">): RunDocument {
  const { document, evaluations = [] } = result;
  const loss = finalLoss(result);
  const evaluated = document.status === "diverged" ? Object.keys(evaluations.at(-1) ?? {}) : [];
  const metrics = mapValues(document.metrics, (value, name) => (evaluated.includes(name) ? null : value));
  return { ...document, metrics: { ...(loss === null ? {} : { [finalLossMetric]: loss }), ...metrics } };
}

/** A document with the ends of its series only: the records have the rest. */
function withoutHistory(document: RunDocument): object {
  const ends = ({ first, last }: RunDocument["loss"]) => ({ first, last });
  return { ...document, loss: ends(document.loss), gradNormSq: ends(document.gradNormSq) };
}

interface Opened {
  readonly directory?: RunDirectory;
  readonly checkpoint?: Uint8Array | undefined;
}

async function beforeOf({ directory, checkpoint }: Opened): Promise<JobContext["before"]> {
  if (!directory || !checkpoint) return undefined;
  const records = (name: string) => readJsonLines(join(directory.path, name));
  return { checkpoint, metrics: await records("metrics.jsonl"), teleports: await records("teleports.jsonl") };
}

async function open(job: Job): Promise<Opened> {
  const { name, variant, seed, out, resume, directory: own, config, settings } = job;
  if (resume !== undefined) return openRunDirectory(resume);
  if (own === undefined && out === undefined) return {};
  const { provider, threads, runtime = provider ? "onnx" : "auto" } = settings as ComputeSettings;
  const environment = describeEnvironment({ seed, runtime, device: provider, threads });
  if (own !== undefined) return runDirectoryAt(own, { config, environment });
  return {
    directory: await createRunDirectory(out as string, runName(name, variant), { seed, config, environment }),
  };
}
