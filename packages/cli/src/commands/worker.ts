import { join } from "node:path";
import { OptionError } from "isoloss";
import { dataMissing } from "../experiments/catalogue/datasets.js";
import { untilInterrupted } from "../interrupt.js";
import type { RungReport, RunRecord, RunRequest } from "../sweep/lanes.js";
import { programVersion } from "../sweep/plan.js";
import { childLane, processLanes } from "../sweep/process-lanes.js";
import {
  computingOf,
  loadQueue,
  processName,
  queueAddress,
  queueTiming,
  ruleOf,
  withVerdicts,
} from "../sweep/queue.js";

export interface WorkerOptions {
  readonly queue?: string;
  readonly jobs: number;
  readonly sweep?: string;
  /** Folder of the runs' directories. */
  readonly work: string;
  /** Seconds. */
  readonly idleExit?: number;
  readonly once: boolean;
  readonly anyVersion: boolean;
  readonly quiet: boolean;
  readonly script?: URL;
}

const howToGet = (name: string): string => `${name} (isoloss data fetch ${name})`;

/** What came of a run, with its error if it has one. */
const cameTo = (outcome: string, record: RunRecord | undefined): string =>
  [outcome === "first" ? `${record?.status}, counted` : outcome, record?.error].filter(Boolean).join(": ");

/** `isoloss worker`: computes the runs of sweeps that other computers started. */
export async function worker(options: WorkerOptions): Promise<void> {
  const { queue, jobs, work, anyVersion, script, quiet } = options;
  if (script === undefined) throw new OptionError("A worker runs in child processes of the program isoloss.");
  const address = queueAddress(queue);
  const { serveQueue, shown } = await loadQueue();
  const version = programVersion();
  const say = (line: string) => {
    if (!quiet) process.stderr.write(`isoloss: ${line}\n`);
  };
  say(`worker ${processName()}, ${jobs === 1 ? "1 lane" : `${jobs} lanes`}, for ${shown(address.url)}`);
  const missing = await dataMissing();
  if (missing.length > 0)
    say(`not here: ${missing.map(howToGet).join(", ")}; sweeps that need it are left to others`);
  const told = () => say("stopping: runs save where they are and are given back. Ctrl-C again ends at once.");
  const count = await untilInterrupted(told, (signal) =>
    serveQueue<RunRequest, RunRecord, RungReport>({
      ...address,
      ...{
        name: processName(),
        version: anyVersion ? "any" : version,
        missing,
        lanes: jobs,
        signal,
        ruleOf,
        withVerdicts,
        timing: queueTiming(),
      },
      ...{ sweep: options.sweep, idleExit: options.idleExit, once: options.once },
      computing: computingOf(processLanes({ jobs, folder: join(work), start: childLane(script, jobs) })),
      async refusal(sweep) {
        const lacking = sweep.needs.filter((name) => missing.includes(name));
        if (lacking.length > 0)
          return `it needs ${lacking.map(howToGet).join(", ")}; then start this worker again`;
        if (anyVersion || sweep.version === version) return undefined;
        return `it was started by version ${sweep.version}, and this is ${version}: --any-version serves it all the same`;
      },
      givenBack: ({ isMissingData, error }) => (isMissingData ? error : undefined),
      onNote: say,
      onRun: ({ place }, outcome, { name }, record) => say(`${name} ${place}: ${cameTo(outcome, record)}`),
    }),
  );
  say(`${count} ${count === 1 ? "run" : "runs"} computed`);
}
