import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { writeFileAtomic } from "isoloss/node";
import type { QueueAddress } from "isoloss-queue";
import { localRunner } from "../experiments/jobs/pool.js";
import { toCsv } from "../formats/csv.js";
import { untilInterrupted } from "../interrupt.js";
import { describeEnvironment, type Environment } from "../run/environment.js";
import { readJsonFile } from "../run/read.js";
import { coordinate } from "./coordinator.js";
import { type OpenSweep, type StoredSweep, sweepPaths } from "./directory.js";
import { type SweepDocument, sweepDocument, trialRows } from "./document.js";
import { createLane } from "./lane.js";
import type { Lanes } from "./lanes.js";
import { childLane, type ProcessLanesOptions, processLanes } from "./process-lanes.js";
import { sweepReporter } from "./progress-line.js";
import { loadQueue, queuedLanes } from "./queue.js";
import { sweepReport } from "./sweep-report.js";

interface RunSweepOptions {
  /** Runs at the same time on this computer; default one for each core, beside a queue none. */
  readonly jobs?: number | undefined;
  readonly quiet: boolean;
  /** The program's script, which child processes start; without one, runs use this thread, one after the other. */
  readonly script?: URL | undefined;
  /** Workers behind this server compute instead. */
  readonly queue?: QueueAddress | undefined;
  /** The sweep is left to these workers at once. */
  readonly detach?: boolean | undefined;
}

/** Seconds between reports of a sweep under way. */
const reportSeconds = 10;

/** Runs a sweep to its end, or until Ctrl-C, with progress on stderr. Its outputs are then up to date. */
export async function runSweep(
  sweep: OpenSweep,
  { jobs, quiet, script, queue, detach }: RunSweepOptions,
): Promise<SweepDocument> {
  const count = script ? (jobs ?? availableParallelism()) : 1;
  const lanes: Lanes = queue
    ? await queuedLanes(sweep, queue, jobs !== undefined)
    : processLanes({
        jobs: count,
        folder: sweepPaths(sweep.directory).runs,
        start: script ? childLane(script, count) : localLane,
      });
  const reporter = sweepReporter(sweep, {
    words: () => lanes.words,
    stream: quiet ? undefined : process.stderr,
  });
  const told = () =>
    reporter.line(
      queue
        ? "Leaving: the sweep goes on with its workers. Ctrl-C again ends at once."
        : "Stopping: runs save where they are. Ctrl-C again ends at once.",
    );
  let last = performance.now();
  let writing: Promise<unknown> = Promise.resolve();
  const refresh = () => {
    reporter.update();
    if (performance.now() - last < 1000 * reportSeconds) return;
    last = performance.now();
    writing = writing.then(() => writeOutputs(sweep)).catch(() => {});
  };
  const timer = setInterval(refresh, 500);
  const endWorker =
    queue && jobs && script ? startOwnWorker(sweep, { script, queue, jobs, note: reporter.line }) : undefined;
  try {
    const hasEnded = await untilInterrupted(told, (signal) =>
      coordinate({
        engine: sweep.engine,
        journal: sweep.journal,
        lanes,
        signal,
        isDetached: detach,
        requestOf: sweep.plan.requestOf,
        onRecord: reporter.onRecord,
        onNote: reporter.line,
      }),
    );
    await writing;
    return await writeOutputs(sweep, hasEnded ? "completed" : "interrupted");
  } finally {
    clearInterval(timer);
    await endWorker?.();
    reporter.end();
  }
}

/** Writes trials.csv, summary.json and report.html. */
async function writeOutputs(sweep: StoredSweep, status?: SweepDocument["status"]): Promise<SweepDocument> {
  const paths = sweepPaths(sweep.directory);
  const document = sweepDocument(sweep, { ...(status ? { status } : {}), report: paths.report });
  await writeFileAtomic(paths.trials, toCsv(trialRows(document)));
  await writeFileAtomic(paths.summary, `${JSON.stringify(document, undefined, 2)}\n`);
  // A published sweep may come without it.
  const environment = (await readJsonFile(paths.environment).catch(() =>
    describeEnvironment({ seed: sweep.loaded.file.seed, runtime: "auto" }),
  )) as Environment;
  await writeFileAtomic(paths.report, sweepReport(sweep, document, environment));
  return document;
}

const localLane: ProcessLanesOptions["start"] = (onMessage) => {
  const take = createLane(localRunner(), { send: onMessage });
  return { send: take, kill() {} };
};

/** Seconds without a run after which a worker ends, should this process be killed; until then it is started again. */
const idleSeconds = 60;

/**
 * Starts `isoloss worker` for a sweep.
 *
 * @returns what ends it: its runs save where they are and are given back
 */
function startOwnWorker(
  { id, directory }: StoredSweep,
  {
    script,
    queue,
    jobs,
    note,
  }: Required<Pick<RunSweepOptions, "script" | "queue" | "jobs">> & { note(line: string): void },
): () => Promise<void> {
  const { url, password } = queue;
  // Not among the arguments, which other users of this computer can read.
  const env = { ...process.env, ISOLOSS_QUEUE: url, ISOLOSS_QUEUE_PASSWORD: password ?? "" };
  const args = ["worker", "--sweep", id, "--jobs", `${jobs}`, "--work", sweepPaths(directory).runs];
  let child: ChildProcess;
  let isOver = false;
  let again: NodeJS.Timeout | undefined;
  const begin = () => {
    child = spawn(
      process.execPath,
      [fileURLToPath(script), ...args, "--idle-exit", `${idleSeconds}`, "--quiet"],
      { env, stdio: ["ignore", "ignore", "inherit"] },
    );
    child.on("exit", (code, signal) => {
      if (isOver) return;
      // After a moment: Ctrl-C reaches the worker before this process.
      if (code === 0) again = setTimeout(beginWithServer, 1000);
      else
        note(
          `The worker of this computer has ended with ${code === null ? signal : `code ${code}`}; the sweep goes on with others.`,
        );
    });
  };
  /** Without its server it would end at once, with an error. */
  const beginWithServer = async () => {
    const { listSweeps } = await loadQueue();
    await listSweeps(queue).then(
      () => void (isOver || begin()),
      () => {
        if (!isOver) again = setTimeout(beginWithServer, 1000);
      },
    );
  };
  begin();
  return async () => {
    isOver = true;
    clearTimeout(again);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill();
    await ended;
  };
}
