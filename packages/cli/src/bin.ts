#!/usr/bin/env node
import { createRequire } from "node:module";
import { Command } from "commander";
import { IsolossError } from "isoloss";
import { demo } from "./commands/demo.js";
import { positiveInteger, seedNumber } from "./parse.js";

const { version } = createRequire(import.meta.url)("../package.json") as { version: string };

const program = new Command("isoloss")
  .description("Train, and move along the loss level set: symmetry teleportation for optimisers.")
  .version(version)
  .showHelpAfterError("(isoloss --help lists the commands)");

program
  .command("demo")
  .description("train a classifier on the embedded digits, plain and with two kinds of teleport, and compare")
  .option("--steps <n>", "training steps of each run", positiveInteger, 600)
  .option("--seed <n>", "seed of initialisation, split and order", seedNumber, 0)
  .option("--out <dir>", "folder for the figure", "out")
  .option("--json", "one JSON document on stdout instead of the table", false)
  .addHelpText("after", "\nExample:\n  isoloss demo --steps 300 --out /tmp/demo")
  .action(demo);

try {
  await program.parseAsync();
} catch (error) {
  // Bad input has one line; a defect of ours keeps its trace.
  process.stderr.write(
    error instanceof IsolossError ? `isoloss: ${error.message}\n` : `${String((error as Error).stack)}\n`,
  );
  process.exitCode = 1;
}
