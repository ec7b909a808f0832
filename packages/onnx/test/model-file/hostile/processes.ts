import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { aliases } from "../../../../../scripts/entries.js";
import type { Report } from "./worker.js";

export interface Finished {
  readonly what: string;
  readonly reached: string;
  /** Why it is a failure; empty if only errors of the library were thrown, in time. */
  readonly failures: readonly string[];
}

/**
 * Processor seconds and megabytes that a file may take. Loops in loops, which become 50,000 nodes, take up to one and a
 * half times the reference, so that on a machine that is slow or busy with other tests four references are the limit.
 */
const most = { seconds: 2, references: 4, megabytes: 512 };

/** The wall clock says less than the processor's on a busy machine: only a file that never ends takes so long. */
const patience = 60_000;

/** Bundles the worker, and returns its path. */
export async function bundledWorker(folder: string): Promise<string> {
  const entry = fileURLToPath(new URL("worker.ts", import.meta.url));
  await build({
    configFile: false,
    logLevel: "error",
    resolve: { alias: aliases },
    build: {
      ssr: entry,
      outDir: folder,
      minify: false,
      rolldownOptions: { output: { entryFileNames: "worker.mjs" } },
    },
  });
  return join(folder, "worker.mjs");
}

/** Checks the cases `first`, `first + step`, ... below `end`: a process that hangs or dies is replaced by another. */
export async function checkAll(
  worker: string,
  folder: string,
  first: number,
  end: number,
  step: number,
): Promise<Finished[]> {
  const finished: Finished[] = [];
  let next = first;
  while (next < end) next = await checkSome(worker, folder, next, end, step, finished);
  return finished;
}

/** Returns the case with which another process goes on. */
function checkSome(
  worker: string,
  folder: string,
  first: number,
  end: number,
  step: number,
  into: Finished[],
): Promise<number> {
  const args = [folder, first, end, step].map(String);
  const child: ChildProcess = fork(worker, args, { execArgv: ["--max-old-space-size=512"], stdio: "ignore" });
  return new Promise((resolve) => {
    let current: { k: number; what: string } | undefined;
    let why = "its process died";
    let timer: NodeJS.Timeout | undefined;
    child.on("message", (report: Report) => {
      clearTimeout(timer);
      if ("begins" in report) {
        current = { k: report.begins, what: report.what };
        timer = setTimeout(() => {
          why = `it did not end within ${patience / 1000} s`;
          child.kill("SIGKILL");
        }, patience);
        return;
      }
      current = undefined;
      first = report.ends + step;
      into.push(finishedOf(report));
      // The peak stays for all files after the one that needs so much.
      if (report.megabytes > most.megabytes) child.kill("SIGKILL");
    });
    child.on("exit", () => {
      clearTimeout(timer);
      if (current === undefined) return resolve(first);
      into.push({ what: current.what, reached: "nothing", failures: [why] });
      resolve(current.k + step);
    });
  });
}

function finishedOf({
  what,
  outcome: { reached, crashes },
  seconds,
  reference,
  megabytes,
}: Extract<Report, { ends: number }>): Finished {
  const failures = [...crashes];
  if (seconds > Math.max(most.seconds, most.references * reference)) {
    failures.push(`it took ${seconds.toFixed(1)} s; the reference took ${reference.toFixed(1)} s`);
  }
  if (megabytes > most.megabytes) failures.push(`it took ${megabytes.toFixed(0)} MB`);
  return { what, reached, failures };
}
