import { availableParallelism } from "node:os";
import { relative, resolve } from "node:path";
import { demoNames, loadExperiment } from "../experiments/definition/find.js";
import { resolveExperiment } from "../experiments/definition/resolve.js";
import { runBatch, writeReport } from "../experiments/report/batch.js";
import { type ExperimentsDocument, experimentsDocument } from "../experiments/report/document.js";
import type { ExperimentOutcome } from "../experiments/report/outcome.js";
import { outcomeText, paints } from "../experiments/report/outcome-text.js";
import { formatDuration } from "../experiments/results/format-number.js";
import { interruptedCode } from "../interrupt.js";
import { flag, json, type Values, value } from "../option-rows.js";
import type { Context, Result } from "./command.js";

const options = {
  out: value("<dir>", "folder for the report, the figures and the runs", String, "out"),
  json: json(),
  quiet: flag("no progress on stderr"),
};

type Settings = Values<typeof options> & Context;

const help = `  finetune    an exported convolutional network learns on, with and without putting its batch norms back
  prune       half of an exported network's weights removed, with and without balancing before
  rosenbrock  a function of two variables, a teleport every 100 steps
  booth       a quadratic of two variables, one teleport
  regression  a network on fixed data, against gradient descent at its own tuned rate
  digits      a classifier on mini-batches, against SGD at its own tuned rate
  toy         two conflicting losses, with and without COST

Each is an experiment like those of isoloss run and reproduce: isoloss run demo/digits. Results go to stdout, progress to
stderr; report.html, figures and runs to the folder. A verdict is one of
  helps                      less time, by all of its interval; for the toy: surely from more starts
  fewer steps, more time     the teleports take more time than the steps that they save
  fewer steps, no less time  the interval of the time contains 1
  fewer steps, too noisy to time  the clock cannot tell here: steps alone are judged
  no better than a control   a declared control does as well
  does not help              more steps or time, or a higher loss
  undecided                  no interval decides, or there are too few runs

The document of --json: name, verdict, report (path), seconds, counts {pass, differs, not reproducible}, experiments
[{name, status, findings [{title, judgment, text}], verdicts, rates, errors}].

Examples:
  isoloss demo
  isoloss demo booth --out /tmp/demo --json`;

/** What a teleport is, for a reader who is new to it. */
const whatItIs =
  "A teleport moves the parameters of a model to another point with the same loss, where the gradient is larger, so that " +
  "the next steps of training descend faster. Does that pay for the time it takes? These experiments measure it.";

const experimentsText = (count: number): string => (count === 1 ? "One experiment" : `${count} experiments`);

/** What `--json` prints: see the help of the command. */
export interface DemoDocument extends ExperimentsDocument {
  readonly name: "demo";
}

/**
 * `isoloss demo` runs small experiments with and without teleports, prints a verdict for each and writes a report.
 *
 * @param names of experiments; default all
 */
async function run(names: readonly string[], settings: Settings): Promise<Result> {
  const { quiet, script } = settings;
  const wanted = names.length > 0 ? names : demoNames;
  const experiments = [];
  for (const name of wanted) experiments.push(resolveExperiment(await loadExperiment(`demo/${name}`)));
  const out = resolve(settings.out);
  const batch = await runBatch(experiments, {
    out,
    quiet,
    threads: 1,
    // Each thread loads the program: more would save little.
    untimed: script ? Math.min(4, availableParallelism()) : 1,
    script,
  });
  const { outcomes, seconds } = batch;
  const report = await writeReport(batch, out, {
    title: "Isoloss: with and without teleports",
    opening: whatItIs,
    lead:
      `${experimentsText(outcomes.length)} in ${formatDuration(seconds)} on this computer. Every number was measured in this run. ` +
      "Where learning rates are tuned, the method with teleports and the one without have a rate each, chosen on other " +
      "seeds than those of the comparison. Times include the time of teleports; compilation is apart, with teleports and without. " +
      "Runs whose times are not shown may have had others beside them.",
    tellsPasses: false,
  });
  const document: DemoDocument = { name: "demo", ...experimentsDocument(batch, report) };
  const has = (wanted: ExperimentOutcome["status"]) => outcomes.some(({ status }) => status === wanted);
  return {
    document,
    text: textOf(outcomes, document),
    exitCode: has("interrupted") ? interruptedCode : has("failed") ? 1 : 0,
  };
}

export const demo = { options, help, run };

function textOf(
  outcomes: readonly ExperimentOutcome[],
  { report, verdict, seconds }: DemoDocument,
): string[] {
  const blocks = outcomes.map((outcome) => outcomeText(outcome, { tellsPasses: false }));
  const end = [
    `${experimentsText(outcomes.length)} in ${formatDuration(seconds)}.`,
    `Report: ${relative(process.cwd(), report)}`,
    `Verdict: ${paints().heading(verdict)}`,
  ];
  return [whatItIs, ...blocks, end.join("\n")];
}
