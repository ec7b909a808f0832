import { availableParallelism } from "node:os";
import { relative } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { DataError, IsolossError, OptionError } from "isoloss";
import { ConfigError } from "../config/errors.js";
import { needsOf } from "../experiments/catalogue/needs.js";
import { executeJob } from "../experiments/jobs/job.js";
import { kinds } from "../experiments/kinds/kinds.js";
import { formatDuration, formatNumber } from "../experiments/results/format-number.js";
import { textTable } from "../experiments/results/table.js";
import { interruptedCode } from "../interrupt.js";
import { isDiskError } from "../run/disk.js";
import type { Environment } from "../run/environment.js";
import type { Json } from "../run/json-lines.js";
import { readJsonFile } from "../run/read.js";
import { shellWord } from "../shell-word.js";
import { axisOf, holds } from "../sweep/axis.js";
import { leftOut } from "../sweep/caveats.js";
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
import { edgesOf } from "../sweep/edges.js";
import { type LoadedSweep, loadSweep } from "../sweep/load.js";
import { isOfLongRuns, missingMetric } from "../sweep/metric.js";
import { planSweep, programVersion } from "../sweep/plan.js";
import { attachSweep, chosenQueue, loadQueue, queueAddress, requireQueue } from "../sweep/queue.js";
import { runSweep } from "../sweep/run-sweep.js";
import { samplerOf } from "../sweep/samplers/sampler.js";
import { partOfGrid, searchEnd } from "../sweep/search-end.js";
import type { Assignment, Parameter, SweepFile } from "../sweep/types.js";
import { closeOnQueue, listOnQueue } from "./sweep-on-queue.js";

export interface SweepOptions {
  /** Default one for each core, beside a queue none. */
  readonly jobs?: number;
  /** Default sweeps. */
  readonly out?: string;
  readonly set: readonly string[];
  readonly trials?: number;
  readonly check: boolean;
  readonly resume?: string;
  readonly verify?: string;
  readonly list: boolean;
  /** Address of a server: workers compute. */
  readonly queue?: string;
  /** Leaves the sweep to its workers at once. */
  readonly detach?: boolean;
  /** Id of a sweep on the server, which goes on here. */
  readonly attach?: string;
  /** Directory of a sweep on the server, which ends for all. */
  readonly cancel?: string;
  /** The same, by its id. */
  readonly close?: string;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly script?: URL;
}

/** `isoloss sweep`: runs, resumes, checks, verifies or lists sweeps. */
export async function sweep(target: string | undefined, options: SweepOptions): Promise<void> {
  const { resume, verify, list, check, json, queue, attach, cancel, close, out = "sweeps" } = options;
  const modes = [target, resume, verify, attach, cancel, close, list ? "list" : undefined];
  if (modes.filter((mode) => mode !== undefined).length !== 1) {
    throw new OptionError(
      "Give a sweep's YAML file, or one of --resume DIR, --verify DIR, --list, and of a sweep on a server --attach ID, --cancel DIR, --close ID.",
    );
  }
  if (target === undefined && (options.set.length > 0 || options.trials !== undefined || check)) {
    throw new OptionError("--set, --trials and --check are for a sweep's YAML file.");
  }
  if (options.out !== undefined && target === undefined && !list && attach === undefined) {
    throw new OptionError("--out is for a sweep's YAML file, --list and --attach: others have a directory.");
  }
  if (options.jobs !== undefined && target === undefined && resume === undefined && attach === undefined) {
    throw new OptionError("--jobs is for what computes: a sweep's YAML file, --resume and --attach.");
  }
  if (options.detach && !chosenQueue(queue)) {
    throw new OptionError(
      "--detach leaves a sweep to the workers of a server: give its address with --queue.",
    );
  }
  if (options.detach && options.jobs !== undefined) {
    throw new OptionError(
      "--detach leaves all runs to the workers of a server, and --jobs computes here: give one of them.",
    );
  }
  if (cancel !== undefined || close !== undefined) return closeOnQueue({ cancel, close }, queue, json);
  if (attach !== undefined) return finish(await attachSweep(out, attach, queueAddress(queue)), options);
  if (list && queue !== undefined) return listOnQueue(queue, json);
  if (list) return printList(out, json);
  if (verify !== undefined) return printFaults(verify, json);
  if (resume !== undefined) {
    return finish(await openSweepDirectory(resume), options);
  }
  const { trials } = options;
  const set = trials === undefined ? options.set : [...options.set, `budget.trials=${trials}`];
  const loaded = await loadSweep(target as string, set);
  if (check) return await printCheck(loaded, options);
  if (!options.quiet) for (const note of loaded.notes) process.stderr.write(`isoloss: ${note}\n`);
  const address = chosenQueue(queue);
  if (address) await requireQueue(address, loaded);
  return finish(await createSweepDirectory(out, loaded), options);
}

