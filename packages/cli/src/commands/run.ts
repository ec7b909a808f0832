import { join, relative, resolve } from "node:path";
import { OptionError } from "isoloss";
import { groupBy } from "isoloss/internal";
import { writeFileAtomic } from "isoloss/node";
import { loadExperiment } from "../experiments/definition/find.js";
import { resolveExperiment } from "../experiments/definition/resolve.js";
import { type Experiment, seedsOf } from "../experiments/definition/schema.js";
import { computedOn, type Job, jobsOf, jobToResume } from "../experiments/jobs/job.js";
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
import { flag, json, texts, type Values, value } from "../option-rows.js";
import { positiveInteger, seedNumber, seedRange } from "../parse.js";
import { requireProvider } from "../run/environment.js";
import { readRun } from "../run/read.js";
import { shellWord } from "../shell-word.js";
import { chosenQueue } from "../sweep/queue.js";
import { queuedJobs } from "../sweep/queued-jobs.js";
import { type Context, show } from "./command.js";

const options = {
  set: texts("<path=value>", "change a setting; may be given several times"),
  seed: value("<n>", "one seed instead of the experiment's", seedNumber),
  seeds: value("<a..b>", "a range of seeds, both ends included", seedRange),
  variant: texts("<name>", "only this variant; may be given several times"),
  jobs: value("<n>", "runs at the same time, each in a thread", positiveInteger, 1),
  provider: value(
    "<name>",
    "execution provider of ONNX Runtime, such as cuda or webgpu, in place of the processor",
  ),
  out: value("<dir>", "folder in which each run gets a directory of its own (default: runs)"),
  resume: value("<dir>", "resume a run that was killed or interrupted"),
  queue: value("<url>", "leave the runs to the workers of this server, see isoloss worker"),
  quick: flag("the experiment's settings for a quick look"),
  checkpointEvery: value(
    "<steps>",
    "save after so many steps, too; otherwise every 10 seconds",
    positiveInteger,
  ),
  mlflow: value("<url>", "send each run that ends to this MLflow server or folder, see isoloss export"),
  json: json("one JSON document on stdout instead of the table"),
  quiet: flag("no progress on stderr"),
};

type Settings = Values<typeof options> & Context;

const help = `A run's directory, such as runs/booth-exact-0-1, holds config.yaml (itself an experiment: running it gives the same
numbers), environment.json, data.json (what prediction needs of the data), metrics.jsonl (a line a step) and teleports.jsonl (a
line a teleport), the checkpoint, summary.json and figures/. No run overwrites another one's.

Ctrl-C and SIGTERM save a checkpoint, and the command prints how to resume. A run that was killed resumes at its last
checkpoint, or at its beginning if it has none, and ends with the same numbers.

With --queue the runs are computed by isoloss worker on other computers, and their directories are written here. After
Ctrl-C the workers go on, and the same command collects what they have computed.

The document of --json, for one run:
  name, seed, status (completed, interrupted, diverged), steps, wallSeconds, loss {first, last, history},
  gradNormSq {first, last, history}, metrics, teleports [{step, lossBefore, lossAfter, drift, gradNormSqBefore,
  gradNormSqAfter, accepted, reason, seconds}], directory
For several seeds: {runs: [...], summary}. For several variants: {name, variants: {NAME: {runs, summary}}}.

Examples:
  isoloss run rosenbrock
  isoloss run regression-gd --variant plain --variant exact --seeds 0..4 --jobs 2
  isoloss run benchmarks/cityscapes --variant LS --seed 0 --provider cuda
  isoloss run my-experiment.yaml --set learningRate=0.01 --set optimizer=adam --json
  isoloss run --resume runs/classify-digits-sgd-0-1`;

/** What `--json` prints for an experiment of several variants. */
export interface VariantsDocument {
  /** Of the experiment. */
  readonly name: string;
  /** By variant. */
  readonly variants: Readonly<Record<string, RunsDocument>>;
}

/** Seconds between checkpoints: a killed run loses at most that. */
const checkpointSeconds = 10;

/** `isoloss run`: runs an experiment, or resumes an interrupted run. */
async function run(target: string | undefined, settings: Settings): Promise<undefined> {
  const { quiet, script, provider } = settings;
  // Before the runs, not after them.
  if (settings.mlflow !== undefined) requireTracking(settings.mlflow);
  const experiment = settings.resume === undefined ? await experimentOf(target, settings) : undefined;
  const jobs = experiment ? jobsFor(experiment, settings) : [await resumed(target, settings)];
  // A run that is resumed goes on from files of this computer.
  const queue = settings.resume === undefined ? chosenQueue(settings.queue) : undefined;
  // The workers of a queue have providers of their own.
  if (provider !== undefined && !queue) await requireProvider(provider);
  const session = await runSession(jobs, {
    threads: settings.jobs,
    quiet,
    script,
    elsewhere: queue && queuedJobs(queue),
  });
  const together = jobs[0] && kinds[jobs[0].kind].comparison;
  const results = together?.compare?.(session.results) ?? session.results;
  await writeFigures(results, experiment?.figures);
  if (results.length > 0)
    await show({ document: documentOf(results, jobs), text: textOf(results, together) }, settings);
  if (settings.mlflow !== undefined) await sendAll(results, settings.mlflow);
  for (const error of errorsToTell(session.failures, session.results.length === 0)) fail(error);
  if (session.interrupted) {
    const begun = [...results, ...session.failures.map(({ job }) => job)];
    const left = jobs.filter((job) => !begun.some((o) => o.variant === job.variant && o.seed === job.seed));
    process.stderr.write(`isoloss: interrupted. ${queue ? leftAtQueue : howToGoOn(results, left)}\n`);
    process.exitCode = interruptedCode;
  } else if (results.some((r) => r.document.status === "diverged")) {
    process.stderr.write(
      "isoloss: a run diverged: its loss is no longer finite. A smaller learning rate may help.\n",
    );
    process.exitCode ||= 1;
  }
}

