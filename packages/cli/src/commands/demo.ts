import { relative, resolve } from "node:path";
import { demoNames, loadExperiment } from "../experiments/definition/find.js";
import { resolveExperiment } from "../experiments/definition/resolve.js";
import { runBatch, writeReport } from "../experiments/report/batch.js";
import { type ExperimentsDocument, experimentsDocument } from "../experiments/report/document.js";
import type { ExperimentOutcome } from "../experiments/report/outcome.js";
import { outcomeText, paints } from "../experiments/report/outcome-text.js";
import { formatDuration } from "../experiments/results/format-number.js";
import { interruptedCode } from "../interrupt.js";

/** What a teleport is, for somebody who never heard of it. */
const whatItIs =
  "A teleport moves the parameters of a model to another point with the same loss, where the gradient is larger, so that " +
  "the next steps of training descend faster. Does that pay for the time it takes? These experiments measure it.";

const experimentsText = (count: number): string => (count === 1 ? "One experiment" : `${count} experiments`);

export interface DemoOptions {
  readonly out: string;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly script?: URL;
}

/** What `--json` prints: see the help of the command. */
export interface DemoDocument extends ExperimentsDocument {
  readonly name: "demo";
}

/**
 * `isoloss demo` runs small experiments with and without teleports, prints a verdict for each and writes a report.
 *
 * @param names of experiments; default all
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
    opening: whatItIs,
    lead:
      `${experimentsText(outcomes.length)} in ${formatDuration(seconds)} on this computer. Every number was measured in this run. ` +
      "Where learning rates are tuned, the method with teleports and the one without have a rate each, chosen on other " +
      "seeds than those of the comparison. Times include the time of teleports; compilation is apart, with teleports and without.",
    tellsPasses: false,
  });
  const document: DemoDocument = { name: "demo", ...experimentsDocument(batch, report) };
  process.stdout.write(json ? `${JSON.stringify(document)}\n` : text(outcomes, document));
  if (outcomes.some(({ status }) => status === "interrupted")) process.exitCode = interruptedCode;
  else if (outcomes.some(({ status }) => status === "failed")) process.exitCode = 1;
}

function text(outcomes: readonly ExperimentOutcome[], { report, verdict, seconds }: DemoDocument): string {
  const blocks = outcomes.map((outcome) => outcomeText(outcome, { tellsPasses: false }));
  const end = [
    `${experimentsText(outcomes.length)} in ${formatDuration(seconds)}.`,
    `Report: ${relative(process.cwd(), report)}`,
    `Verdict: ${paints().heading(verdict)}`,
  ];
  return `${[whatItIs, ...blocks, end.join("\n")].join("\n\n")}\n`;
}
