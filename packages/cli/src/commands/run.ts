import { join, relative, resolve } from "node:path";
import { OptionError } from "isoloss";
import { writeFileAtomic } from "isoloss/node";
import { loadExperiment } from "../experiments/definition/find.js";
import { resolveExperiment } from "../experiments/definition/resolve.js";
import { type Experiment, seedsOf } from "../experiments/definition/schema.js";
import { type Job, jobsOf, jobToResume } from "../experiments/jobs/job.js";
import { errorsToTell, resumeAdvice, runSession } from "../experiments/jobs/session.js";
import { loadStored } from "../experiments/jobs/stored.js";
import { requireTracking, sendToMlflow } from "../experiments/jobs/tracking.js";
import type { JobResult, RunComparison } from "../experiments/kind.js";
import { kinds } from "../experiments/kinds/kinds.js";
import { drawFigures } from "../experiments/report/figures.js";
import { byVariant, summaryTable } from "../experiments/results/summary.js";
import { textOfTable } from "../experiments/results/table.js";
import { fail } from "../fail.js";
import { type RunDocument, type RunsDocument, runsDocument } from "../formats/json.js";
import { interruptedCode } from "../interrupt.js";
import { readRun } from "../run/read.js";
import { shellWord } from "../shell-word.js";
import { chosenQueue } from "../sweep/queue.js";
import { queuedJobs } from "../sweep/queued-jobs.js";

export interface RunOptions {
  readonly set: readonly string[];
  readonly seed?: number;
  readonly seeds?: string;
  readonly variant: readonly string[];
  readonly jobs: number;
  /** Default runs. */
  readonly out?: string;
  readonly resume?: string;
  /** Address of a server: workers compute. */
  readonly queue?: string;
  readonly quick: boolean;
  readonly checkpointEvery?: number;
  /** Address of a tracking server, or folder of a file store. */
  readonly mlflow?: string;
  readonly json: boolean;
  readonly quiet: boolean;
  /** The program's script, for worker threads. */
  readonly script?: URL;
}

/** What `--json` prints for an experiment of several variants. */
export interface VariantsDocument {
  readonly name: string;
  readonly variants: Readonly<Record<string, RunsDocument>>;
}

/** Seconds between checkpoints: a killed run loses at most that. */
const checkpointSeconds = 10;

/** `isoloss run`: runs an experiment, or resumes an interrupted run. */
export async function run(target: string | undefined, options: RunOptions): Promise<void> {
  const { quiet, json, script } = options;
  // Before the runs, not after them.
  if (options.mlflow !== undefined) requireTracking(options.mlflow);
  const experiment = options.resume === undefined ? await experimentOf(target, options) : undefined;
  const jobs = experiment ? jobsFor(experiment, options) : [await resumed(target, options)];
  // A run that is resumed goes on from files of this computer.
  const queue = options.resume === undefined ? chosenQueue(options.queue) : undefined;
  const session = await runSession(jobs, {
    ...{ threads: options.jobs, quiet, ...(script ? { script } : {}) },
    elsewhere: queue && queuedJobs(queue),
  });
  const together = jobs[0] && kinds[jobs[0].kind].comparison;
  const results = together?.compare?.(session.results) ?? session.results;
  await writeFigures(results, experiment?.figures);
  if (results.length > 0)
    process.stdout.write(json ? `${JSON.stringify(documentOf(results, jobs))}\n` : text(results, together));
  if (options.mlflow !== undefined) await sendAll(results, options.mlflow);
  for (const error of errorsToTell(session.failures, session.results.length === 0)) fail(error);
  if (session.interrupted) {
    process.stderr.write(`isoloss: interrupted. ${queue ? leftAtQueue : howToGoOn(results)}\n`);
    process.exitCode = interruptedCode;
  } else if (results.some((r) => r.document.status === "diverged")) {
    process.stderr.write(
      "isoloss: a run diverged: its loss is no longer finite. A smaller learning rate may help.\n",
    );
    process.exitCode ||= 1;
  }
}

const leftAtQueue =
  "The runs go on with their workers: the same command collects them, and computes none twice.";

function howToGoOn(results: readonly JobResult[]): string {
  const advice = resumeAdvice(results);
  if (advice.length > 0) return `Resume with\n${advice.map((line) => `  ${line}`).join("\n")}`;
  return results.length > 0
    ? "The runs that had begun are complete."
    : "There is no checkpoint to resume: start the run again.";
}

