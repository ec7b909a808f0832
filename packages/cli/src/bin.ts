#!/usr/bin/env node
import { createRequire } from "node:module";
import { Command } from "commander";
import { IsolossError } from "isoloss";
import type { DemoOptions } from "./commands/demo.js";
import { positiveInteger, seedNumber } from "./parse.js";

const { version } = createRequire(import.meta.url)("../package.json") as { version: string };

const program = new Command("isoloss")
  .description("Train, and move along the loss level set: symmetry teleportation for optimisers.")
  .version(version)
  .configureOutput({
    outputError: (text, write) =>
      write(`isoloss: ${text.replace(/^error: /, "").trim()} (--help tells more)\n`),
  });

program
  .command("demo")
  .description("train a classifier on the embedded digits, plain and with two kinds of teleport, and compare")
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
  // Loaded when it is needed: help and errors come at once.
  .action(async (options: DemoOptions) => (await import("./commands/demo.js")).demo(options));

// A reader that has seen enough, such as head, is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

try {
  await program.parseAsync();
} catch (error) {
  // Bad input has one line; a defect of ours keeps its trace.
  process.stderr.write(
    error instanceof IsolossError ? `isoloss: ${error.message}\n` : `${String((error as Error).stack)}\n`,
  );
  process.exitCode = 1;
}
