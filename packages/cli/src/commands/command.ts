// A command is a row: its options, its help, and a function whose result is printed as text, as JSON or as a page.
import { type Command, Option } from "commander";
import { type TextTable, textTable } from "../experiments/results/table.js";
import type { Page, PageParts } from "../model/page.js";
import type { OptionRows } from "../option-rows.js";

/** A command, in a file of its own. */
export interface CommandRow {
  readonly options: OptionRows;
  /** Text below the options. */
  readonly help: string;
  /**
   * Takes the arguments and, last, the values of the options with the {@link Context}. Prints by itself where it gives no result.
   */
  readonly run: (...given: never[]) => Promise<Result | undefined>;
}

/** A command in a list: what it does in a line, and the row, which is loaded when the command is asked for. */
export interface ListedCommand {
  /** Its name and arguments, such as `list [what]`. */
  readonly usage: string;
  readonly summary: string;
  readonly load: () => Promise<CommandRow>;
}

/** What a command found. */
export interface Result {
  /** The document of `--json`. */
  readonly document: object;
  /** Paragraphs of the text, with an empty line between them; nothing is printed without any. */
  readonly text: readonly (string | TextTable)[];
  /** The page of `--report`, of the parts that pages about models share. */
  readonly page?: (parts: PageParts) => Page;
  /** Default 0. */
  readonly exitCode?: number | undefined;
  /** Printed to stderr after the result. */
  readonly note?: string | undefined;
  /** Thrown after the result is printed. */
  readonly error?: Error | undefined;
}

/** What a command gets beside the values of its options. */
export interface Context {
  /** URL of the script that worker threads run; undefined: runs use this thread. */
  readonly script: URL | undefined;
}

/** Writes the page of a result, prints its document or its text, sets the exit code, and throws its error. */
export async function show(
  { document, text, page, exitCode = 0, note, error }: Result,
  { json, report }: { readonly json?: boolean; readonly report?: string },
): Promise<void> {
  if (report !== undefined && page !== undefined) {
    // Figures take time to load.
    const { pageParts, writePage } = await import("../model/page.js");
    await writePage(report, page(pageParts));
  }
  if (json) process.stdout.write(`${JSON.stringify(document)}\n`);
  else if (text.length > 0) process.stdout.write(`${text.map(paragraph).join("\n\n")}\n`);
  if (note !== undefined) process.stderr.write(`isoloss: ${note}\n`);
  if (exitCode !== 0) process.exitCode = exitCode;
  if (error !== undefined) throw error;
}

const paragraph = (part: string | TextTable): string =>
  typeof part === "string" ? part : textTable(part.columns, part.rows);

/** Adds listed commands to a program or to a command. Only those that the arguments may name are loaded, for their options and help. */
export async function addCommands(
  parent: Command,
  list: readonly ListedCommand[],
  { args, ...context }: { readonly args: readonly string[] } & Context,
): Promise<void> {
  for (const { usage, summary, load } of list) {
    const command = parent.command(usage).description(summary);
    if (!args.includes(command.name())) {
      // A placeholder: help prints [options] beside it without loading the command.
      command.addOption(new Option("--json").hideHelp());
      continue;
    }
    const { options, help, run } = await load();
    for (const [key, row] of Object.entries(options)) {
      for (const option of row(key)) command.addOption(option);
    }
    command.addHelpText("after", `\n${help}`).action(async (...given: unknown[]) => {
      const settings = given.at(-2) as object;
      const result = await run(...([...given.slice(0, -2), { ...settings, ...context }] as never[]));
      if (result) await show(result, settings);
    });
  }
}
