// A worker of this computer for a sweep on a server, beside those of other computers.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { QueueAddress } from "isoloss-queue";
import { loadQueue } from "./queue.js";

export interface OwnWorkerOptions {
  /** The program's script. */
  readonly script: URL;
  readonly queue: QueueAddress;
  /** Of the sweep. */
  readonly id: string;
  /** Runs at the same time. */
  readonly jobs: number;
  /** Folder of checkpoints. */
  readonly work: string;
  /** Tells a line. */
  note(line: string): void;
}

/** Seconds without a run after which a worker ends, should this process be killed; until then it is started again. */
const idleSeconds = 60;

/**
 * Starts `isoloss worker` for a sweep.
 *
 * @returns what ends it: its runs save where they are and are given back
 */
export function startOwnWorker({
  script,
  queue,
  id,
  jobs,
  work,
  note,
}: OwnWorkerOptions): () => Promise<void> {
  const { url, password } = queue;
  // Not among the arguments, which other users of this computer can read.
  const env = { ...process.env, ISOLOSS_QUEUE: url, ISOLOSS_QUEUE_PASSWORD: password ?? "" };
  const args = ["worker", "--sweep", id, "--jobs", `${jobs}`, "--work", work];
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
