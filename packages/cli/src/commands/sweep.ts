import { availableParallelism } from "node:os";
import { relative } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { pick } from "es-toolkit";
import { DataError, IsolossError, OptionError } from "isoloss";
import { ConfigError } from "../config/errors.js";
import { needsOf } from "../experiments/catalogue/tasks.js";
import { executeJob } from "../experiments/jobs/job.js";
import { kinds } from "../experiments/kinds/kinds.js";
import { countText, formatDuration, formatNumber } from "../experiments/results/format-number.js";
import { type Columns, tableOf } from "../experiments/results/table.js";
import { interruptedCode } from "../interrupt.js";
import { flag, json, texts, type Values, value } from "../option-rows.js";
import { positiveInteger } from "../parse.js";
import { type Environment, requireProvider } from "../run/environment.js";
import type { Json } from "../run/json-lines.js";
import { readJsonFile } from "../run/read.js";
import { shellWord } from "../shell-word.js";
import { axisOf, holds } from "../sweep/axis.js";
import {
  createSweepDirectory,
  faultsOfDirectory,
  openSweepDirectory,
  readSweepDirectory,
  requireSweep,
  sweepPaths,
  sweepsIn,
} from "../sweep/directory.js";
import { type SweepDocument, sweepDocument } from "../sweep/document.js";
import { edgesOf, leftOut, partOfGrid, searchEnd } from "../sweep/edges.js";
import { isDiskError } from "../sweep/lane.js";
import { type LoadedSweep, loadSweep } from "../sweep/load.js";
import { isOfLongRuns, missingMetric } from "../sweep/metric.js";
import { planSweep, programVersion } from "../sweep/plan.js";
import { attachSweep, chosenQueue, loadQueue, queueAddress, requireQueue } from "../sweep/queue.js";
import { runSweep } from "../sweep/run-sweep.js";
import { samplerOf } from "../sweep/samplers/sampler.js";
import type { SweepFile } from "../sweep/schema.js";
import type { Assignment, Parameter } from "../sweep/types.js";
import type { Context, Result } from "./command.js";
import { closeOnQueue, listOnQueue } from "./sweep-on-queue.js";

const options = {
  jobs: value(
    "<n>",
    "runs at the same time on this computer, each in a process (default: one for each core; with --queue none)",
    positiveInteger,
  ),
  out: value("<dir>", "folder in which each sweep gets a directory of its own (default: sweeps)"),
  provider: value(
    "<name>",
    "execution provider of ONNX Runtime for all runs, such as cuda: set.provider of the file",
  ),
  set: texts("<path=value>", "change a key of the sweep's file; may be given several times"),
  trials: value("<n>", "instead of the file's budget.trials", positiveInteger),
  check: flag(
    "only print what the sweep would do, with five trials; one step of the first shows whether its metrics exist",
  ),
  resume: value("<dir>", "go on with a sweep that was killed or interrupted"),
  verify: value("<dir>", "check the journal of a sweep: each trial asked once, each run counted once"),
  list: flag("the sweeps of the folder --out, or of the server --queue"),
  queue: value("<url>", "leave the runs to the workers of this server, such as redis://host:6379"),
  detach: flag("leave the sweep to the workers at once; --resume watches it again"),
  attach: value("<id>", "go on here with a sweep of the server"),
  cancel: value("<dir>", "end the sweep of this directory on the server"),
  close: value("<id>", "end a sweep on the server"),
  json: json(),
  quiet: flag("no progress on stderr"),
};

type Settings = Values<typeof options> & Context;

const help = `A sweep is a YAML file: isoloss init --kind sweep writes one with comments. Trials are asked by a grid, at random, or
along Sobol's sequence; runs that are behind can be pruned. At the end the best trials and a baseline run again on seeds that
chose nothing.

The directory, such as sweeps/rates-1, holds sweep.yaml and experiment.yaml (running them again asks the same trials),
journal.jsonl (what was asked, judged and recorded, in order), runs/TRIAL-SEED (as of isoloss run), trials.csv,
summary.json and report.html.

With --queue the runs are left to the workers of a server, and with --jobs beside it some of them are computed here, too.
With --queue and --detach the command ends when the runs are with the workers. They compute what was asked by then: all trials
of a grid, random or Sobol; what follows from results (second seeds with pruning, fresh seeds) is asked by --resume.

A run whose process dies goes on in another one from its checkpoint; after five deaths it is lost. Ctrl-C saves, and the
command prints how to resume. Each trial is asked once and each run counted once, whatever is killed.

The document of --json: name, id, directory, status, end, counts, budget, best {trial, parameters, value}, confirmed
[{trial, tuning, fresh, optimism, comparison, judgment, text}], failures [{contender, seed, status, error}], trials
[{trial, status, value, rung, parameters, reused, runs}], workers, seconds, report. Exit code 1: a run failed or was lost, on
fresh seeds, too, or no trial was completed; 130: interrupted.

Examples:
  isoloss sweep my-sweep.yaml --check
  isoloss sweep my-sweep.yaml --jobs 4 --trials 20
  isoloss sweep --resume sweeps/my-sweep-1`;

