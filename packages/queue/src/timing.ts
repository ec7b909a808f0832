import { setTimeout as pause } from "node:timers/promises";

/** Milliseconds. */
export interface QueueTiming {
  /** A run whose worker has not renewed its lock for so long is delivered to another one. */
  readonly lock: number;
  readonly lockRenewal: number;
  /** Between looks for runs without a lock; a worker that died is noticed after a lock and two of them at most. */
  readonly stalled: number;
  /** A process that runs a sweep and has not said so for so long is taken for dead. */
  readonly lease: number;
  /** Between looks for records, and for runs. */
  readonly look: number;
  /** Between checks that nothing is missing on the server. */
  readonly reconcile: number;
  /** Without a worker, until a second note of that. */
  readonly patience: number;
  /** Between a worker's signs of life; it is gone after three of them. */
  readonly heartbeat: number;
}

export const defaultTiming: QueueTiming = {
  lock: 60_000,
  lockRenewal: 15_000,
  stalled: 15_000,
  lease: 15_000,
  look: 1000,
  reconcile: 60_000,
  patience: 60_000,
  heartbeat: 10_000,
};

/** Deaths of its worker that a run survives. */
export const mostDeaths = 4;

/** Waits for a task, but no longer than so many milliseconds: what waits for a server that is away does not hold up the end. */
export const atMost = (milliseconds: number, task: Promise<unknown>): Promise<unknown> =>
  Promise.race([task.catch(() => {}), pause(milliseconds, undefined, { ref: false })]);
