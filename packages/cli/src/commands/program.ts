import { Command, CommanderError, Help } from "commander";
import { addCommands } from "./command.js";
import { commands, modelCommands } from "./registry.js";

export interface ProgramOptions {
  readonly version: string;
  /** URL of the script that worker threads run; undefined: runs use this thread. */
  readonly script?: URL;
}

/** Runs the command that the arguments name. */
export async function runCommandLine(args: readonly string[], options: ProgramOptions): Promise<void> {
  try {
    await (await createProgram(args, options)).parseAsync(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Commander has printed its message, or the help.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  }
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

  await addCommands(program, commands, { args, script });
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
