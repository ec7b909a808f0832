import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { OptionError } from "isoloss";
import { findExperiment, isPackaged, loadExperiment, packagedNames } from "../experiments/definition/find.js";
import { resolveExperiment } from "../experiments/definition/resolve.js";
import { type Batch, environmentOf, runBatch, writeReport } from "../experiments/report/batch.js";
import { type ExperimentsDocument, experimentsDocument } from "../experiments/report/document.js";
import { answerOf, questionOf } from "../experiments/report/findings.js";
import type { ExperimentOutcome } from "../experiments/report/outcome.js";
import { outcomeText } from "../experiments/report/outcome-text.js";
import { requireRates } from "../experiments/report/rates.js";
import type { ReportText } from "../experiments/report/report.js";
import { countText, formatDuration } from "../experiments/results/format-number.js";
import { textList } from "../experiments/results/table.js";
import { interruptedCode } from "../interrupt.js";
import { flag, json, type Values, value } from "../option-rows.js";
import { requireNew } from "../output.js";
import { positiveInteger } from "../parse.js";
import { shellWord } from "../shell-word.js";
import { askedIn, hasEndedRuns, openEndedRuns } from "../sweep/ended-runs.js";
import { chosenQueue } from "../sweep/queue.js";
import { queuedJobs } from "../sweep/queued-jobs.js";
import type { Context, Result } from "./command.js";

const options = {
  list: flag("only print the experiments that exist"),
  quick: flag("small settings: all of them within two minutes"),
  strict: flag("exit code 1 when a number differs"),
  jobs: value(
    "<n>",
    "runs at the same time, each in a thread; timings are fairer with 1",
    positiveInteger,
    1,
  ),
  out: value(
    "<dir>",
    "folder for the report, the figures and the runs (default: reproduced, then reproduced-2, ...)",
  ),
  force: flag("replace the report that a folder of --out has"),
  resume: value("<dir>", "go on in the folder of one that was killed or interrupted"),
  queue: value("<url>", "leave the runs to the workers of this server, see isoloss worker"),
  json: json(),
  quiet: flag("no progress on stderr"),
};

type Settings = Values<typeof options> & Context;

const help = `Without names, all experiments that come with isoloss. Each expected number is
  pass              within its tolerance
  differs           outside its tolerance; an error only with --strict
  not reproducible  not available: data are missing, or no paper states the settings
An experiment whose data are not on this computer is skipped. The report is one HTML page with figures, tables, settings
and verdicts; an experiment with a grid of learning rates is compared with the plain optimizer at its tuned rate, which
answers for a file of yours with the key rates whether its variants help. That answer is the first sentence of its report.

The report that a folder of --out has is replaced by --force alone. The folder keeps the runs that have ended until all
experiments are complete: --resume computes none of them again, a run that was under way goes on from its checkpoint, and the
report is that of a reproduction that was not interrupted. Experiments and data are read again: runs whose settings or data have
changed count as new ones.

The document of --json: verdict, report (path), quick, seconds, counts {pass, differs, not reproducible}, experiments [{name,
status, findings [{title, judgment, text}], verdicts [{outcome, variant, seed, path, measured, expected, text, source}],
rates, errors}].

Examples:
  isoloss reproduce --list
  isoloss reproduce booth rosenbrock --out /tmp/functions
  isoloss reproduce my-experiment.yaml
  isoloss reproduce --quick --strict`;

/** What `--json` prints. */
export interface ReproduceDocument extends ExperimentsDocument {
  readonly quick: boolean;
}

/** `isoloss reproduce`: the papers' experiments against the numbers that are expected of them. */
async function run(names: readonly string[], settings: Settings): Promise<Result> {
  const { list, quiet, script, jobs: threads, resume } = settings;
  if (resume !== undefined && (names.length > 0 || list || settings.quick || settings.out !== undefined)) {
    throw new OptionError(
      "--resume goes on with what its folder was begun with: leave out the experiments, --list, --quick and --out.",
    );
  }
  const begun = resume === undefined ? undefined : await askedIn(resume);
  const { quick } = begun ?? settings;
  const wanted = begun?.names ?? (names.length > 0 ? [...new Set(names)] : packagedNames());
  for (const name of wanted) findExperiment(name);
  if (list) return listed(wanted);
  const experiments = [];
  for (const name of wanted) experiments.push(resolveExperiment(await loadExperiment(name), { quick }));
  requireOwnNames(wanted, experiments);
  for (const { name, rates, variants } of experiments) {
    if (rates.length === 0 || variants.length > 1) continue;
    throw new OptionError(
      `${name}: there is nothing to compare: rates has one variant alone, ${variants[0].name}; add another under variants.`,
    );
  }
  // Before the runs, not after them.
  for (const resolved of experiments) await requireRates(resolved);
  const out = resolve(resume ?? settings.out ?? freeFolder());
  if (settings.out !== undefined) requireNew(join(settings.out, "report.html"), settings);
  const queue = chosenQueue(settings.queue);
  const asked = begun ?? {
    names: wanted.map((name) => (isPackaged(name) ? name : resolve(findExperiment(name)))),
    quick,
    environment: environmentOf(experiments),
  };
  const ended = await openEndedRuns(out, asked, { isNew: begun === undefined });
  try {
    if (begun && !quiet) {
      process.stderr.write(
        `isoloss: ${ended.count} runs have ended in ${relative(process.cwd(), out) || "."}: those of the same settings and data are not computed again.\n`,
      );
    }
    const batch = await runBatch(experiments, {
      out,
      threads,
      quiet,
      ended,
      script,
      elsewhere: queue && queuedJobs(queue),
    });
    const result = await reported(batch, { strict: settings.strict, out, quick, wanted });
    const isWhole = batch.outcomes.every(({ status }) => status === "completed");
    if (isWhole) await ended.remove();
    return result;
  } finally {
    ended.close();
  }
}

