#!/usr/bin/env node
import { createRequire } from "node:module";
import { isMainThread } from "node:worker_threads";
import { createProgram } from "./commands/program.js";

if (isMainThread) {
  const { version } = createRequire(import.meta.url)("../package.json") as { version: string };
  // A reader that has seen enough, such as head, is no error.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
  try {
    await createProgram(version, new URL(import.meta.url)).parseAsync();
  } catch (error) {
    (await import("./fail.js")).fail(error);
  }
} else {
  (await import("./experiments/pool.js")).serveJobs();
}
