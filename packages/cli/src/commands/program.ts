import { Command, InvalidArgumentError, Option } from "commander";
import { positiveInteger, seedNumber } from "../parse.js";

/** Collects an option that may be given several times. */
const collect = (value: string, before: readonly string[]): string[] => [...before, value];

const seedRange = (text: string): string => {
  if (!/^\d+\.\.\d+$/.test(text)) throw new InvalidArgumentError("It must be a range such as 0..4.");
  return text;
};

const finiteNumber = (text: string): number => {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("It must be a number.");
  return value;
};

const figures = ["levelSets", "loss", "gradNormSq", "validation", "accuracy"];

const figureName = (text: string, before: readonly string[]): string[] => {
  if (!figures.includes(text)) throw new InvalidArgumentError(`It must be one of ${figures.join(", ")}.`);
  return [...before, text];
};

/**
 * The command line: what it understands and how it explains itself. A command's code is loaded when it is needed, so that
 * help and errors come at once.
 *
 * @param script the program's own, for worker threads
 */
export function createProgram(version: string, script: URL): Command {
  const program = new Command("isoloss")
    .description("Train, and move along the loss level set: symmetry teleportation for optimisers.")
    .version(version)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) =>
        write(
          `isoloss: ${text
            .replace(/^error: /, "")
            .replaceAll("\n", " ")
            .trim()} (--help tells more)\n`,
        ),
    })
    .addHelpText(
      "after",
      `
Begin with
  isoloss demo              a classifier with and without teleports, in seconds
  isoloss run booth         a function of two variables, with figures of its jumps
  isoloss reproduce --quick the papers' experiments, small
  isoloss list              what there is

Exit codes: 0 done; 1 tried and failed, a run diverged; 2 asked for something that it cannot do; 130 interrupted.
Results go to stdout, progress to stderr. NO_COLOR turns colours off, ISOLOSS_DEBUG=1 shows where a failure came from.`,
    );

  program
    .command("demo")
    .description(
      "train a classifier on the embedded digits, plain and with two kinds of teleport, and compare",
    )
    .option("--steps <n>", "training steps of each run", positiveInteger, 600)
    .option("--seed <n>", "seed of initialisation, split and order", seedNumber, 0)
    .option("--out <dir>", "folder for the figure", "out")
    .option("--json", "one JSON document on stdout instead of the table", false)
    .addHelpText(
      "after",
      `
The result goes to stdout, progress to stderr, the figure to digits-teleport.svg in the folder.

The document of --json:
  name, seed, steps, figure (path)
  runs: one each for plain SGD, positive scaling and hidden action, with
    name, trainLoss, validation {loss, accuracy}
    wall: seconds {training, teleports}
    teleports: steps before which a teleport was accepted
    reports: one a teleport, accepted or not: {step, search, accepted, reason, lossBefore, lossAfter,
      drift, gradNormSqBefore, gradNormSqAfter, heldOut, steps, halvings, seconds}
    history: {loss, seconds}, one entry a training step

Example:
  isoloss demo --steps 300 --out /tmp/demo`,
    )
    .action(async (options) => (await import("./demo.js")).demo(options));

  program
    .command("run [experiment]")
    .description("run an experiment: a YAML file, or the name of one that comes with isoloss")
    .option("--set <path=value>", "change a setting; may be given several times", collect, [])
    .option("--seed <n>", "one seed instead of the experiment's", seedNumber)
    .option("--seeds <a..b>", "a range of seeds, both ends included", seedRange)
    .option("--variant <name>", "only this variant; may be given several times", collect, [])
    .option("--jobs <n>", "runs at the same time, each in a thread", positiveInteger, 1)
    .option("--out <dir>", "folder in which each run gets a directory of its own", "runs")
    .option("--resume <dir>", "go on with a run that was killed or interrupted")
    .option("--quick", "the experiment's settings for a quick look", false)
    .addOption(
      new Option(
        "--checkpoint-every <steps>",
        "save after so many steps, too; otherwise every 10 seconds",
      ).argParser(positiveInteger),
    )
    .option("--json", "one JSON document on stdout instead of the table", false)
    .option("--quiet", "no progress on stderr", false)
    .addHelpText(
      "after",
      `
A run's directory, such as runs/booth-exact-0-1, holds config.yaml (itself an experiment: running it gives the same
numbers), environment.json, metrics.jsonl and teleports.jsonl (a line a step, as they come), the checkpoint,
summary.json and figures/. No run overwrites another one's.

Ctrl-C saves a checkpoint and says how to go on. A run that was killed goes on from its last checkpoint, and ends with
the same numbers; runs of kind minimize, which take seconds, begin again.

The document of --json, for one run:
  name, seed, status (completed, interrupted, diverged), steps, wallSeconds, loss {first, last, history},
  gradNormSq {first, last, history}, metrics, teleports [{step, lossBefore, lossAfter, drift, gradNormSqBefore,
  gradNormSqAfter, accepted, reason, seconds}], directory
For several seeds: {runs: [...], summary}. For several variants: {name, variants: {NAME: {runs, summary}}}.

Examples:
  isoloss run rosenbrock
  isoloss run regression-gd --variant plain --variant exact --seeds 0..4 --jobs 2
  isoloss run my-experiment.yaml --set learningRate=0.01 --set optimizer=adam --json
  isoloss run --resume runs/classify-digits-sgd-0-1`,
    )
    .action(async (experiment: string | undefined, options) =>
      (await import("./run.js")).run(experiment, { ...options, script }),
    );

  program
    .command("reproduce [experiments...]")
    .description("run the papers' experiments and compare them with the numbers that are expected")
    .option("--list", "only say what there is", false)
    .option("--quick", "small settings: all of them within a minute", false)
    .option("--strict", "exit code 1 when a number differs", false)
    .option(
      "--jobs <n>",
      "runs at the same time, each in a thread; timings are fairer with 1",
      positiveInteger,
      1,
    )
    .option("--out <dir>", "folder for the report, the figures and the runs", "reproduced")
    .option("--json", "one JSON document on stdout instead of text", false)
    .option("--quiet", "no progress on stderr", false)
    .addHelpText(
      "after",
      `
Without names, all experiments that come with isoloss. Each number that is expected of one comes out as
  pass              within its tolerance
  differs           it does not; no error, unless with --strict
  not reproducible  it cannot be had here: data that are missing, settings that no paper tells
An experiment whose data are not on this computer is skipped. The report is one HTML page with figures, tables, settings
and verdicts; where an experiment has a grid of learning rates, it compares with the plain optimiser at its tuned rate.

The document of --json: report (path), quick, seconds, counts {pass, differs, not reproducible}, experiments [{name,
status, verdicts [{outcome, variant, seed, path, measured, expected, text, source}], rates, errors}].

Examples:
  isoloss reproduce --list
  isoloss reproduce booth rosenbrock --out /tmp/functions
  isoloss reproduce --quick --strict`,
    )
    .action(async (names: string[], options) =>
      (await import("./reproduce.js")).reproduce(names, { ...options, script }),
    );

  program
    .command("list [what]")
    .description(
      "every problem, symmetry, objective, search, schedule, optimiser, data set and experiment, one line each",
    )
    .option("--json", "one JSON document on stdout instead of text", false)
    .addHelpText(
      "after",
      `
What: kinds, problems, models, data, optimisers, rates, when, searches, symmetries, objectives, tasks, methods, experiments; default all.
These are the names that an experiment's YAML may use; the options of each are checked when it is read.

The document of --json: for each list, [{name, summary}].

Example:
  isoloss list searches`,
    )
    .action(async (what: string | undefined, options) => (await import("./list.js")).list(what, options));

  program
    .command("init [file]")
    .description("write a commented experiment to start from; without a file to stdout")
    .option("--kind <kind>", "minimize: a function; train: a classifier", "minimize")
    .option("--schema", "the JSON Schema of experiments instead, for editors that check YAML", false)
    .option("--force", "replace a file that is there", false)
    .addHelpText(
      "after",
      `
With a schema beside it, an editor with a YAML language server completes and checks an experiment that begins with
  # yaml-language-server: $schema=experiment.schema.json

Examples:
  isoloss init my-experiment.yaml --kind train
  isoloss init --schema experiment.schema.json`,
    )
    .action(async (file: string | undefined, options) => (await import("./init.js")).init(file, options));

  program
    .command("compare <runs...>")
    .description("runs side by side: last loss, steps and time to a target, mean and spread over seeds")
    .option(
      "--target <loss>",
      "the loss to come to; default the mean last loss of the first variant",
      finiteNumber,
    )
    .option("--out <dir>", "folder for the figures, against steps and against seconds; default none")
    .option("--json", "one JSON document on stdout instead of the table", false)
    .addHelpText(
      "after",
      `
Runs are directories, as isoloss run makes them. Those of one variant are taken together; the first one is the yardstick.
Losses of mini-batches are compared as means over a twentieth of the run.

The document of --json: target, groups [{name, seeds, lastLoss, reached, steps, seconds, speedUp}], figures; a summary
is {n, mean, std, min, max, interval}, a ratio {n, ratio, interval} with a 95 % interval.

Example:
  isoloss compare runs/regression-gd-plain-* runs/regression-gd-exact-* --out out`,
    )
    .action(async (runs: string[], options) => (await import("./compare.js")).compare(runs, options));

  program
    .command("plot <runs...>")
    .description("draw runs as SVG, with the numbers beside in data.csv")
    .option("--out <dir>", "folder for the figures", "figures")
    .addOption(
      new Option("--figure <name>", "only this figure; may be given several times")
        .argParser(figureName)
        .default([], "all that the runs have numbers for"),
    )
    .addOption(
      new Option("--theme <theme>", "auto follows the page that shows it")
        .choices(["light", "dark", "auto"])
        .default("light"),
    )
    .option("--json", "the paths as a JSON document on stdout", false)
    .addHelpText(
      "after",
      `
Figures: levelSets (functions of two variables, with trajectories and jumps), loss, gradNormSq, validation, accuracy.
Runs of one variant make one curve with its spread; losses and validation come against steps and against seconds.

Example:
  isoloss plot runs/booth-* --out figures --theme dark`,
    )
    .action(async (runs: string[], options) => (await import("./plot.js")).plot(runs, options));

  program
    .command("diagnose <run-or-experiment>")
    .description("the theory's figures along a run, or at an experiment's start: can a teleport help here?")
    .option(
      "--set <path=value>",
      "change a setting of an experiment; may be given several times",
      collect,
      [],
    )
    .option("--variant <name>", "of an experiment; default the first")
    .option("--seed <n>", "of an experiment; default its first", seedNumber)
    .option("--json", "one JSON document on stdout instead of sentences", false)
    .addHelpText(
      "after",
      `
Tells the Hessian's largest eigenvalue, cos(g, Hg), cos(g, H^-1 g), the share of the level set's largest gradient, the
predicted gain of a teleport, its speed-up (proposition 5.1) and for how many steps it lasts (theorem 5.2), each with a
sentence. Of a run of few parameters: at the start, at every teleport and at the end; of a network: where the last
checkpoint is, on the batch that comes next.

The document of --json: points [{at, step, diagnosis {loss, gradNormSq, lambdaMax, ..., reading}}].

Examples:
  isoloss diagnose rosenbrock
  isoloss diagnose runs/booth-exact-0-1`,
    )
    .action(async (target: string, options) => (await import("./diagnose.js")).diagnose(target, options));

  program
    .command("export <run>")
    .description("write a run for other programs")
    .requiredOption("--to <format>", "onnx, csv, tensorboard or safetensors")
    .option("--out <file>", "default: a file in the run's directory")
    .option("--batch <n>", "examples of the ONNX model's input", positiveInteger, 1)
    .option("--json", "the path as a JSON document on stdout", false)
    .addHelpText(
      "after",
      `
  onnx         the trained model: input x, output logits; any ONNX program reads it
  csv          the records of every step
  tensorboard  an event file: tensorboard --logdir RUN
  safetensors  the parameters by their paths

Examples:
  isoloss export runs/classify-digits-sgd-0-1 --to onnx --out model.onnx
  isoloss export runs/rosenbrock-exact-0-1 --to csv`,
    )
    .action(async (path: string, options) => (await import("./export.js")).exportRun(path, options));

  program
    .command("data <action> [name]")
    .description("data sets: list them, verify one, or fetch one")
    .option("--directory <dir>", "the only folder to look in, or to fetch to")
    .option("--mirror <url>", "where to fetch from instead of the usual places")
    .option("--json", "one JSON document on stdout instead of text", false)
    .addHelpText(
      "after",
      `
  list          what there is, and whether it is on this computer
  verify NAME   reads all of it and checks its form
  fetch NAME    downloads what is missing; a file is kept only with the published checksum

Places: $ISOLOSS_DATA/NAME, /usr/share/datasets/NAME (Debian's dataset-fashion-mnist), ~/.cache/isoloss/NAME.

Examples:
  isoloss data list
  isoloss data fetch fashionMnist`,
    )
    .action(async (action: string, name: string | undefined, options) =>
      (await import("./data.js")).data(action, name, options),
    );
  return program;
}
