#!/usr/bin/env node
import { createRequire } from "node:module";
import { isMainThread } from "node:worker_threads";
import { runCommandLine } from "./commands/program.js";

if (isMainThread && process.argv[2] === "lane" && process.connected) {
  // A child process of a sweep.
  const [, , , threads, provider] = process.argv;
  const { serveLane } = await import("./sweep/lane.js");
  serveLane(new URL(import.meta.url), {
    threads: threads ? Number(threads) : undefined,
    provider: provider || undefined,
  });
} else if (isMainThread) {
  const { version } = createRequire(import.meta.url)("../package.json") as { version: string };
  process.stdout.on("error", async (error: NodeJS.ErrnoException) => {
    // A reader that closes the pipe early, such as head, is not an error.
    if (error.code === "EPIPE") process.exit(0);
    const { reasonOf } = await import("isoloss/node");
    process.stderr.write(`isoloss: Cannot write to the standard output: ${reasonOf(error)}.\n`);
    process.exit(1);
  });
  try {
    await runCommandLine(process.argv.slice(2), { version, script: new URL(import.meta.url) });
  } catch (error) {
    (await import("./fail.js")).fail(error);
  }
} else {
  (await import("./experiments/jobs/pool.js")).serveJobs();
}
