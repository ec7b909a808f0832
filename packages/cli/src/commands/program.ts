import { Command, Help } from "commander";
import { positiveInteger, seedNumber } from "../parse.js";
import { addExperimentCommands } from "./experiment-commands.js";
import { addRunCommands } from "./run-commands.js";

/**
 * The command line: what it understands and how it explains itself. A command's code is loaded when it is needed, so that
 * help and errors come at once.
 *
 * @param script the program's own, for worker threads; without one, runs go in this thread
 */
export function createProgram(version: string, script?: URL): Command {
  const program = new Command("isoloss")
    .description("Train, and move along the loss level set: symmetry teleportation for optimisers.")
    .version(version)
    .exitOverride()
    .configureHelp({
      // That an option is off, or a list empty, goes without saying.
      optionDescription: (option) =>
        new Help().optionDescription(option).replace(/ ?\(default: (false|\[\])\)$/, ""),
    })
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

  addExperimentCommands(program, script);
  addRunCommands(program);
  return program;
}
