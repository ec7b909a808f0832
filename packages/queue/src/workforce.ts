import type { Redis } from "ioredis";
import { livingWorkers, type SweepNotice, type WorkerNotice } from "./sweeps.js";

/** The workers of a sweep. */
export interface Workforce {
  /** Runs that they compute at the same time. */
  readonly lanes: number;
  /** "3 workers, 8 lanes". */
  readonly words: string;
  /** Counts them. @returns whether there are others than before */
  count(redis: Redis): Promise<boolean>;
}

/**
 * Counts the living workers that can serve a sweep.
 *
 * @param start the command that starts one
 * @param patience milliseconds without a worker until a second note of that
 * @param expectsWorker one is being started: only after this time is the lack of one told
 * @param note tells a line, once
 */
export function createWorkforce(
  sweep: SweepNotice,
  {
    start,
    patience,
    expectsWorker,
    note,
  }: {
    readonly start: string;
    readonly patience: number;
    readonly expectsWorker: boolean;
    note(line: string): void;
  },
): Workforce {
  let [lanes, workers] = [0, 0];
  let aloneSince: number | undefined;

  /** What keeps a worker from serving the sweep. */
  function unfitness({ version, missing = [] }: WorkerNotice): string | undefined {
    if (version !== sweep.version && version !== "any") return `version ${version}`;
    const lacking = sweep.needs.filter((name) => missing.includes(name));
    return lacking.length > 0 ? `no ${lacking.join(" and no ")}` : undefined;
  }

  function tellOfNone(): void {
    if (!expectsWorker) note(`No worker yet: start one with ${start}`);
    aloneSince ??= performance.now();
    if (performance.now() - aloneSince > patience)
      note(`Still no worker for this sweep. It waits for ${start}`);
  }

  return {
    get lanes() {
      return lanes;
    },
    get words() {
      return `${workers} ${workers === 1 ? "worker" : "workers"}, ${lanes} ${lanes === 1 ? "lane" : "lanes"}`;
    },
    async count(redis) {
      const able = (await livingWorkers(redis)).filter((worker) => {
        const why = unfitness(worker);
        if (why !== undefined) note(`The worker ${worker.name} has ${why}: it is not used.`);
        return why === undefined;
      });
      if (able.length === 0) tellOfNone();
      else aloneSince = undefined;
      const before = [lanes, workers];
      lanes = able.reduce((sum, worker) => sum + worker.lanes, 0);
      workers = able.length;
      return lanes !== before[0] || workers !== before[1];
    },
  };
}
