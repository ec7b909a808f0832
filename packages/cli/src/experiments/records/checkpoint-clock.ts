import type { JobContext } from "../kind.js";

/** Decides when a run's next checkpoint is due. */
export interface CheckpointClock {
  /** Steps that may be done before the next one, at least 1. */
  stepsLeft(step: number): number;
  isDue(step: number): boolean;
  /** Call this when one is written. */
  saved(step: number): void;
}

/** @param step at which the run starts or resumes */
export function checkpointClock(
  { checkpointSeconds, checkpointSteps = Infinity }: JobContext,
  step: number,
): CheckpointClock {
  let last = step;
  let at = performance.now();
  return {
    stepsLeft: (now) => Math.max(1, last + checkpointSteps - now),
    isDue: (now) => performance.now() - at >= 1000 * checkpointSeconds || now - last >= checkpointSteps,
    saved(now) {
      last = now;
      at = performance.now();
    },
  };
}
