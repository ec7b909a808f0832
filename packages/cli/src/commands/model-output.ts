import type { Command } from "commander";
import { nonNegativeNumber } from "../parse.js";

/** Adds the options of a command that writes a changed model. */
export const withOutput = (command: Command): Command =>
  command
    .requiredOption("-o, --out <file>", "the new file; never the one that is read")
    .option(
      "--tolerance <number>",
      "largest difference, relative to an output's largest value; default 0.0001, of weights in float16 0.0049",
      nonNegativeNumber,
    )
    .option("--no-verify", "write without the comparison, of a model that isoloss cannot run")
    .option("--json", "one JSON document on stdout instead of text", false);
