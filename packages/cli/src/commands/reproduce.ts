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
import { formatDuration } from "../experiments/results/format-number.js";
import { textList } from "../experiments/results/table.js";
import { interruptedCode } from "../interrupt.js";
import { shellWord } from "../shell-word.js";
import { askedIn, hasEndedRuns, openEndedRuns } from "../sweep/ended-runs.js";
import { chosenQueue } from "../sweep/queue.js";
import { queuedJobs } from "../sweep/queued-jobs.js";

export interface ReproduceOptions {
  readonly list: boolean;
  readonly quick: boolean;
  readonly strict: boolean;
  readonly jobs: number;
  /** Left out: reproduced, or the next reproduced-2, ... without a report. */
  readonly out?: string;
  /** The folder of one that was killed or interrupted, which goes on. */
  readonly resume?: string;
  /** Address of a server: workers compute. */
  readonly queue?: string;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly script?: URL;
}

/** What `--json` prints. */
export interface ReproduceDocument extends ExperimentsDocument {
  readonly quick: boolean;
}

/** `isoloss reproduce`: the papers' experiments against the numbers that are expected of them. */
export async function reproduce(names: readonly string[], options: ReproduceOptions): Promise<void> {
  const { list, quiet, script, jobs: threads, resume } = options;
  if (resume !== undefined && (names.length > 0 || list || options.quick || options.out !== undefined)) {
    throw new OptionError(
      "--resume goes on with what its folder was begun with: leave out the experiments, --list, --quick and --out.",
    );
  }
  const begun = resume === undefined ? undefined : await askedIn(resume);
  const { quick } = begun ?? options;
  const wanted = begun?.names ?? (names.length > 0 ? [...new Set(names)] : packagedNames());
  for (const name of wanted) findExperiment(name);
  if (list) return printList(wanted, options.json);
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
  const out = resolve(resume ?? options.out ?? freeFolder());
  const queue = chosenQueue(options.queue);
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
      ...{ out, threads, quiet, ended, ...(script ? { script } : {}) },
      elsewhere: queue && queuedJobs(queue),
    });
    await tell(batch, { ...options, out, quick, wanted });
    const isWhole = batch.outcomes.every(({ status }) => status === "completed");
    if (isWhole) await ended.remove();
  } finally {
    ended.close();
  }
}

/** Writes the report of what ran, and prints it. */
async function tell(
  batch: Batch,
  {
    out,
    quick,
    wanted,
    json,
    strict,
  }: Pick<ReproduceOptions, "quick" | "json" | "strict"> & {
    readonly out: string;
    readonly wanted: readonly string[];
  },
): Promise<void> {
  const { outcomes, seconds } = batch;
  const heading = headingOf(outcomes, wanted.every(isPackaged));
  const hasExpected = outcomes.some(({ verdicts }) => verdicts.length > 0);
  const report = await writeReport(batch, out, {
    ...heading,
    lead:
      `${numberOf(outcomes)} in ${formatDuration(seconds)}${quick ? ", with the small settings of --quick" : ""}. ` +
      `Every number was measured in this run${hasExpected ? ", but for those in columns called expected" : ""}.`,
    tellsPasses: true,
  });
  const document = { quick, ...experimentsDocument(batch, report, heading.answer) };
  process.stdout.write(json ? `${JSON.stringify(document)}\n` : text(batch, document, heading));
  process.exitCode = exitCodeOf(outcomes, document, strict);
  if (process.exitCode === interruptedCode) {
    const where = shellWord(relative(process.cwd(), out) || ".");
    process.stderr.write(`isoloss: interrupted. Resume with\n  isoloss reproduce --resume ${where}\n`);
  }
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

async function printList(names: readonly string[], json: boolean): Promise<void> {
  const experiments = await Promise.all(names.map((name) => loadExperiment(name)));
  if (json) {
    const entries = experiments.map(({ name, title, source, kind }) => ({ name, title, source, kind }));
    process.stdout.write(`${JSON.stringify({ experiments: entries })}\n`);
    return;
  }
  const entries = experiments.map(({ name, title, source }): [string, string] => {
    const where = source ? ` (${source.paper}${source.where ? `, ${source.where}` : ""})` : "";
    return [name, `${title ?? name}${where}`];
  });
  process.stdout.write(`${textList(entries, "")}\n`);
}

const numberOf = ({ length }: Batch["outcomes"]): string =>
  length === 1 ? "1 experiment" : `${length} experiments`;

function text(
  { outcomes, seconds }: Batch,
  { counts, report }: Pick<ReproduceDocument, "counts" | "report">,
  { question, answer }: Heading,
): string {
  const blocks = [
    ...(answer === undefined ? [] : [[...(question === undefined ? [] : [question]), answer].join("\n")]),
    ...outcomes.map((outcome) => outcomeText(outcome, { tellsPasses: true })),
  ];
  const passes = counts
    ? `${counts.pass} pass, ${counts.differs} differ, ${counts["not reproducible"]} not reproducible; `
    : "";
  const end = `${passes}${numberOf(outcomes)} in ${formatDuration(seconds)}.\nReport: ${relative(process.cwd(), report)}\n`;
  return `${[...blocks, end].join("\n\n")}`;
}
