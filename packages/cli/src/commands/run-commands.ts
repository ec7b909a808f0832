import { type Command, Option } from "commander";
import { runFigureNames } from "../experiments/figure-names.js";
import { collect, finiteNumber, nameAmong, positiveInteger, seedNumber } from "../parse.js";

/** Adds the commands about finished runs: `compare`, `plot`, `diagnose`, `predict` and `export`. */
export function addRunCommands(program: Command): void {
  program
    .command("compare <runs...>")
    .description("compare runs: final loss, steps and time to a target, mean and spread over seeds")
    .option(
      "--target <loss>",
      "the loss to reach; default the mean final loss of the first variant",
      finiteNumber,
    )
    .option("--out <dir>", "folder for the figures, against steps and against seconds; default none")
    .option("--json", "one JSON document on stdout instead of the table", false)
    .addHelpText(
      "after",
      `
Runs are directories, as isoloss run makes them. Those of one variant make a group; the others are compared with the first.
Losses of mini-batches are compared as means over a twentieth of the run.

The document of --json: target, groups [{name, seeds, finalLoss, reached, steps, seconds, speedUp}], figures; a summary
is {n, mean, std, min, max, interval}, a ratio {n, ratio, interval} with a 95 % interval.

Example:
  isoloss compare runs/regression-gd-plain-* runs/regression-gd-exact-* --out out`,
    )
    .action(async (runs: string[], options) => (await import("./compare.js")).compare(runs, options));

  program
    .command("plot <runs...>")
    .description("draw runs as SVG and PNG, and write the numbers of the figures as CSV")
    .option("--out <dir>", "folder for the figures", "figures")
    .addOption(
      new Option("--figure <name>", "only this figure; may be given several times")
        .argParser(nameAmong(runFigureNames))
        .default([], "all that the runs have numbers for"),
    )
    .addOption(
      new Option("--theme <theme>", "auto follows the page that shows it")
        .choices(["light", "dark", "auto"])
        .default("light"),
    )
    .option("--scale <n>", "pixels of a PNG for a px of the SVG, up to 10", finiteNumber, 2)
    .option("--json", "the paths as a JSON document on stdout", false)
    .addHelpText(
      "after",
      `
Figures
  levelSets               functions of two variables: contours, trajectories, teleports
  loss, gradNormSq        against steps, with the teleports; the loss also against seconds
  validation, accuracy    of networks, against steps and against seconds
  paths, front            the toy of two tasks: its paths, and where they end in the plane of losses
  sweep                   functions: the final loss against the teleports' learning rate and steps
  minima                  sharpness and curvature of minima against their validation loss
  conflicts, test         several tasks: cosines between their gradients, and results on the test data
  gains                   the gain of COST and its controls over the same method, seed by seed
Runs of one variant make one curve with its spread. The numbers are in data.csv and teleports.csv.

The document of --json: figures (paths of what was written).

Examples:
  isoloss plot runs/booth-*
  isoloss plot runs/classify-digits-* --figure loss --figure accuracy --theme dark --scale 3`,
    )
    .action(async (runs: string[], options) => (await import("./plot.js")).plot(runs, options));

  program
    .command("diagnose <run-or-experiment>")
    .description(
      "gradient and curvature along a run, or at an experiment's start: can a teleport help there?",
    )
    .option(
      "--set <path=value>",
      "change a setting of an experiment; may be given several times",
      collect,
      [],
    )
    .option("--variant <name>", "of an experiment; default the first")
    .option("--seed <n>", "of an experiment; default its first", seedNumber)
    .addOption(
      new Option(
        "--points <n>",
        "of a network or several tasks: diagnose so many steps along the run, which is then repeated",
      ).argParser(positiveInteger),
    )
    .option("--json", "one JSON document on stdout instead of sentences", false)
    .addHelpText(
      "after",
      `
Prints a sentence each on the loss and gradient, the Hessian's eigenvalues, cos(g, Hg), cos(g, H^-1 g), the predicted gain
of a teleport and, for a quadratic, the share of the level set's largest gradient; at a teleport of the run also its
speed-up (proposition 5.1) and for how many steps it lasts (theorem 5.2). For several tasks it prints the norms of their
gradients, the cosines between them, and the conflicts.
A function of few variables is diagnosed at the start of its run, at every teleport and at the end; a network and several
tasks at the start and at the last checkpoint, on the next batch, or at --points along the run.

The document of --json: points [{at, step, diagnosis {loss, gradNormSq, lambdaMax, ..., reading}}]; for several tasks
[{at, step, conflict {tasks, losses, norms, meanCosines, leastCosine, dominated, weak, many, reading}}].

Examples:
  isoloss diagnose rosenbrock
  isoloss diagnose runs/booth-exact-0-1
  isoloss diagnose runs/classify-digits-sgd-1000-1 --points 5`,
    )
    .action(async (target: string, options) => (await import("./diagnose.js")).diagnose(target, options));

  program
    .command("predict <run>")
    .description("write what a run's model predicts for new examples")
    .requiredOption(
      "--data <file>",
      "new examples: a table, .csv or .parquet, .npy, .npz, an image, or a folder of images",
    )
    .requiredOption("--out <file>", "predictions: .csv, .json or .npy")
    .option("--force", "replace an existing file", false)
    .option("--json", "what was written, as a JSON document on stdout", false)
    .addHelpText(
      "after",
      `
The examples are like those of the run's data, without labels. A table needs the columns of the inputs, in any order, and may
have others. Of arrays an example has as many numbers as one of the run, and an .npz file has the inputs under the name of the run's
data. Images lie in the folder or in folders below it. Numbers are scaled, and missing ones are filled in, as in the training: the
folder of the run has what that needs. Only runs of earlier versions read their data again.

The model is that of the run's last checkpoint; with best: restore a complete run has ended with its best epoch.

  .csv   a column for each output, under the name of the label: a class, and NAME.probability; a number in the unit of
         the label. Of images the first column has their files
  .json  a list of the same records
  .npy   the outputs as the model gives them, [n, outputs]: logits of classes, numbers in the units of the labels

The document of --json: file, examples, step, bestEpoch (null unless the run ended with its best epoch).

Examples:
  isoloss predict runs/rents-0-1 --data new-rooms.csv --out predicted.csv
  isoloss predict runs/rents-0-1 --data new-rooms.csv --out outputs.npy --json`,
    )
    .action(async (path: string, options) => (await import("./predict.js")).predict(path, options));

  program
    .command("export <run>")
    .description("write a run for other programs")
    .requiredOption("--to <format>", "onnx, safetensors, csv, tensorboard or mlflow")
    .option("--out <path>", "default: a file in the run's directory; for tensorboard a folder of runs")
    .option(
      "--url <url>",
      "of the MLflow server, or the folder of a file store; default $MLFLOW_TRACKING_URI",
    )
    .option("--batch <n>", "examples of the ONNX model's input; default: any number", positiveInteger)
    .option("--force", "replace an existing file that --out names", false)
    .option("--json", "the path as a JSON document on stdout", false)
    .addHelpText(
      "after",
      `
  onnx         the trained model of a network: input x, output logits of classes or prediction of numbers, of several tasks on
               a table one for each, under its name; any ONNX program reads it
  safetensors  the parameters by their paths
  csv          the records of every step
  tensorboard  an event file: tensorboard --logdir RUN
  mlflow       settings, records, teleports and results, to a tracking server over its REST interface, as a new run of the
               experiment's name, or to a folder such as ./mlruns: mlflow ui --backend-store-uri ./mlruns shows it.
               MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, are a server's
               credentials. isoloss run --mlflow URL sends every run when it ends

Of a sweep's directory, csv is the table of its trials, and mlflow sends each of their runs, with tags for sweep and trial.

The document of --json: file; for mlflow url, experimentId, runId; of a sweep runs [{url, experimentId, runId}].

Examples:
  isoloss export runs/classify-digits-sgd-0-1 --to onnx --out model.onnx
  isoloss export runs/rosenbrock-exact-0-1 --to csv
  isoloss export runs/rosenbrock-exact-0-1 --to mlflow --url http://localhost:5000`,
    )
    .action(async (path: string, options) => (await import("./export.js")).exportRun(path, options));
}