/** `isoloss sweep`: runs, resumes, checks, verifies or lists sweeps. */
async function run(target: string | undefined, settings: Settings): Promise<Result> {
  const { resume, verify, list, check, queue, attach, cancel, close, out = "sweeps" } = settings;
  const modes = [target, resume, verify, attach, cancel, close, list ? "list" : undefined];
  if (modes.filter((mode) => mode !== undefined).length !== 1) {
    throw new OptionError(
      "Give a sweep's YAML file, or one of --resume DIR, --verify DIR, --list, and of a sweep on a server --attach ID, --cancel DIR, --close ID.",
    );
  }
  const { trials, provider } = settings;
  const ofFile = settings.set.length > 0 || trials !== undefined || provider !== undefined || check;
  if (target === undefined && ofFile) {
    throw new OptionError("--set, --trials, --provider and --check are for a sweep's YAML file.");
  }
  if (settings.out !== undefined && target === undefined && !list && attach === undefined) {
    throw new OptionError("--out is for a sweep's YAML file, --list and --attach: others have a directory.");
  }
  if (settings.jobs !== undefined && target === undefined && resume === undefined && attach === undefined) {
    throw new OptionError("--jobs is for what computes: a sweep's YAML file, --resume and --attach.");
  }
  if (settings.detach && !chosenQueue(queue)) {
    throw new OptionError(
      "--detach leaves a sweep to the workers of a server: give its address with --queue.",
    );
  }
  if (settings.detach && settings.jobs !== undefined) {
    throw new OptionError(
      "--detach leaves all runs to the workers of a server, and --jobs computes here: give one of them.",
    );
  }
  if (cancel !== undefined || close !== undefined) return closeOnQueue({ cancel, close }, queue);
  if (attach !== undefined) return finish(await attachSweep(out, attach, queueAddress(queue)), settings);
  if (list && queue !== undefined) return listOnQueue(queue);
  if (list) return listed(out);
  if (verify !== undefined) return faultsIn(verify);
  if (resume !== undefined) {
    return finish(await openSweepDirectory(resume), settings);
  }
  // The workers of a queue have providers of their own.
  if (provider !== undefined && !chosenQueue(queue)) await requireProvider(provider);
  const set = [
    ...settings.set,
    ...(trials === undefined ? [] : [`budget.trials=${trials}`]),
    ...(provider === undefined ? [] : [`set.provider=${provider}`]),
  ];
  const loaded = await loadSweep(target as string, set);
  if (check) return checked(loaded, settings);
  if (!settings.quiet) for (const note of loaded.notes) process.stderr.write(`isoloss: ${note}\n`);
  const address = chosenQueue(queue);
  if (address) await requireQueue(address, loaded);
  return finish(await createSweepDirectory(out, loaded), settings);
}

export const sweep = { options, help, run };

async function finish(
  opened: Awaited<ReturnType<typeof openSweepDirectory>>,
  settings: Settings,
): Promise<Result> {
  const { directory } = opened;
  const queue = chosenQueue(settings.queue);
  if (!settings.quiet) await tellOfVersion(directory);
  const where = shellWord(relative(process.cwd(), directory) || ".");
  let document: SweepDocument;
  try {
    document = await runSweep(opened, { ...settings, queue });
  } catch (error) {
    throw isDiskError(error)
      ? new DataError(
          `${(error as Error).message} The sweep has stopped, and nothing of it is lost: once the disk takes files again, isoloss sweep --resume ${where} goes on.`,
          { cause: error },
        )
      : error;
  } finally {
    opened.close();
  }
  const faults = await faultsOfDirectory(directory);
  for (const fault of faults) process.stderr.write(`isoloss: the journal of ${directory}: ${fault}\n`);
  const text = [
    settings.detach
      ? `Sweep: ${relative(process.cwd(), directory) || "."}`
      : textOf(document, opened.loaded.file, searchEnd(opened, document)),
  ];
  if (document.status !== "interrupted") {
    return { document, text, exitCode: faults.length > 0 || isFailure(document) ? 1 : 0 };
  }
  const on =
    settings.queue === undefined ? "" : ` --queue ${shellWord((await loadQueue()).shown(settings.queue))}`;
  return {
    document,
    text,
    note: queue
      ? `the sweep goes on with its workers. Watch it again with\n  isoloss sweep --resume ${where}${on}\nor end it with\n  isoloss sweep --cancel ${where}${on}`
      : `interrupted. Resume with\n  isoloss sweep --resume ${where}`,
    exitCode: settings.detach ? 0 : interruptedCode,
  };
}

