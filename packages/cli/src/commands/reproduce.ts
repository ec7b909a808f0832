import { join, relative, resolve } from "node:path";
import { writeFileAtomic } from "isoloss/node";
import pc from "picocolors";
import { findExperiment, loadExperiment, packagedNames } from "../experiments/find.js";
import { kinds } from "../experiments/kinds.js";
import { duration } from "../experiments/number-text.js";
import { type ExperimentOutcome, outcomeFigures, runExperiment } from "../experiments/outcome.js";
import { byBaseline, type RatesResult, rateSentences } from "../experiments/rates.js";
import { reproduceReport } from "../experiments/report.js";
import { resolveExperiment } from "../experiments/resolve.js";
import { errorOfRun, interruptedCode, runSession } from "../experiments/session.js";
import { summaryTable } from "../experiments/summary.js";
import { textList } from "../experiments/table.js";
import { textOfTable } from "../experiments/together.js";
import { prepareFolder } from "../output.js";
import { createProgress } from "../progress.js";

export interface ReproduceOptions {
  readonly list: boolean;
  readonly quick: boolean;
  readonly strict: boolean;
  readonly jobs: number;
  readonly out: string;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly script?: URL;
}

/** What `--json` prints. */
export interface ReproduceDocument {
  /** Absolute path of the report. */
  readonly report: string;
  readonly quick: boolean;
  readonly seconds: number;
  readonly counts: Readonly<Record<"pass" | "differs" | "not reproducible", number>>;
  readonly experiments: readonly {
    readonly name: string;
    readonly status: ExperimentOutcome["status"];
    readonly verdicts: readonly {
      readonly outcome: "pass" | "differs" | "not reproducible";
      readonly variant: string | null;
      readonly seed: number | null;
      readonly path: string;
      readonly measured: number | null;
      readonly expected: number | null;
      readonly text: string;
      readonly source: string;
    }[];
    /** Comparisons at tuned rates, by their baselines. */
    readonly rates: Readonly<Record<string, RatesResult>>;
    readonly errors: readonly string[];
  }[];
}

/** `isoloss reproduce`: the papers' experiments against the numbers that are expected of them. */
export async function reproduce(names: readonly string[], options: ReproduceOptions): Promise<void> {
  const { list, quick, quiet, script, jobs: threads } = options;
  const wanted = names.length > 0 ? names : packagedNames();
  for (const name of wanted) findExperiment(name);
  if (list) return printList(wanted, options.json);
  const out = resolve(options.out);
  await prepareFolder(out);
  const progress = createProgress(process.stderr);
  const begin = performance.now();
  const outcomes: ExperimentOutcome[] = [];
  for (const name of wanted) {
    const resolved = resolveExperiment(await loadExperiment(name), { quick });
    if (!quiet) progress.line(`${resolved.name}: ${resolved.title}`);
    const session = (jobs: Parameters<typeof runSession>[0]) =>
      runSession(jobs, { threads, quiet, ...(script ? { script } : {}) });
    const outcome = await runExperiment(resolved, { session, out: join(out, "runs") });
    outcomes.push(outcome);
    if (outcome.status === "interrupted") break;
  }
  const seconds = (performance.now() - begin) / 1000;
  const report = join(out, "report.html");
  const figures = new Map<ExperimentOutcome, readonly string[]>();
  for (const outcome of outcomes) {
    if (outcome.results.length === 0) continue;
    const folder = join(out, "figures");
    await prepareFolder(folder);
    for (const { name, svg } of await outcomeFigures(outcome, "light")) {
      await writeFileAtomic(join(folder, `${outcome.resolved.name}-${name}.svg`), svg);
    }
    figures.set(
      outcome,
      (await outcomeFigures(outcome, "auto")).map(({ svg }) => svg),
    );
  }
  await writeFileAtomic(report, reproduceReport(outcomes, figures, { quick, seconds }));
  const document = documentOf(outcomes, { report, quick, seconds });
  process.stdout.write(options.json ? `${JSON.stringify(document)}\n` : text(outcomes, document));
  process.exitCode = exitCodeOf(outcomes, document, options.strict);
}

function exitCodeOf(
  outcomes: readonly ExperimentOutcome[],
  { counts }: ReproduceDocument,
  strict: boolean,
): number {
  if (outcomes.some((o) => o.status === "interrupted")) return interruptedCode;
  if (outcomes.some((o) => o.status === "failed")) return 1;
  return strict && counts.differs > 0 ? 1 : 0;
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

function documentOf(
  outcomes: readonly ExperimentOutcome[],
  rest: Pick<ReproduceDocument, "report" | "quick" | "seconds">,
): ReproduceDocument {
  const counts = { pass: 0, differs: 0, "not reproducible": 0 };
  for (const { verdicts } of outcomes) for (const { outcome } of verdicts) counts[outcome] += 1;
  return {
    ...rest,
    counts,
    experiments: outcomes.map(({ resolved, status, verdicts, rates, errors }) => ({
      name: resolved.name,
      status,
      verdicts: verdicts.map(({ outcome, expected, measured, text: sentence }) => ({
        outcome,
        variant: expected.variant ?? null,
        seed: expected.seed ?? null,
        path: expected.path,
        measured: measured !== undefined && Number.isFinite(measured) ? measured : null,
        expected: expected.value ?? null,
        text: sentence,
        source: expected.source,
      })),
      rates: byBaseline(rates),
      errors: errors.map(({ error, job }) => (errorOfRun(error, job) as Error).message),
    })),
  };
}

function text(
  outcomes: readonly ExperimentOutcome[],
  { counts, report, seconds }: ReproduceDocument,
): string {
  // picocolors also colours what goes to a pipe on a CI server.
  const hasColour = pc.isColorSupported && (process.stdout.isTTY || Boolean(process.env.FORCE_COLOR));
  const colours = pc.createColors(hasColour);
  const paint = { pass: colours.green, differs: colours.red, "not reproducible": colours.yellow };
  const blocks = outcomes.map((outcome) => {
    const { resolved, status, results, rates, verdicts, errors } = outcome;
    const lines = [colours.bold(`${resolved.name}: ${resolved.title}`)];
    if (status !== "completed") lines.push(colours.yellow(`${status}: ${reasonOf(outcome)}`));
    if (results.length > 0) lines.push(summaryTable(results));
    lines.push(...(kinds[resolved.kind].together?.tables?.(results) ?? []).map(textOfTable));
    for (const v of verdicts) lines.push(`${paint[v.outcome](v.outcome)}  ${v.text}`);
    lines.push(...rates.flatMap(rateSentences));
    if (status === "failed")
      for (const { error, job } of errors.slice(1)) lines.push((errorOfRun(error, job) as Error).message);
    return lines.join("\n");
  });
  const end =
    `${counts.pass} pass, ${counts.differs} differ, ${counts["not reproducible"]} not reproducible; ` +
    `${outcomes.length} experiments in ${duration(seconds)}.\nReport: ${relative(process.cwd(), report)}\n`;
  return `${[...blocks, end].join("\n\n")}`;
}

/** Why an experiment has no verdicts. */
export function reasonOf({ status, errors }: ExperimentOutcome): string {
  if (status === "interrupted") return "Ctrl-C";
  const [first] = errors;
  if (first === undefined) return "no run";
  const message = (errorOfRun(first.error, first.job) as Error).message;
  if (status !== "skipped") return message;
  const name = (first.job.settings.data as { readonly name?: string } | undefined)?.name ?? "the data set";
  return `${name} is not on this computer. Get it with: isoloss data fetch ${name}`;
}