/** Sends runs to a tracking server. A failure is printed, with the command that sends them later: the runs are complete. */
async function sendAll(results: readonly JobResult[], url: string): Promise<void> {
  for (const { document } of results) {
    if (document.directory === null) continue;
    try {
      await sendToMlflow(await loadStored(document.directory), url);
    } catch (error) {
      fail(error);
      process.stderr.write(
        `isoloss: the run is whole. Send it with\n  isoloss export ${shellWord(document.directory)} --to mlflow --url ${shellWord(url)}\n`,
      );
      return;
    }
  }
}

async function experimentOf(target: string | undefined, { set, variant }: RunOptions): Promise<Experiment> {
  if (target === undefined) {
    throw new OptionError(
      "Name an experiment, a YAML file or, with --resume, the directory of a run: isoloss run booth",
    );
  }
  return loadExperiment(target, set, variant.length > 0 ? { variants: variant } : {});
}

function jobsFor(experiment: Experiment, options: RunOptions): Job[] {
  const seeds = seedsFrom(options);
  const resolved = resolveExperiment(experiment, {
    quick: options.quick,
    ...(seeds ? { seeds } : {}),
    ...(options.variant.length > 0 ? { variants: options.variant } : {}),
  });
  return jobsOf(resolved, { out: resolve(options.out ?? "runs"), ...checkpoints(options) });
}

const checkpoints = ({ checkpointEvery }: RunOptions) => ({
  checkpointSeconds,
  ...(checkpointEvery === undefined ? {} : { checkpointSteps: checkpointEvery }),
});

function seedsFrom({ seed, seeds }: RunOptions): readonly number[] | undefined {
  if (seed !== undefined && seeds !== undefined) throw new OptionError("Give --seed or --seeds, not both.");
  if (seed !== undefined) return [seed];
  if (seeds === undefined) return undefined;
  const list = seedsOf(seeds);
  if ("wrong" in list) throw new OptionError(`--seeds: ${list.wrong}.`);
  return list;
}

async function resumed(target: string | undefined, options: RunOptions): Promise<Job> {
  if (
    target !== undefined ||
    options.set.length > 0 ||
    options.variant.length > 0 ||
    options.quick ||
    options.out !== undefined ||
    options.queue !== undefined ||
    options.seed !== undefined ||
    options.seeds !== undefined
  ) {
    throw new OptionError(
      "--resume continues a run in its directory, with its own settings: leave out the experiment, --set, --variant, --quick, --out, --queue and the seed.",
    );
  }
  const directory = options.resume as string;
  const { config, path } = await readRun(directory);
  return jobToResume(path, config, checkpoints(options));
}

/** Draws the figures of each run into its directory. */
async function writeFigures(results: readonly JobResult[], figures: Experiment["figures"]): Promise<void> {
  for (const result of results) {
    const { directory } = result.document;
    if (directory === null) continue;
    const drawn = await drawFigures({
      results: [result],
      figures: figures ?? ["loss", "gradNormSq"],
    });
    for (const { name, svg } of drawn) await writeFileAtomic(join(directory, "figures", `${name}.svg`), svg);
  }
}

/**
 * The document of one run; of several seeds with a summary; or of several variants, each with a summary.
 *
 * @param jobs what was to run: the form does not depend on which of them failed
 */
function documentOf(
  results: readonly JobResult[],
  jobs: readonly Pick<Job, "variant">[],
): RunDocument | RunsDocument | VariantsDocument {
  if (jobs.length === 1) return results[0].document;
  const documents = (group: readonly JobResult[]) => runsDocument(group.map((r) => r.document));
  if (new Set(jobs.map(({ variant }) => variant)).size === 1) return documents(results);
  return {
    name: results[0].experiment,
    variants: Object.fromEntries(
      [...byVariant(results)].map(([variant, group]) => [variant, documents(group)]),
    ),
  };
}

function text(results: readonly JobResult[], together: RunComparison | undefined): string {
  const places = results.flatMap(({ document: { directory } }) => (directory === null ? [] : [directory]));
  const shown = places.slice(0, 10).map((path) => `  ${relative(process.cwd(), path) || "."}`);
  const more = places.length > 10 ? [`  and ${places.length - 10} more`] : [];
  const where = places.length > 0 ? `\nRuns:\n${[...shown, ...more].join("\n")}\n` : "";
  const tables = (together?.tables?.(results) ?? []).map((table) => `\n${textOfTable(table)}\n`).join("");
  return `${summaryTable(results)}\n${tables}${where}`;
}