export const runCommand = { options, help, run };

const leftAtQueue =
  "The runs go on with their workers: the same command collects them, and computes none twice.";

/** @param left the runs that had not begun */
function howToGoOn(results: readonly JobResult[], left: readonly Job[]): string {
  if (results.length === 0) return "There is no checkpoint to resume: start the run again.";
  const advice = resumeAdvice(results);
  return [
    ...(advice.length > 0
      ? ["Resume with", ...advice.map(indented)]
      : ["The runs that had begun are complete."]),
    ...(left.length > 0
      ? [
          "For the others give the same command with, in place of its variants and seeds,",
          ...[...groupBy(left, ({ variant }) => variant)].flatMap(choosing).map(indented),
        ]
      : []),
  ].join("\n");
}

const indented = (line: string): string => `  ${line}`;

/** Options that choose jobs of a variant. */
function choosing([variant, jobs]: readonly [string, readonly Job[]]): string[] {
  const seeds = jobs.map(({ seed }) => seed);
  const isRange = seeds.every((seed, i) => seed === seeds[0] + i);
  const texts = isRange ? [`--seeds ${seeds[0]}..${seeds.at(-1)}`] : seeds.map((seed) => `--seed ${seed}`);
  return texts.map((text) => `--variant ${shellWord(variant)} ${text}`);
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

async function experimentOf(target: string | undefined, { set, variant }: Settings): Promise<Experiment> {
  if (target === undefined) {
    throw new OptionError(
      "Name an experiment, a YAML file or, with --resume, the directory of a run: isoloss run booth",
    );
  }
  return loadExperiment(target, set, variant.length > 0 ? { variants: variant } : {});
}

function jobsFor(experiment: Experiment, settings: Settings): Job[] {
  const seeds = seedsFrom(settings);
  const resolved = resolveExperiment(experiment, {
    quick: settings.quick,
    ...(seeds ? { seeds } : {}),
    ...(settings.variant.length > 0 ? { variants: settings.variant } : {}),
  });
  const jobs = jobsOf(resolved, { out: resolve(settings.out ?? "runs"), ...checkpoints(settings) });
  return jobs.map((job) => computedOn(settings.provider, job));
}

const checkpoints = ({ checkpointEvery }: Settings) => ({
  checkpointSeconds,
  ...(checkpointEvery === undefined ? {} : { checkpointSteps: checkpointEvery }),
});

function seedsFrom({ seed, seeds }: Settings): readonly number[] | undefined {
  if (seed !== undefined && seeds !== undefined) throw new OptionError("Give --seed or --seeds, not both.");
  if (seed !== undefined) return [seed];
  if (seeds === undefined) return undefined;
  const list = seedsOf(seeds);
  if ("wrong" in list) throw new OptionError(`--seeds: ${list.wrong}.`);
  return list;
}

async function resumed(target: string | undefined, settings: Settings): Promise<Job> {
  if (
    target !== undefined ||
    settings.set.length > 0 ||
    settings.variant.length > 0 ||
    settings.quick ||
    settings.out !== undefined ||
    settings.queue !== undefined ||
    settings.provider !== undefined ||
    settings.seed !== undefined ||
    settings.seeds !== undefined
  ) {
    throw new OptionError(
      "--resume continues a run in its directory, with its own settings: leave out the experiment, --set, --variant, --quick, --out, --queue, --provider and the seed.",
    );
  }
  const directory = settings.resume as string;
  const { config, path } = await readRun(directory);
  return jobToResume(path, config, checkpoints(settings));
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

function textOf(results: readonly JobResult[], together: RunComparison | undefined): string[] {
  const places = results.flatMap(({ document: { directory } }) => (directory === null ? [] : [directory]));
  const shown = places.slice(0, 10).map((path) => `  ${relative(process.cwd(), path) || "."}`);
  const more = places.length > 10 ? [`  and ${places.length - 10} more`] : [];
  return [
    summaryTable(results),
    ...(together?.tables?.(results) ?? []).map(textOfTable),
    ...(places.length > 0 ? [["Runs:", ...shown, ...more].join("\n")] : []),
  ];
}