export const reproduce = { options, help, run };

/** Writes the report of what ran. */
async function reported(
  batch: Batch,
  {
    out,
    quick,
    wanted,
    strict,
  }: Pick<Settings, "quick" | "strict"> & {
    readonly out: string;
    readonly wanted: readonly string[];
  },
): Promise<Result> {
  const { outcomes, seconds } = batch;
  const heading = headingOf(outcomes, wanted.every(isPackaged));
  const hasExpected = outcomes.some(({ verdicts }) => verdicts.length > 0);
  const report = await writeReport(batch, out, {
    ...heading,
    lead:
      `${countText(outcomes.length, "experiment")} in ${formatDuration(seconds)}${quick ? ", with the small settings of --quick" : ""}. ` +
      `Every number was measured in this run${hasExpected ? ", but for those in columns called expected" : ""}.`,
    tellsPasses: true,
  });
  const document = { quick, ...experimentsDocument(batch, report, heading.answer) };
  const exitCode = exitCodeOf(outcomes, document, strict);
  const where = shellWord(relative(process.cwd(), out) || ".");
  return {
    document,
    text: textOf(batch, document, heading),
    exitCode,
    note:
      exitCode === interruptedCode
        ? `interrupted. Resume with\n  isoloss reproduce --resume ${where}`
        : undefined,
  };
}

/** A folder without a report, and without runs that one was to be of, so that none is replaced. */
function freeFolder(): string {
  const name = "reproduced";
  for (let n = 1; ; n++) {
    const folder = n === 1 ? name : `${name}-${n}`;
    if (!existsSync(join(folder, "report.html")) && !hasEndedRuns(folder)) return folder;
  }
}

type Heading = Pick<ReportText, "title" | "question" | "answer">;

/** Of one experiment of the user's own its title, its question and the answer. */
function headingOf(outcomes: readonly ExperimentOutcome[], arePackaged: boolean): Heading {
  if (arePackaged) return { title: "Isoloss: the papers' experiments, run here" };
  const [first, ...others] = outcomes;
  if (others.length > 0) return { title: outcomes.map(({ resolved }) => resolved.title).join("; ") };
  return { title: first.resolved.title, question: questionOf(first), answer: answerOf(first) };
}

/** @throws OptionError where one experiment would overwrite the figures of another */
function requireOwnNames(files: readonly string[], experiments: readonly { readonly name: string }[]): void {
  for (const [i, { name }] of experiments.entries()) {
    const first = experiments.findIndex((other) => other.name === name);
    if (first === i) continue;
    throw new OptionError(
      `${files[first]} and ${files[i]} have the same name, ${name}: give one of them another, or run them one by one with --out.`,
    );
  }
}

function exitCodeOf(
  outcomes: readonly ExperimentOutcome[],
  { counts }: ReproduceDocument,
  strict: boolean,
): number {
  if (outcomes.some((o) => o.status === "interrupted")) return interruptedCode;
  if (outcomes.some((o) => o.status === "failed")) return 1;
  return strict && counts && counts.differs > 0 ? 1 : 0;
}

async function listed(names: readonly string[]): Promise<Result> {
  const experiments = await Promise.all(names.map((name) => loadExperiment(name)));
  const entries = experiments.map(({ name, title, source }): [string, string] => {
    const where = source ? ` (${source.paper}${source.where ? `, ${source.where}` : ""})` : "";
    return [name, `${title ?? name}${where}`];
  });
  return {
    document: {
      experiments: experiments.map(({ name, title, source, kind }) => ({ name, title, source, kind })),
    },
    text: [textList(entries, "")],
  };
}

function textOf(
  { outcomes, seconds }: Batch,
  { counts, report }: Pick<ReproduceDocument, "counts" | "report">,
  { question, answer }: Heading,
): string[] {
  const blocks = [
    ...(answer === undefined ? [] : [[...(question === undefined ? [] : [question]), answer].join("\n")]),
    ...outcomes.map((outcome) => outcomeText(outcome, { tellsPasses: true })),
  ];
  const passes = counts
    ? `${counts.pass} pass, ${counts.differs} differ, ${counts["not reproducible"]} not reproducible; `
    : "";
  const end = `${passes}${countText(outcomes.length, "experiment")} in ${formatDuration(seconds)}.\nReport: ${relative(process.cwd(), report)}`;
  return [...blocks, end];
}