async function finish(
  opened: Awaited<ReturnType<typeof openSweepDirectory>>,
  options: SweepOptions,
): Promise<void> {
  const { directory } = opened;
  const queue = chosenQueue(options.queue);
  if (!options.quiet) await tellOfVersion(directory);
  const where = shellWord(relative(process.cwd(), directory) || ".");
  let document: SweepDocument;
  try {
    document = await runSweep(opened, { ...options, queue });
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
  const said = options.detach
    ? `Sweep: ${relative(process.cwd(), directory) || "."}\n`
    : text(document, opened.loaded.file, searchEnd(opened, document));
  process.stdout.write(options.json ? `${JSON.stringify(document)}\n` : said);
  if (document.status === "interrupted") {
    const on =
      options.queue === undefined ? "" : ` --queue ${shellWord((await loadQueue()).shown(options.queue))}`;
    process.stderr.write(
      queue
        ? `isoloss: the sweep goes on with its workers. Watch it again with\n  isoloss sweep --resume ${where}${on}\nor end it with\n  isoloss sweep --cancel ${where}${on}\n`
        : `isoloss: interrupted. Resume with\n  isoloss sweep --resume ${where}\n`,
    );
    process.exitCode = options.detach ? 0 : interruptedCode;
  } else if (faults.length > 0 || isFailure(document)) process.exitCode = 1;
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

async function printFaults(path: string, json: boolean): Promise<void> {
  const directory = await requireSweep(path);
  const faults = await faultsOfDirectory(directory);
  if (json) process.stdout.write(`${JSON.stringify({ directory, faults })}\n`);
  else process.stdout.write(faults.length === 0 ? "I1 to I5 hold.\n" : faults.map((f) => `${f}\n`).join(""));
  if (faults.length > 0) process.exitCode = 1;
}

async function printList(out: string, json: boolean): Promise<void> {
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
  if (json) {
    const sweeps = documents.map(({ name, id, directory, status, counts, best, seconds }) => ({
      ...{ name, id, directory, status, counts, best, seconds },
    }));
    process.stdout.write(`${JSON.stringify({ sweeps })}\n`);
    return;
  }
  if (documents.length === 0) {
    process.stdout.write(`There are no sweeps in ${out}. --out names another folder.\n`);
    return;
  }
  const rows = documents.map(({ directory, status, counts, best }) => [
    relative(process.cwd(), directory),
    status === "running" ? "not ended" : status,
    countsText(counts),
    best === null ? "-" : `${formatNumber(best.value)} (trial ${best.trial})`,
  ]);
  process.stdout.write(`${textTable(["", "status", "trials", "best"], rows)}\n`);
}

/** Trials by their status: here none of them is under way any more. */
const countsText = (counts: SweepDocument["counts"]): string =>
  Object.entries(counts)
    .map(([status, count]) => `${count} ${status === "running" ? "not finished" : status}`)
    .join(", ");

/** What a sweep would do. */
interface CheckDocument {
  readonly name: string;
  readonly method: string;
  /** null: as many as the time allows. */
  readonly trials: number | null;
  /** Of the search and of the confirmation, none of them pruned. */
  readonly runs: number | null;
  /** Of all runs; null where their length is not among the settings. */
  readonly steps: number | null;
  /** Of all runs in the lanes of `--jobs`; null without `runSeconds` in the file. */
  readonly hours: number | null;
  /** Names of the data sets that each computer needs. */
  readonly needs: readonly string[];
  readonly samples: readonly Assignment[];
  readonly notes: readonly string[];
}

async function printCheck(
  loaded: LoadedSweep,
  { json, jobs = availableParallelism() }: SweepOptions,
): Promise<void> {
  const checked = checkDocument(loaded, jobs);
  const document = {
    ...checked,
    notes: [...checked.notes, ...(await checkMetrics(loaded, checked.samples[0]))],
  };
  if (json) {
    process.stdout.write(`${JSON.stringify(document)}\n`);
    return;
  }
  const { name, method, trials, runs, steps, hours, needs, samples, notes } = document;
  const part = partOfGrid(loaded.file);
  const { metric } = loaded.file;
  const all = [
    ...[
      `${trials} trials${part ? ` (${part})` : ""}`,
      `at most ${runs} runs`,
      ...(steps === null ? [] : [`${steps} steps`]),
    ],
    ...(hours === null
      ? []
      : [`${formatNumber(hours, 3)} hours with ${jobs === 1 ? "1 lane" : `${jobs} lanes`}`]),
  ];
  const lines = [
    `${name}: ${method}, ${metric.name} ${metric.goal}d, ${all.join(", ")}`,
    ...notes,
    ...(needs.length > 0 ? [`Each computer needs the data of ${needs.join(", ")}.`] : []),
    "Trials such as",
    ...samples.map((sample) => `  ${JSON.stringify(sample)}`),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

function checkDocument(loaded: LoadedSweep, jobs: number): CheckDocument {
  const { file, notes, settingsOf } = loaded;
  const { name, method, seeds, confirm, budget, runSeconds } = file;
  const sampler = samplerOf(file);
  const trials = Math.min(budget.trials ?? Infinity, sampler.size);
  const fresh = confirm === false ? 0 : contendersIn(file, trials) * confirm.seeds.length;
  const history = { status: "running" } as const;
  const samples: Assignment[] = [];
  for (let trial = 0; trial < Math.min(5, trials); trial++) {
    samples.push(
      sampler.ask(
        samples.map((parameters, i) => ({ trial: i, parameters, ...history })),
        trial,
      ),
    );
  }
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
function text(document: SweepDocument, file: SweepFile, ended: readonly string[]): string {
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
  return `${lines.join("\n")}\n`;
}
