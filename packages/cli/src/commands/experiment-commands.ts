import { availableParallelism } from "node:os";
import { type Command, Option } from "commander";
import { collect, imageSize, onlyLabel, positiveInteger, seedNumber, seedRange } from "../parse.js";

/**
 * Adds the commands about experiments: `run`, `reproduce`, `list`, `init` and `data`.
 *
 * @param script the program's own, for worker threads; without one, runs use this thread
 */
export function addExperimentCommands(program: Command, script?: URL): void {
  program
    .command("run [experiment]")
    .description("run an experiment: a YAML file, or the name of one that comes with isoloss")
    .option("--set <path=value>", "change a setting; may be given several times", collect, [])
    .option("--seed <n>", "one seed instead of the experiment's", seedNumber)
    .option("--seeds <a..b>", "a range of seeds, both ends included", seedRange)
    .option("--variant <name>", "only this variant; may be given several times", collect, [])
    .option("--jobs <n>", "runs at the same time, each in a thread", positiveInteger, 1)
    .option("--out <dir>", "folder in which each run gets a directory of its own (default: runs)")
    .option("--resume <dir>", "resume a run that was killed or interrupted")
    .option("--queue <url>", "leave the runs to the workers of this server, see isoloss worker")
    .option("--quick", "the experiment's settings for a quick look", false)
    .addOption(
      new Option(
        "--checkpoint-every <steps>",
        "save after so many steps, too; otherwise every 10 seconds",
      ).argParser(positiveInteger),
    )
    .option("--mlflow <url>", "send each run that ends to this MLflow server or folder, see isoloss export")
    .option("--json", "one JSON document on stdout instead of the table", false)
    .option("--quiet", "no progress on stderr", false)
    .addHelpText(
      "after",
      `
A run's directory, such as runs/booth-exact-0-1, holds config.yaml (itself an experiment: running it gives the same
numbers), environment.json, data.json (what prediction needs of the data), metrics.jsonl (a line a step) and teleports.jsonl (a
line a teleport), the checkpoint, summary.json and figures/. No run overwrites another one's.

Ctrl-C and SIGTERM save a checkpoint, and the command prints how to resume. A run that was killed resumes at its last
checkpoint, or at its beginning if it has none, and ends with the same numbers.

With --queue the runs are computed by isoloss worker on other computers, and their directories are written here. After
Ctrl-C the workers go on, and the same command collects what they have computed.

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
      (await import("./run.js")).run(experiment, { ...options, ...(script ? { script } : {}) }),
    );

  program
    .command("reproduce [experiments...]")
    .description(
      "run the papers' experiments, and compare them with the numbers that are expected; or a file of yours",
    )
    .option("--list", "only print the experiments that exist", false)
    .option("--quick", "small settings: all of them within two minutes", false)
    .option("--strict", "exit code 1 when a number differs", false)
    .option(
      "--jobs <n>",
      "runs at the same time, each in a thread; timings are fairer with 1",
      positiveInteger,
      1,
    )
    .option(
      "--out <dir>",
      "folder for the report, the figures and the runs (default: reproduced, then reproduced-2, ...)",
    )
    .option("--resume <dir>", "go on in the folder of one that was killed or interrupted")
    .option("--queue <url>", "leave the runs to the workers of this server, see isoloss worker")
    .option("--json", "one JSON document on stdout instead of text", false)
    .option("--quiet", "no progress on stderr", false)
    .addHelpText(
      "after",
      `
Without names, all experiments that come with isoloss. Each expected number is
  pass              within its tolerance
  differs           outside its tolerance; an error only with --strict
  not reproducible  not available: data are missing, or no paper states the settings
An experiment whose data are not on this computer is skipped. The report is one HTML page with figures, tables, settings
and verdicts; an experiment with a grid of learning rates is compared with the plain optimizer at its tuned rate, which
answers for a file of yours with the key rates whether its variants help. That answer is the first sentence of its report.

The folder keeps the runs that have ended until all experiments are complete: --resume computes none of them again, a run that was
under way goes on from its checkpoint, and the report is that of a reproduction that was not interrupted. Experiments and data are
read again: runs whose settings or data have changed count as new ones.

The document of --json: verdict, report (path), quick, seconds, counts {pass, differs, not reproducible}, experiments [{name,
status, findings [{title, judgment, text}], verdicts [{outcome, variant, seed, path, measured, expected, text, source}],
rates, errors}].

Examples:
  isoloss reproduce --list
  isoloss reproduce booth rosenbrock --out /tmp/functions
  isoloss reproduce my-experiment.yaml
  isoloss reproduce --quick --strict`,
    )
    .action(async (names: string[], options) =>
      (await import("./reproduce.js")).reproduce(names, { ...options, ...(script ? { script } : {}) }),
    );

  program
    .command("sweep [file]")
    .description("try many settings of an experiment, and confirm the best ones on fresh seeds")
    .addOption(
      new Option(
        "--jobs <n>",
        "runs at the same time on this computer, each in a process (default: one for each core; with --queue none)",
      ).argParser(positiveInteger),
    )
    .option("--out <dir>", "folder in which each sweep gets a directory of its own (default: sweeps)")
    .option("--set <path=value>", "change a key of the sweep's file; may be given several times", collect, [])
    .addOption(new Option("--trials <n>", "instead of the file's budget.trials").argParser(positiveInteger))
    .option(
      "--check",
      "only print what the sweep would do, with five trials; one step of the first shows whether its metrics exist",
      false,
    )
    .option("--resume <dir>", "go on with a sweep that was killed or interrupted")
    .option("--verify <dir>", "check the journal of a sweep: each trial asked once, each run counted once")
    .option("--list", "the sweeps of the folder --out, or of the server --queue", false)
    .option("--queue <url>", "leave the runs to the workers of this server, such as redis://host:6379")
    .option("--detach", "leave the sweep to the workers at once; --resume watches it again", false)
    .option("--attach <id>", "go on here with a sweep of the server")
    .option("--cancel <dir>", "end the sweep of this directory on the server")
    .option("--close <id>", "end a sweep on the server")
    .option("--json", "one JSON document on stdout instead of text", false)
    .option("--quiet", "no progress on stderr", false)
    .addHelpText(
      "after",
      `
A sweep is a YAML file: isoloss init --kind sweep writes one with comments. Files of W&B sweeps are read, too, with
experiment in the place of program. Trials are asked by a grid, at random, along Sobol's sequence or by TPE; runs that are
behind can be pruned. At the end the best trials and a baseline run again on seeds that chose nothing.

The directory, such as sweeps/rates-1, holds sweep.yaml and experiment.yaml (running them again asks the same trials),
journal.jsonl (what was asked, judged and recorded, in order), runs/TRIAL-SEED (as of isoloss run), trials.csv,
summary.json and report.html.

With --queue the runs are left to the workers of a server, and with --jobs beside it some of them are computed here, too.
With --queue and --detach the command ends when the runs are with the workers. They compute what was asked by then: all trials
of a grid, random or Sobol; what follows from results (TPE, second seeds with pruning, fresh seeds) is asked by --resume.

A run whose process dies goes on in another one from its checkpoint; after five deaths it is lost. Ctrl-C saves, and the
command prints how to resume. Each trial is asked once and each run counted once, whatever is killed.

The document of --json: name, id, directory, status, end, counts, budget, best {trial, parameters, value}, confirmed
[{trial, tuning, fresh, optimism, comparison, judgment, text}], failures [{contender, seed, status, error}], trials
[{trial, status, value, rung, parameters, reused, runs}], workers, seconds, report. Exit code 1: a run failed or was lost, on
fresh seeds, too, or no trial was completed; 130: interrupted.

Examples:
  isoloss sweep my-sweep.yaml --check
  isoloss sweep my-sweep.yaml --jobs 4 --trials 20
  isoloss sweep --resume sweeps/my-sweep-1`,
    )
    .action(async (file: string | undefined, options) =>
      (await import("./sweep.js")).sweep(file, { ...options, ...(script ? { script } : {}) }),
    );

  program
    .command("worker")
    .description("compute the runs of sweeps that other computers started")
    .option("--queue <url>", "the server, such as redis://host:6379; default the variable ISOLOSS_QUEUE")
    .addOption(
      new Option("--jobs <n>", "runs at the same time, each in a process")
        .argParser(positiveInteger)
        .default(availableParallelism(), "one for each core"),
    )
    .option("--sweep <id>", "only this sweep; otherwise the oldest open one that has runs waiting")
    .option("--work <dir>", "folder of the runs' checkpoints: a run that comes back goes on", "isoloss-work")
    .addOption(
      new Option("--idle-exit <seconds>", "end after so long without a run").argParser(positiveInteger),
    )
    .option("--once", "end after one run", false)
    .option("--any-version", "also sweeps that another version of isoloss started", false)
    .option("--quiet", "no progress on stderr", false)
    .addHelpText(
      "after",
      `
Needs the package isoloss-queue and a Valkey or Redis server that keeps what it is given (maxmemory-policy noeviction). A password
goes into the variable ISOLOSS_QUEUE_PASSWORD, not into the address. Anyone who can write to the server can start runs:
keep it in a private network.

Ctrl-C and SIGTERM save the runs under way and give them back. A worker that dies loses nothing: its runs are delivered
again within 90 seconds. A record is counted once, whoever computes it.

Examples:
  isoloss worker --queue redis://head:6379
  sbatch --array=1-20 --wrap "isoloss worker --queue redis://head:6379 --idle-exit 60 --work $TMPDIR"`,
    )
    .action(async (options) =>
      (await import("./worker.js")).worker({ ...options, ...(script ? { script } : {}) }),
    );

  program
    .command("list [what]")
    .description(
      "every problem, symmetry, objective, search, schedule, optimizer, data set and experiment, one line each",
    )
    .option("--json", "one JSON document on stdout instead of text", false)
    .addHelpText(
      "after",
      `
What: kinds, problems, models, data, optimizers, rates, when, searches, symmetries, objectives, changes, shifts, tasks,
methods, settings, experiments; default all. These are the names that an experiment's YAML may use. Or one of these
names: its options, with range and default.

The document of --json: for each list, [{name, summary}]; of a name, [{name, section, summary, options}].

Example:
  isoloss list searches
  isoloss list gradientAscent`,
    )
    .action(async (what: string | undefined, options) => (await import("./list.js")).list(what, options));

  program
    .command("init [file]")
    .description("write a commented experiment or sweep to start from; without a file to stdout")
    .option("--kind <kind>", "kind of experiment, see isoloss list kinds; or sweep (default: minimize)")
    .option("--data <path>", "an experiment on data of your own: a file, or a folder of images")
    .option(
      "--label <name>",
      "of --data: the column, array or file to predict; default a guess, which is said",
      onlyLabel,
    )
    .option(
      "--missing-word <word>",
      "of a table: a word that marks a missing value, besides NA and the like; may be given several times",
      collect,
      [],
    )
    .option(
      "--text <column>",
      "of a table: a column of text, also where it holds numbers; may be given several times",
      collect,
      [],
    )
    .option(
      "--schema",
      "the JSON Schema of experiments or sweeps instead, for editors that check YAML",
      false,
    )
    .option("--force", "replace an existing file", false)
    .addHelpText(
      "after",
      `
With --data it looks at a CSV (.csv, .tsv), Parquet, .npz or .npy file, or at a folder with a folder of images for each
class, guesses what is to be predicted, and writes an experiment that runs as it is, to NAME.yaml beside you if no file is
given. Text and few integers are classes, other numbers are numbers. Nothing is overwritten without --force.

--kind module writes a module beside the experiment, too: a loss of your own, or a network with its data. Its code runs.

With a schema beside it, an editor with a YAML language server completes and checks an experiment that begins with
  # yaml-language-server: $schema=experiment.schema.json

Examples:
  isoloss init my-experiment.yaml --kind train
  isoloss init --data houses.csv --label price
  isoloss init --schema experiment.schema.json
  isoloss init my-sweep.yaml --kind sweep`,
    )
    .action(async (file: string | undefined, options) => (await import("./init.js")).init(file, options));

  program
    .command("data <action> [name] [folder]")
    .description("data sets: list them, verify or fetch one, or write a small one in its form")
    .option("--directory <dir>", "the only folder to look in, or to fetch to")
    .option("--mirror <url>", "where to fetch from instead of the usual places")
    .option("--part", "verify: the folder may have fewer examples than were published", false)
    .option("--examples <n>", "sample: examples of each part", positiveInteger)
    .option(
      "--size <HxW>",
      "sample: pixels of cityscapes and nyuv2, such as 128x256 (default: 32x64)",
      imageSize,
    )
    .option("--quiet", "no lines of progress", false)
    .option("--json", "one JSON document on stdout instead of text", false)
    .addHelpText(
      "after",
      `
  list              prints the data sets, and whether they are on this computer
  verify NAME       reads a data set and checks its form
  fetch NAME        downloads what is missing; a file is kept only with the published checksum
  verify NAME DIR   reads all files of a paper's data set for several tasks, which you put into DIR, and checks them
  sample NAME DIR   writes a small set of formulas in the form of such a data set, to try programs without it

Places: $ISOLOSS_DATA/NAME, /usr/share/datasets/NAME (Debian's dataset-fashion-mnist), ~/.cache/isoloss/NAME.
Where the sets for several tasks are had, and how DIR must look, is what verify says of an empty folder.

Examples:
  isoloss data list
  isoloss data fetch fashionMnist
  isoloss data sample cityscapes cityscapes-sample
  isoloss data verify cityscapes cityscapes-sample --part`,
    )
    .action(async (action: string, name: string | undefined, folder: string | undefined, options) =>
      (await import("./data.js")).data(action, name, folder, options),
    );
}
