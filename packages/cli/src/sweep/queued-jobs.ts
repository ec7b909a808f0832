// Jobs of `isoloss run` and `isoloss reproduce` on many machines: a sweep without a search, whose runs come back whole.
import { hostname } from "node:os";
import { groupBy, pick } from "es-toolkit";
import { DataError } from "isoloss";
import type { QueueAddress } from "isoloss-queue";
import { type Job, runName } from "../experiments/jobs/job.js";
import type { JobOutcome } from "../experiments/jobs/pool.js";
import type { Elsewhere } from "../experiments/jobs/session.js";
import { unpackRun } from "./brought-run.js";
import type { LaneHost, RunRecord, RunRequest } from "./lanes.js";
import { programVersion, runId } from "./plan.js";
import { loadQueue, lostRecord, noticeOf, queueTiming } from "./queue.js";

/**
 * Runs jobs on workers behind a queue. Jobs that were left there, by Ctrl-C or with their process, are found again by the
 * same jobs from the same computer: what has ended meanwhile is not computed again.
 */
export const queuedJobs = (address: QueueAddress): Elsewhere => ({
  leaving: "Leaving: the runs go on with their workers. Ctrl-C again ends at once.",
  async run(jobs, { signal, onProgress, onEnd, line, among = jobs }) {
    const { queueLanes } = await loadQueue();
    const requests = jobs.map(requestOf);
    const jobsOfId = groupBy(jobs, jobId);
    const outcomes = new Map<Job, JobOutcome>();
    let writing: Promise<unknown> = Promise.resolve();
    let [finish, fail] = [() => {}, (_: unknown) => {}];
    const over = new Promise<void>((resolve, reject) => {
      [finish, fail] = [resolve, reject];
    });
    // It may fail while the lanes start, before it is awaited.
    over.catch(() => {});

    async function take(record: RunRecord): Promise<void> {
      for (const job of jobsOfId[record.run] ?? []) {
        if (outcomes.has(job)) continue;
        const { outcome, left } = await outcomeOf(record, job);
        outcomes.set(job, outcome);
        onEnd?.(outcome);
        if (left !== undefined) line(`Its files are too large to travel, and stay in ${left}`);
      }
      if (outcomes.size === jobs.length) finish();
    }
    const host: LaneHost = {
      record(record) {
        writing = writing.then(() => take(record)).catch(fail);
      },
      judge: () => "go",
      progress(run, at) {
        const [job] = jobsOfId[run] ?? [];
        if (job) onProgress?.(job, at);
      },
      changed() {},
      note: line,
      fail,
    };
    const lanes = queueLanes<RunRequest, RunRecord>({
      ...address,
      sweep: noticeOf(among, {
        id: runId({
          host: hostname(),
          out: among[0]?.out,
          runs: Object.keys(groupBy(among, jobId)),
        }).slice(2),
        since: new Date().toISOString(),
      }),
      spec: null,
      asks: [],
      lost: lostRecord,
      timing: queueTiming(),
    });
    signal?.addEventListener("abort", finish);
    try {
      await lanes.start(host, []);
      lanes.submit(requests);
      if (!signal?.aborted && jobs.length > 0) await over;
      await writing;
      if (outcomes.size === jobs.length) await lanes.forget();
    } finally {
      signal?.removeEventListener("abort", finish);
      await lanes.stop();
    }
    return jobs.flatMap((job) => outcomes.get(job) ?? []);
  },
});

/** Unlike the trials of a sweep, runs that compute the same under two names are two. */
export const jobId = (job: Job): string =>
  runId({
    version: programVersion(),
    ...pick(job, ["name", "variant", "kind", "settings", "seed", "repeat"]),
  });

const requestOf = (job: Job): RunRequest => ({
  id: jobId(job),
  place: `${runName(job.name, job.variant)}-${job.seed}`,
  metrics: [],
  isBrought: true,
  job: pick(job, ["name", "variant", "seed", "repeat", "kind", "settings", "config"]),
});

async function outcomeOf({ brought, error }: RunRecord, job: Job): ReturnType<typeof unpackRun> {
  if (brought !== undefined) return unpackRun(brought, job);
  return { outcome: { job, error: new DataError(error ?? "Its worker sent no result.") } };
}
