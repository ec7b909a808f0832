import { availableParallelism } from "node:os";
import { relative, resolve } from "node:path";
import { sortBy, upperFirst } from "es-toolkit";
import { groupBy } from "isoloss/internal";
import { demoNames, loadExperiment } from "../experiments/definition/find.js";
import { resolveExperiment } from "../experiments/definition/resolve.js";
import type { Finding } from "../experiments/kind.js";
import { runBatch, writeReport } from "../experiments/report/batch.js";
import { type ExperimentsDocument, experimentsDocument } from "../experiments/report/document.js";
import { findingsOf } from "../experiments/report/findings.js";
import { type ExperimentOutcome, reasonOf } from "../experiments/report/outcome.js";
import { paints } from "../experiments/report/outcome-text.js";
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

Each is an experiment like those of isoloss run and reproduce, which print its tables: isoloss reproduce demo/digits. Results go
to stdout, progress to stderr; report.html, figures and runs to the folder. A method has a verdict for steps and one for time:
  helps                    clearly better than its baseline and its controls; what else does as well is named
  fewer steps              but not clearly less time
  no better than a control what has no good direction does as well
  does not help            clearly worse than its baseline
  undecided                no interval decides, or there are too few runs

The document of --json: name, verdict, report (path), seconds, counts {pass, differs, not reproducible}, experiments
[{name, status, findings [{title, judgment, measures, alternatives, needs, text}], verdicts, rates, errors}].

Examples:
  isoloss demo
  isoloss demo booth --out /tmp/demo --json`;

/** What a move is, for a reader who is new to it. */
const whatItIs =
  "A move changes the weights of a model and keeps its function: a teleport does so in training, to where the gradient is larger; " +
  "balancing and restored batch norms do so right before pruning and fine-tuning. Does it pay? These experiments measure it.";

/** The two papers whose claims are tested, as sources name them, with the measure of the claim. */
const papers = [
  {
    paper: "Zhao, Dehmamy, Walters, Yu, NeurIPS 2022",
    heading: "Symmetry teleportation (NeurIPS 2022), reproduced: the same loss in fewer steps",
    measure: "steps",
  },
  {
    paper: "Zhou, Meng, Wu, Zhao, Miao, NeurIPS 2025",
    heading:
      "COST (NeurIPS 2025), reproduced: the Pareto front from more starts, and from more than by random moves",
    measure: "starts",
  },
];

const experimentsText = (count: number): string => (count === 1 ? "One experiment" : `${count} experiments`);

/** What `--json` prints: see the help of the command. */
export interface DemoDocument extends ExperimentsDocument {
  readonly name: "demo";
}

/**
 * `isoloss demo` runs small experiments with and without teleports, prints what each showed in a few lines, and writes a report.
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
    linesOfRuns: false,
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

/** What was reproduced, what helped and what else does as well, what did not, and what is undecided: a line each. */
function textOf(outcomes: readonly ExperimentOutcome[], { report, seconds }: DemoDocument): string[] {
  const { heading } = paints();
  const found = outcomes.flatMap((outcome) => {
    const { name, experiment } = outcome.resolved;
    return findingsOf(outcome).map((finding) => ({
      finding,
      line: `  ${name}, ${finding.title}: ${summaryOf(finding)}`,
      section:
        papers.find(({ paper, measure }) => {
          const isOfPaper = experiment.source?.paper === paper;
          return isOfPaper && finding.measures.some((m) => m.measure === measure && m.judgment === "helps");
        })?.heading ?? upperFirst(finding.judgment),
    }));
  });
  const sections = groupBy(
    sortBy(found, [({ section }) => order.indexOf(section)]),
    ({ section }) => section,
  );
  const failed = outcomes.filter(({ status }) => status !== "completed");
  return [
    [
      `${experimentsText(outcomes.length)} in ${formatDuration(seconds)} on this computer. Brackets are intervals of at least 95 %.`,
      ...[...sections].flatMap(([section, members]) => [
        heading(section),
        ...members.map(({ line }) => line),
      ]),
      ...failed.map((outcome) => `${outcome.resolved.name} ${outcome.status}: ${reasonOf(outcome)}`),
      `Tables, figures and settings: ${relative(process.cwd(), report)}`,
    ].join("\n"),
  ];
}

const order = [
  ...papers.map(({ heading }) => heading),
  ...["helps", "fewer steps", "no better than a control", "does not help", "undecided"].map(upperFirst),
];

const summaryOf = ({ judgment, measures, alternatives, needs }: Finding): string =>
  [
    ...measures.map(({ text }) => text),
    ...alternatives,
    ...(judgment === "undecided" && needs ? [needs] : []),
  ].join("; ");
