import { Command, Help } from "commander";
import { portNumber } from "../parse.js";
import { addCommands } from "./command.js";
import { addExperimentCommands } from "./experiment-commands.js";
import { modelCommands } from "./registry.js";
import { addRunCommands } from "./run-commands.js";

export interface ProgramOptions {
  readonly version: string;
  /** The program's own, for worker threads; without one, runs use this thread. */
  readonly script?: URL;
}

/** Runs the command that the arguments name. */
export async function runCommandLine(args: readonly string[], options: ProgramOptions): Promise<void> {
  await (await createProgram(args, options)).parseAsync(args, { from: "user" });
}

/** The command line, with the options and the help texts of the commands that the arguments may name. */
export async function createProgram(
  args: readonly string[],
  { version, script }: ProgramOptions,
): Promise<Command> {
  const program = new Command("isoloss")
    .description("Train, and move along the loss level set: symmetry teleportation for optimizers.")
    .version(version)
    .exitOverride()
    .configureHelp({
      // Help does not print the defaults of flags and lists: off and empty.
      optionDescription: (option) =>
        new Help().optionDescription(option).replace(/ ?\(default: (false|\[\])\)$/, ""),
    })
    .configureOutput({
      outputError: (text, write) =>
        write(
          `isoloss: ${text
            .replace(/^error: /, "")
            .replaceAll("\n", " ")
            .trim()} (see --help)\n`,
        ),
    })
    .addHelpText(
      "after",
      `
Begin with
  isoloss demo              with and without teleports, in about a minute
  isoloss lab               the same by hand, in your browser
  isoloss run booth         a function of two variables, with figures of its teleports
  isoloss reproduce --quick the papers' experiments, small
  isoloss list              all names that an experiment may use

Exit codes: 0 done; 1 a failure, such as a run that diverged; 2 a wrong command or setting; 130 interrupted.
Results go to stdout, progress to stderr. NO_COLOR turns colors off, ISOLOSS_DEBUG=1 shows where a failure came from.`,
    );

  program
    .command("demo [experiments...]")
    .description("small experiments with and without teleports, each with its verdict, in about a minute")
    .option("--out <dir>", "folder for the report, the figures and the runs", "out")
    .option("--json", "one JSON document on stdout instead of text", false)
    .option("--quiet", "no progress on stderr", false)
    .addHelpText(
      "after",
      `
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
  isoloss demo booth --out /tmp/demo --json`,
    )
    .action(async (names: string[], options) =>
      (await import("./demo.js")).demo(names, { ...options, script }),
    );

  program
    .command("lab")
    .description("functions, trajectories and teleports to play with, in your browser")
    .option("--port <n>", "port; default the first free one from 4173 on", portNumber)
    .option(
      "--host <address>",
      "address to listen on; another one than this computer's own lets others in",
      "127.0.0.1",
    )
    .option("--no-open", "print the address, and open no browser")
    .option("--json", "the address as a JSON document on stdout", false)
    .addHelpText(
      "after",
      `
Everything is computed in the browser, and nothing leaves it. The address in the browser holds the settings: it can be
bookmarked and shared. The lab runs until Ctrl-C.

The document of --json: url.

Examples:
  isoloss lab
  isoloss lab --port 8080 --no-open`,
    )
    .action(async (options) => (await import("./lab.js")).lab(options));

  addExperimentCommands(program, script);
  addRunCommands(program);
  const model = program
    .command("model")
    .description("ONNX files: what they hold, and which changes of their weights keep what they compute")
    .addHelpText(
      "after",
      `
Every command takes an .onnx file as PyTorch, Paddle or any other exporter writes it; isoloss model COMMAND --help has
the options, an example and the document of --json.

Example:
  isoloss model inspect model.onnx`,
    );
  await addCommands(model, modelCommands, { args, script });
  return program;
}
