import { relative, resolve } from "node:path";
import { demoNames, loadExperiment } from "../experiments/definition/find.js";
import { resolveExperiment } from "../experiments/definition/resolve.js";
import { interruptedCode } from "../experiments/jobs/session.js";
import { runBatch, writeReport } from "../experiments/report/batch.js";
import { type ExperimentsDocument, experimentsDocument } from "../experiments/report/document.js";
import { conclusionOf, findingsOf } from "../experiments/report/findings.js";
import type { ExperimentOutcome } from "../experiments/report/outcome.js";
import { outcomeText, paints } from "../experiments/report/outcome-text.js";
import { formatDuration } from "../experiments/results/format-number.js";

export interface DemoOptions {
  readonly out: string;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly script?: URL;
}

/** What `--json` prints: see the help of the command. */
export interface DemoDocument extends ExperimentsDocument {
  readonly name: "demo";
  /** All findings in one sentence. */
  readonly verdict: string;
}

/**
 * `isoloss demo`: small experiments with and without teleports, each with a verdict, and a report.
 *
 * @param names which of them; default all
 */
export async function demo(names: readonly string[], options: DemoOptions): Promise<void> {
  const { quiet, json, script } = options;
  const wanted = names.length > 0 ? names : demoNames;
  const experiments = [];
  for (const name of wanted) experiments.push(resolveExperiment(await loadExperiment(`demo/${name}`)));
  const out = resolve(options.out);
  const batch = await runBatch(experiments, { out, quiet, threads: 1, ...(script ? { script } : {}) });
  const { outcomes, seconds } = batch;
  const report = await writeReport(batch, out, {
    title: "Isoloss: with and without teleports",
    lead:
      `${outcomes.length} experiments in ${formatDuration(seconds)} on this computer. Every number was measured in this run. ` +
      "Where learning rates are tuned, each side has its own, chosen on other seeds than those that judge; the time of " +
      "teleports counts.",
    tellsPasses: false,
  });
  const verdict = conclusionOf(outcomes.flatMap(findingsOf));
  const document: DemoDocument = { name: "demo", verdict, ...experimentsDocument(batch, report) };
  process.stdout.write(json ? `${JSON.stringify(document)}\n` : text(outcomes, document));
  if (outcomes.some(({ status }) => status === "interrupted")) process.exitCode = interruptedCode;
  else if (outcomes.some(({ status }) => status === "failed")) process.exitCode = 1;
}

function text(outcomes: readonly ExperimentOutcome[], { report, verdict, seconds }: DemoDocument): string {
  const blocks = outcomes.map((outcome) => outcomeText(outcome, { tellsPasses: false }));
  const end = [
    `${outcomes.length} experiments in ${formatDuration(seconds)}.`,
    `Report: ${relative(process.cwd(), report)}`,
    `Verdict: ${paints().heading(verdict)}`,
  ];
  return `${[...blocks, end.join("\n")].join("\n\n")}\n`;
}