/** Warns where another version began the sweep: its numbers may be others. */
async function tellOfVersion(directory: string): Promise<void> {
  const path = sweepPaths(directory).environment;
  const begun = ((await readJsonFile(path).catch(() => ({}))) as Partial<Environment>).versions?.isoloss;
  if (begun === undefined || begun === programVersion()) return;
  process.stderr.write(
    `isoloss: isoloss ${begun} began this sweep, and ${programVersion()} goes on with it: runs of the two may differ in their numbers.\n`,
  );
}

/** Whether something failed or was lost, or nothing can be judged. */
const isFailure = ({ counts, failures, trials, best }: SweepDocument): boolean =>
  (counts.failed ?? 0) + (counts.lost ?? 0) + failures.length > 0 || best === null || trials.length === 0;

async function faultsIn(path: string): Promise<Result> {
  const directory = await requireSweep(path);
  const faults = await faultsOfDirectory(directory);
  return {
    document: { directory, faults },
    text: [faults.length === 0 ? "I1 to I5 hold." : faults.join("\n")],
    exitCode: faults.length === 0 ? 0 : 1,
  };
}

async function listed(out: string): Promise<Result> {
  const documents: SweepDocument[] = [];
  for (const directory of await sweepsIn(out)) {
    try {
      documents.push(sweepDocument(await readSweepDirectory(directory)));
    } catch (error) {
      // One that is damaged does not hide the others.
      if (!(error instanceof IsolossError)) throw error;
      process.stderr.write(`isoloss: ${error.message}\n`);
      process.exitCode = 1;
    }
  }
  const sweeps = documents.map((document) =>
    pick(document, ["name", "id", "directory", "status", "counts", "best", "seconds"]),
  );
  const none = `There are no sweeps in ${out}. --out names another folder.`;
  return { document: { sweeps }, text: [documents.length === 0 ? none : tableOf(columns, documents)] };
}

const columns: Columns<SweepDocument> = [
  ["", ({ directory }) => relative(process.cwd(), directory)],
  ["status", ({ status }) => (status === "running" ? "not ended" : status)],
  ["trials", ({ counts }) => countsText(counts)],
  ["best", ({ best }) => (best === null ? "-" : `${formatNumber(best.value)} (trial ${best.trial})`)],
];

/** Trials by their status: here none of them is under way any more. */
const countsText = (counts: SweepDocument["counts"]): string =>
  Object.entries(counts)
    .map(([status, count]) => `${count} ${status === "running" ? "not finished" : status}`)
    .join(", ");

/** What a sweep would do. */
interface CheckDocument {
  readonly name: string;
  /** `grid`, `random` or `sobol`. */
  readonly method: string;
  /** At most, as all that follows: the budget may end them sooner. */
  readonly trials: number;
  /** Of the search and of the confirmation, none of them pruned. */
  readonly runs: number;
  /** Of all runs; null where their length is not among the settings. */
  readonly steps: number | null;
  /** Of all runs in the lanes of `--jobs`; null without `runSeconds` in the file. */
  readonly hours: number | null;
  /** Names of the data sets that each computer needs. */
  readonly needs: readonly string[];
  /** Parameters of the first trials, five at most. */
  readonly samples: readonly Assignment[];
  readonly notes: readonly string[];
}

async function checked(loaded: LoadedSweep, { jobs = availableParallelism() }: Settings): Promise<Result> {
  const plan = checkDocument(loaded, jobs);
  const document = {
    ...plan,
    /** How the file was read. */
    notes: [...plan.notes, ...(await checkMetrics(loaded, plan.samples[0]))],
  };
  const { name, method, trials, runs, steps, hours, needs, samples, notes } = document;
  const part = partOfGrid(loaded.file);
  const { metric } = loaded.file;
  const all = [
    ...[
      `at most ${countText(trials, "trial")}${part ? ` (${part})` : ""}`,
      countText(runs, "run"),
      ...(steps === null ? [] : [`${steps} steps`]),
    ],
    ...(hours === null ? [] : [`${formatNumber(hours, 3)} hours with ${countText(jobs, "lane")}`]),
  ];
  const lines = [
    `${name}: ${method}, ${metric.name} ${metric.goal}d, ${all.join(", ")}`,
    ...notes,
    ...(needs.length > 0 ? [`Each computer needs the data of ${needs.join(", ")}.`] : []),
    "Trials such as",
    ...samples.map((sample) => `  ${JSON.stringify(sample)}`),
  ];
  return { document, text: [lines.join("\n")] };
}

