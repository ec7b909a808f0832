import type { Computing, ComputingHost } from "../../queue/src/computing.js";
import type { QueueTiming } from "../../queue/src/timing.js";

/** Times that let tests wait for deaths. */
export const fast: QueueTiming = {
  lock: 1000,
  lockRenewal: 250,
  stalled: 500,
  lease: 1000,
  look: 50,
  reconcile: 500,
  patience: 300,
  heartbeat: 300,
};

/** A run that takes a time, reports a value at rungs, and doubles a number. */
export interface FakeRun {
  readonly id: string;
  readonly number: number;
  readonly milliseconds: number;
  readonly values?: readonly number[];
}

export interface FakeRecord {
  readonly run: string;
  readonly result: number;
  /** Where it was stopped, or null. */
  readonly stopped?: number | null;
  readonly by?: string;
  readonly lost?: string;
  readonly isMissing?: boolean;
  readonly verdicts?: readonly string[];
}

export interface FakeReport {
  readonly run: string;
  readonly seed: number;
  readonly rung: number;
  readonly value: number;
  readonly best: number;
}

/** Computes by waiting. `begun` counts how often each run was begun; `isFull`: its disk takes nothing. */
export function fakeComputing(by: string, begun = new Map<string, number>(), isFull = false) {
  let host: ComputingHost<FakeRecord, FakeReport>;
  const going = new Map<string, NodeJS.Timeout>();
  const computing: Computing<FakeRun, FakeRecord, FakeReport> = {
    async start(given) {
      host = given;
    },
    submit(run) {
      begun.set(run.id, (begun.get(run.id) ?? 0) + 1);
      going.set(
        run.id,
        setTimeout(() => void finish(run), run.milliseconds),
      );
    },
    cancel(id) {
      clearTimeout(going.get(id));
      going.delete(id);
    },
    async stop() {
      for (const id of [...going.keys()]) this.cancel(id);
    },
  };
  async function finish({ id, number, values = [] }: FakeRun): Promise<void> {
    if (isFull) return host.fail(new Error("the disk is full"));
    let stopped: number | null = null;
    for (const [i, value] of values.entries()) {
      const rung = 10 * (i + 1);
      const best = Math.min(...values.slice(0, i + 1));
      const verdict = await host.judge({ run: id, seed: 0, rung, value, best });
      if (verdict === "stop") {
        stopped = rung;
        break;
      }
    }
    if (going.has(id)) host.record({ run: id, result: 2 * number, stopped, by });
  }
  return { computing, begun };
}
