// Lanes on this computer: child processes, each of which computes one run at a time.
import { type ChildProcess, fork } from "node:child_process";
import { availableParallelism, hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { revived } from "../experiments/jobs/pool.js";
import { countText } from "../experiments/results/format-number.js";
import type { LaneMessage, LaneOrder } from "./lane.js";
import {
  type LaneHost,
  type Lanes,
  type RungReport,
  type RunRecord,
  type RunRequest,
  unfinishedRecord,
} from "./lanes.js";

export interface ProcessLanesOptions {
  readonly jobs: number;
  /** The folder of the runs' directories. */
  readonly folder: string;
  start(onMessage: (message: LaneMessage) => void, onExit: (last: string, how: string) => void): LaneProcess;
}

export interface LaneProcess {
  send(order: LaneOrder): void;
  kill(): void;
}

/** Deaths of its process that a run survives. */
const mostDeaths = 4;
/** Between the request to stop and the end of a run that did not. */
const graceSeconds = 10;
/** Of a timer of Node, 24 days; a longer one would end at once. */
const mostMilliseconds = 2 ** 31 - 1;

interface UnderWay {
  readonly request: RunRequest;
  readonly timers: NodeJS.Timeout[];
  isLate?: boolean;
}

interface Lane {
  readonly name: string;
  process?: LaneProcess | undefined;
  run?: UnderWay | undefined;
}

/** Lanes, and the runs that they compute or that wait for one. */
interface Pool extends Pick<ProcessLanesOptions, "folder" | "start"> {
  readonly lanes: readonly Lane[];
  readonly queue: RunRequest[];
  /** Ids of runs that were submitted, and not dropped. */
  readonly taken: Set<string>;
  /** How the processes of a run died, as SIGKILL or code 134. */
  readonly deaths: Map<string, readonly string[]>;
  /** The lanes of runs whose times are compared. */
  readonly chosen: Map<number, Lane>;
  host: LaneHost | undefined;
  isStopping: boolean;
  onIdle(): void;
}

export function processLanes({ jobs, folder, start }: ProcessLanesOptions): Lanes {
  // Those of another process, as after an interruption, are others.
  const nameOf = (lane: number) => `${hostname()}:${process.pid}:${lane}`;
  const pool: Pool = {
    folder,
    start,
    lanes: Array.from({ length: jobs }, (_, i) => ({ name: nameOf(i) })),
    queue: [],
    taken: new Set(),
    deaths: new Map(),
    chosen: new Map(),
    host: undefined,
    isStopping: false,
    onIdle() {},
  };
  const { lanes, queue, taken } = pool;
  return {
    width: jobs,
    words: countText(jobs, "lane"),
    async start(host) {
      pool.host = host;
    },
    submit(runs) {
      for (const run of runs) {
        if (taken.has(run.id)) continue;
        taken.add(run.id);
        queue.push(run);
      }
      assign(pool);
    },
    async withdraw() {
      const dropped = queue.splice(0).map(({ id }) => id);
      for (const id of dropped) taken.delete(id);
      return dropped;
    },
    cancel(ids) {
      const gone = new Set(ids);
      for (const id of ids) taken.delete(id);
      queue.splice(0, queue.length, ...queue.filter(({ id }) => !gone.has(id)));
      for (const { run, process } of lanes)
        if (run && gone.has(run.request.id)) process?.send({ stop: true });
    },
    async stop() {
      pool.isStopping = true;
      for (const { run, process } of lanes) if (run) process?.send({ stop: true });
      if (lanes.some(({ run }) => run)) {
        // A run that waits for a verdict does not see that it is to stop.
        await new Promise<void>((resolve) => {
          pool.onIdle = resolve;
          setTimeout(resolve, 1000 * graceSeconds).unref();
        });
      }
      for (const lane of lanes) lane.process?.kill();
    },
  };
}

function assign(pool: Pool): void {
  const { lanes, queue, chosen } = pool;
  if (pool.isStopping) return;
  for (const lane of lanes) {
    if (lane.run) continue;
    const next = queue.findIndex(({ together }) => {
      return together === undefined || (chosen.get(together) ?? lane) === lane;
    });
    const [request] = next === -1 ? [] : queue.splice(next, 1);
    if (request === undefined) continue;
    if (request.together !== undefined) chosen.set(request.together, lane);
    begin(pool, lane, request);
  }
}

function begin(pool: Pool, lane: Lane, request: RunRequest): void {
  const run: UnderWay = { request, timers: [] };
  lane.run = run;
  lane.process ??= pool.start(
    (message) => onMessage(pool, lane, message),
    (last, how) => onExit(pool, lane, last, how),
  );
  if (request.timeout !== undefined && 1000 * request.timeout <= mostMilliseconds) {
    const stop = () => {
      run.isLate = true;
      lane.process?.send({ stop: true });
      run.timers.push(setTimeout(() => lane.process?.kill(), 1000 * graceSeconds));
    };
    run.timers.push(setTimeout(stop, 1000 * request.timeout));
  }
  lane.process.send({ run: request, directory: join(pool.folder, request.place) });
}

function onMessage(pool: Pool, lane: Lane, message: LaneMessage): void {
  const { run } = lane;
  const { host } = pool;
  if (run === undefined) return;
  if ("progress" in message) host?.progress(run.request.id, message.progress);
  else if ("report" in message) void judge(pool, lane, message.report);
  else if ("stuck" in message) {
    // No other run begins: it would find the same disk.
    free(pool, lane);
    host?.fail(revived(message.stuck));
  } else {
    free(pool, lane);
    if ("record" in message) host?.record({ ...message.record, lane: lane.name });
    else if (run.isLate) host?.record(ended(lane, run, "failed", lateText(run)));
    assign(pool);
  }
}

async function judge({ host }: Pool, lane: Lane, report: RungReport): Promise<void> {
  const verdict = (await host?.judge(report)) ?? "stop";
  if (lane.run?.request.id === report.run) lane.process?.send({ verdict });
}

/** A process has ended: what it computed goes on in another one, from its checkpoint. */
function onExit(pool: Pool, lane: Lane, last: string, how: string): void {
  const { host, taken, deaths } = pool;
  lane.process = undefined;
  const { run } = lane;
  if (run === undefined) return;
  free(pool, lane);
  const { request } = run;
  if (run.isLate) host?.record(ended(lane, run, "failed", lateText(run)));
  else if (taken.has(request.id) && !pool.isStopping) {
    const all = [...(deaths.get(request.id) ?? []), how];
    deaths.set(request.id, all);
    if (all.length <= mostDeaths) pool.queue.unshift(request);
    else {
      const said = last === "" ? "it said nothing" : `the last said: ${last}`;
      const text = `Its process died ${all.length} times (${all.join(", ")}); ${said}`;
      host?.record(ended(lane, run, "lost", text));
    }
  }
  assign(pool);
}

function free({ lanes, onIdle }: Pool, lane: Lane): void {
  for (const timer of lane.run?.timers ?? []) clearTimeout(timer);
  lane.run = undefined;
  if (lanes.every(({ run }) => run === undefined)) onIdle();
}

const lateText = ({ request }: UnderWay): string => `timeout: it took longer than ${request.timeout} s`;

const ended = ({ name }: Lane, { request }: UnderWay, status: "failed" | "lost", error: string): RunRecord =>
  unfinishedRecord(request.id, status, { lane: name, error });

/**
 * Starts lanes as child processes, each with its share of the cores.
 *
 * @param script the program's own
 * @param jobs how many lanes there will be
 * @param provider of every run, whatever its settings say
 */
export const childLane =
  (script: URL, jobs: number, provider?: string): ProcessLanesOptions["start"] =>
  (onMessage, onExit) => {
    const threads = Math.max(1, Math.floor(availableParallelism() / jobs));
    const args = ["lane", jobs === 1 ? "" : String(threads), provider ?? ""];
    const child: ChildProcess = fork(fileURLToPath(script), args, {
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    let last = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      last = `${last}${text}`.slice(-2000);
    });
    child.on("message", onMessage);
    let isOver = false;
    const exit = (said: string, how: string) => {
      if (!isOver) onExit(said, how);
      isOver = true;
    };
    child.on("error", (error) => exit(error.message, "not started"));
    child.on("close", (code, signal) => exit(last.trim().split("\n").at(-1) ?? "", signal ?? `code ${code}`));
    return {
      send: (order) => {
        // Of a child that has just died, "close" tells.
        if (child.connected) child.send(order, () => {});
      },
      kill: () => {
        child.kill("SIGKILL");
      },
    };
  };