function checkDocument(loaded: LoadedSweep, jobs: number): CheckDocument {
  const { file, notes, settingsOf } = loaded;
  const { name, method, seeds, confirm, budget, runSeconds } = file;
  const sampler = samplerOf(file);
  const trials = Math.min(budget.trials ?? Infinity, sampler.size);
  const fresh = confirm === false ? 0 : contendersIn(file, trials) * confirm.seeds.length;
  const samples: Assignment[] = Array.from({ length: Math.min(5, trials) }, (_, trial) => sampler.ask(trial));
  const runs = trials * seeds.length + fresh;
  const lengths = new Set(samples.map((sample) => settingsOf(sample).steps));
  const [length] = lengths;
  const isKnown = lengths.size === 1 && typeof length === "number";
  const hours = runSeconds === undefined ? null : (runs * runSeconds) / 3600 / jobs;
  const needs = needsOf(loaded.variant.settings);
  return { name, method, trials, runs, steps: isKnown ? runs * length : null, hours, needs, samples, notes };
}

/**
 * Whether runs have the numbers that trials are ranked and judged by: the first trial runs for one step. Sentences, where that is not known.
 *
 * @throws ConfigError for a name that runs have no number of
 */
async function checkMetrics(loaded: LoadedSweep, parameters: Assignment): Promise<string[]> {
  const { file, experiment, error } = loaded;
  const place = { id: "", place: "", seed: file.seeds[0] as number, isConfirming: false };
  const { job, metrics } = planSweep(loaded).requestOf({ ...place, parameters });
  const unknown = (why: string) => [`Whether runs have ${metrics.join(" and ")} was not checked: ${why}`];
  if (!("steps" in kinds[experiment.kind].settings))
    return unknown(`runs of the kind ${job.kind} have no steps to limit.`);
  const { best: _, earlyStopping: __, epochs: ___, ...settings } = job.settings;
  const short = { ...settings, steps: 1, ...("pretrain" in settings ? { pretrain: null } : {}) };
  try {
    const { document } = await executeJob(
      { ...job, settings: short, checkpointSeconds: 1e9 },
      { progress() {}, shouldStop: () => false },
    );
    if (document.status !== "completed") return unknown(`one step of the first trial ${document.status}.`);
    const missing = missingMetric(document, metrics);
    if (missing === undefined) return [];
    const { name, message } = missing;
    if (isOfLongRuns(name)) return unknown(`${name} is not of the one step that was tried.`);
    throw error([{ path: name === file.metric.name ? ["metric", "name"] : ["confirm", "metric"], message }]);
  } catch (thrown) {
    if (thrown instanceof ConfigError) throw thrown;
    return unknown(`one step of the first trial failed: ${(thrown as Error).message}`);
  }
}

/** Those that run on fresh seeds at most, the baseline among them. */
function contendersIn({ confirm, parameters }: SweepFile, trials: number): number {
  if (confirm === false) return 0;
  const { each, best, baseline } = confirm;
  if (each === undefined) return Math.min(best, trials) + 1;
  const parameter = parameters[each] as Parameter;
  const others = otherValues(parameter, baseline[each]);
  // Where it is off, the experiment's own setting is another value.
  return Math.min(others + (parameter.when ? 1 : 0), trials) + 1;
}

/** How many values a parameter has besides one. */
function otherValues(parameter: Parameter, value: Json): number {
  if ("value" in parameter) return isDeepStrictEqual(parameter.value, value) ? 0 : 1;
  const { bins } = axisOf(parameter);
  if (bins === undefined) return Number.POSITIVE_INFINITY;
  return bins.count - (holds(bins, value) ? 1 : 0);
}

/** @param ended sentences on the end of the search */
function textOf(document: SweepDocument, file: SweepFile, ended: readonly string[]): string {
  const { counts, best, confirmed, failures, directory, seconds, report, status } = document;
  const place = (path: string) => relative(process.cwd(), path) || ".";
  const lines = [
    `${countsText(counts)} in ${formatDuration(seconds)}`,
    ...ended,
    ...(best === null
      ? ["No trial was completed."]
      : [
          `Best: trial ${best.trial}, ${file.metric.name} ${formatNumber(best.value)}, ${JSON.stringify(best.parameters)}`,
        ]),
    ...edgesOf(file, document),
    ...leftOut(file, document),
    ...(confirmed.length > 0
      ? confirmed.map(({ judgment, text: sentence }) => `${judgment}: ${sentence}`)
      : best === null || status === "interrupted"
        ? []
        : ["Nothing was confirmed on fresh seeds: the best value is that of the luckiest trial."]),
    ...failures.map(
      ({ contender, seed, status, error }) =>
        `${contender === "baseline" ? "The baseline" : `Trial ${contender}`} ${status} on the fresh seed ${seed}: ${error}`,
    ),
    `Sweep: ${place(directory)}`,
    ...(report === null ? [] : [`Report: ${place(report)}`]),
  ];
  return lines.join("\n");
}
