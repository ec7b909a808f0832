// Names of what is on the server. The braces keep all keys of a sweep on one node of a cluster.

/** A sweep's queue, and the keys beside it. */
export interface SweepKeys {
  /** BullMQ's. */
  readonly prefix: string;
  readonly queue: string;
  /** What the sweep is, as JSON. */
  readonly spec: string;
  /** Hash of the asks as JSON, by trial: with the records, all that another computer needs to go on. */
  readonly asks: string;
  /** List of the ids of runs with a record, in the order in which they were committed. */
  readonly records: string;
  /** Hash of the records as JSON, by run. */
  readonly record: string;
  /** Hash of the verdicts as JSON, by run and rung. */
  readonly verdicts: string;
  /** Set of the runs that are not to be computed any more. */
  readonly cancelled: string;
  /** Set of the deliveries of a run that no worker has ended: one that lives ends its own, however long the server was away. */
  deliveries(run: string): string;
  /** Hash of where the runs under way are, as JSON. */
  readonly live: string;
  /** There once the sweep is over. */
  readonly closed: string;
  /** Who runs the sweep; expires. */
  readonly lease: string;
  /** Channel with news of commits. */
  readonly news: string;
  /** Sorted set of the values at a rung of the runs of a seed. */
  values(seed: number, rung: number): string;
  /** Pattern of all keys of the sweep. */
  readonly all: string;
}

export function sweepKeys(id: string): SweepKeys {
  const prefix = `{isoloss-${id}}`;
  const own = (name: string) => `${prefix}:x:${name}`;
  return {
    prefix,
    queue: `isoloss-${id}`,
    spec: own("spec"),
    asks: own("asks"),
    records: own("records"),
    record: own("record"),
    verdicts: own("verdicts"),
    cancelled: own("cancelled"),
    deliveries: (run) => own(`deliveries:${run}`),
    live: own("live"),
    closed: own("closed"),
    lease: own("lease"),
    news: own("news"),
    values: (seed, rung) => own(`values:${seed}:${rung}`),
    all: `${prefix}:*`,
  };
}

/** Hash of the open sweeps as JSON, by id. */
export const sweepsKey = "isoloss:sweeps";
/** Set of the ids of workers, some of which may be gone. */
export const workersKey = "isoloss:workers";
/** A worker as JSON; expires. */
export const workerKey = (id: string): string => `isoloss:worker:${id}`;
