import { setPriority } from "node:os";
import { type Runner, workerRunner } from "../experiments/jobs/pool.js";
import { createLane, type LaneOrder } from "./lane.js";

/**
 * Computes what the parent process sends. This process answers at once: runs are in a thread of their own.
 *
 * @param options of the runs, see {@link workerRunner}
 */
export function serveLane(script: URL, options: Parameters<typeof workerRunner>[1]): void {
  try {
    // The sweep's own process comes first.
    setPriority(5);
  } catch {
    // A system that has no priorities, or allows no change.
  }
  // Ctrl-C in a terminal goes to all of its processes; the parent decides.
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {});
  process.on("disconnect", () => process.exit(0));
  const take = createLane(dying(workerRunner(script, options)), {
    send: (message) => process.send?.(message),
  });
  process.on("message", (order: LaneOrder) => take(order));
}

/** Ends the process where a run used up its memory: that is no error of its settings, and another process may have more. */
const dying = (runner: Runner): Runner => ({
  ...runner,
  async run(job, hooks) {
    const outcome = await runner.run(job, hooks);
    if (
      outcome &&
      "error" in outcome &&
      (outcome.error as NodeJS.ErrnoException)?.code === "ERR_WORKER_OUT_OF_MEMORY"
    ) {
      process.stderr.write("out of memory\n", () => process.exit(1));
      await new Promise(() => {});
    }
    return outcome;
  },
});
