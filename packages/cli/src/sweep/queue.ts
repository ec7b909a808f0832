// Sweeps on many machines, by the optional package isoloss-queue.
import { hostname } from "node:os";
import { join } from "node:path";
import { OptionError } from "isoloss";
import { readFileOrThrow } from "isoloss/node";
import type {
  Computing,
  QueueAddress,
  QueueTiming,
  SweepCopy,
  SweepNotice,
  WorkerVerdict,
} from "isoloss-queue";
import { needsOf } from "../experiments/catalogue/tasks.js";
import type { Settings } from "../experiments/kind.js";
import { type OpenSweep, rebuildSweepDirectory, type SweepSpec, sweepPaths } from "./directory.js";
import {
  type Lanes,
  type RequestedPauses,
  type RungReport,
  type RungVerdict,
  type RunRecord,
  type RunRequest,
  unfinishedRecord,
} from "./lanes.js";
import type { LoadedSweep } from "./load.js";
import { programVersion } from "./plan.js";
import { verdictRuleOf } from "./prune.js";
import type { AskEntry } from "./types.js";

type QueuePackage = typeof import("isoloss-queue");

/** @throws OptionError when the package is not installed */
export async function loadQueue(): Promise<QueuePackage> {
  try {
    return await import("isoloss-queue");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw cause;
    throw new OptionError("`--queue` needs the package isoloss-queue: npm install isoloss-queue", { cause });
  }
}

/** Milliseconds between signs of life, as JSON in the environment: for tests, which cannot wait for minutes. */
export const queueTiming = (): Partial<QueueTiming> =>
  JSON.parse(process.env.ISOLOSS_QUEUE_TIMING ?? "{}") as Partial<QueueTiming>;

/** A server from an option, or the environment. @throws OptionError without one */
export function queueAddress(url: string | undefined): QueueAddress {
  const address = url ?? process.env.ISOLOSS_QUEUE;
  if (address === undefined || address === "") {
    throw new OptionError(
      "Give the address of a server: --queue redis://HOST:PORT, or in the variable ISOLOSS_QUEUE.",
    );
  }
  return { url: address, password: process.env.ISOLOSS_QUEUE_PASSWORD };
}

/** The server, where one is given or set for all commands. */
export const chosenQueue = (url: string | undefined): QueueAddress | undefined =>
  url === undefined && !process.env.ISOLOSS_QUEUE ? undefined : queueAddress(url);

/** Before a sweep has a directory: @throws OptionError where workers cannot compute it; DataError where the server is not there */
export async function requireQueue(address: QueueAddress, loaded: LoadedSweep): Promise<void> {
  const { listSweeps } = await loadQueue();
  requireNoTimes(loaded);
  await listSweeps(address);
}

function requireNoTimes({ file: { confirm } }: LoadedSweep): void {
  if (confirm === false || confirm.metric === undefined) return;
  throw new OptionError(
    `confirm.metric: the times of several computers cannot be compared; got ${confirm.metric}. Leave it out, or run the sweep without --queue.`,
  );
}

/** Lanes that are workers behind a queue, of which one may be on its way. */
export async function queuedLanes(
  sweep: OpenSweep,
  address: QueueAddress,
  expectsWorker: boolean,
): Promise<Lanes> {
  const { queueLanes } = await loadQueue();
  const { directory, id, loaded, engine } = sweep;
  requireNoTimes(loaded);
  const paths = sweepPaths(directory);
  const [file, experiment, environment] = await Promise.all(
    [paths.file, paths.experiment, paths.environment].map(async (path) =>
      Buffer.from(await readFileOrThrow(path, { what: "sweep" })).toString("utf8"),
    ),
  );
  const spec: SweepSpec = { file, experiment, environment };
  const notice = noticeOf([{ name: loaded.file.name, settings: loaded.variant.settings }], {
    id,
    since: JSON.parse(environment).startedAt,
  });
  const asks = engine.state.trials.map(
    ({ trial, parameters, runs }): AskEntry => ({
      entry: "ask",
      trial,
      parameters,
      runs: runs.map((run) => run.id),
    }),
  );
  return queueLanes<RunRequest, RunRecord>({
    ...address,
    sweep: notice,
    spec,
    asks,
    timing: queueTiming(),
    expectsWorker,
    lost: lostRecord,
    verdicts: () =>
      [...engine.state.runs.values()].flatMap(({ id: run, seed, verdicts: own }) =>
        [...own.values()].map((verdict) => ({ ...verdict, run, seed })),
      ),
  });
}

/** Runs as workers see them, before they take one. */
export function noticeOf(
  runs: readonly { readonly name: string; readonly settings: Settings }[],
  { id, since }: Pick<SweepNotice, "id" | "since">,
): SweepNotice {
  const needs = [...new Set(runs.flatMap(({ settings }) => needsOf(settings)))];
  return { id, name: runs[0]?.name ?? id, version: programVersion(), needs, since };
}

/** The record of a run whose workers died. */
export const lostRecord = ({ id }: RunRequest, error: string): RunRecord =>
  unfinishedRecord(id, "lost", { error });

/**
 * The directory of a sweep that another computer began, from what the server knows of it.
 *
 * @throws OptionError when the server has no such open sweep
 */
export async function attachSweep(base: string, id: string, address: QueueAddress): Promise<OpenSweep> {
  const { readSweep } = await loadQueue();
  const { notice, spec, asks, records }: SweepCopy = await readSweep(address, id);
  if (spec === null) {
    throw new OptionError(
      `${id} is not a sweep but runs of ${notice.name}: the command that started them goes on with them, on the same computer.`,
    );
  }
  return rebuildSweepDirectory(base, notice, {
    spec: spec as SweepSpec,
    asks: asks as AskEntry[],
    records: records as RunRecord[],
  });
}

/** Lanes of this computer, for a worker. Directories are `COMPUTER/SWEEP/RUN`: a run that comes back goes on. */
export function computingOf(lanes: Lanes): Computing<RunRequest, RunRecord, RungReport> {
  return {
    start: (host) => lanes.start({ ...host, changed() {}, note() {} }, []),
    submit: (run, sweep) => lanes.submit([{ ...run, place: join(hostname(), sweep.id, run.id) }]),
    cancel: (run) => lanes.cancel([run]),
    stop: () => lanes.stop(),
  };
}

/** The rule of a run that reports. */
export function ruleOf({ pauses }: RunRequest) {
  const { rule, goal } = pauses as RequestedPauses;
  return verdictRuleOf(rule, goal);
}

/** A record that brings along what the server decided. Its directory is not where the sweep is. */
export function withVerdicts(
  record: RunRecord,
  made: readonly (readonly [RungReport, WorkerVerdict])[],
): RunRecord {
  const verdicts = made.map(
    ([{ rung, step, value }, verdict]): RungVerdict => ({
      rung,
      step,
      value: Number.isFinite(value) ? value : null,
      ...verdict,
    }),
  );
  return { ...record, directory: null, ...(verdicts.length > 0 ? { verdicts } : {}) };
}

/** Computer and process. */
export const processName = (): string => `${hostname()}:${process.pid}`;
