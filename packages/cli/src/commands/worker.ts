import { availableParallelism } from "node:os";
import { OptionError } from "isoloss";
import { dataMissing } from "../experiments/catalogue/datasets.js";
import { countText } from "../experiments/results/format-number.js";
import { untilInterrupted } from "../interrupt.js";
import { flag, type Values, value } from "../option-rows.js";
import { positiveInteger } from "../parse.js";
import { requireProvider } from "../run/environment.js";
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
import type { Context } from "./command.js";

const options = {
  queue: value("<url>", "the server, such as redis://host:6379; default the variable ISOLOSS_QUEUE"),
  jobs: value(
    "<n>",
    "runs at the same time, each in a process",
    positiveInteger,
    availableParallelism(),
    "one for each core",
  ),
  provider: value(
    "<name>",
    "execution provider of ONNX Runtime that computes all runs here, such as cuda or webgpu",
  ),
  sweep: value("<id>", "only this sweep; otherwise the oldest open one that has runs waiting"),
  work: value(
    "<dir>",
    "folder of the runs' checkpoints: a run that comes back goes on",
    String,
    "isoloss-work",
  ),
  idleExit: value(
    "<seconds>",
    "end after so long without a run, while none is under way elsewhere either",
    positiveInteger,
  ),
  once: flag("end after one run"),
  anyVersion: flag("also sweeps that another version of isoloss started"),
  quiet: flag("no progress on stderr"),
};

type Settings = Values<typeof options> & Context;

const help = `Needs the package isoloss-queue and a Valkey or Redis server that keeps what it is given (maxmemory-policy noeviction). A password
goes into the variable ISOLOSS_QUEUE_PASSWORD, not into the address. Anyone who can write to the server can start runs:
keep it in a private network.

Ctrl-C and SIGTERM save the runs under way and give them back. A worker that dies loses nothing: its runs are delivered
again within 90 seconds. A record is counted once, whoever computes it.

Examples:
  isoloss worker --queue redis://head:6379
  sbatch --array=1-20 --wrap "isoloss worker --queue redis://head:6379 --idle-exit 60 --work $TMPDIR"`;

const howToGet = (name: string): string => `${name} (isoloss data fetch ${name})`;

/** The outcome of a run, with its error if it has one. */
const cameTo = (outcome: string, record: RunRecord | undefined): string =>
  [outcome === "first" ? `${record?.status}, counted` : outcome, record?.error].filter(Boolean).join(": ");

/** `isoloss worker`: computes the runs of sweeps that other computers started. */
async function run(settings: Settings): Promise<undefined> {
  const { queue, jobs, work, anyVersion, script, quiet, provider } = settings;
  if (provider !== undefined) await requireProvider(provider);
  if (script === undefined) throw new OptionError("A worker runs in child processes of the program isoloss.");
  const address = queueAddress(queue);
  const { serveQueue, shown } = await loadQueue();
  const version = programVersion();
  const say = (line: string) => {
    if (!quiet) process.stderr.write(`isoloss: ${line}\n`);
  };
  say(`worker ${processName()}, ${countText(jobs, "lane")}, for ${shown(address.url)}`);
  const missing = await dataMissing();
  if (missing.length > 0)
    say(`not here: ${missing.map(howToGet).join(", ")}; sweeps that need it are left to others`);
  const told = () => say("stopping: runs save where they are and are given back. Ctrl-C again ends at once.");
  const count = await untilInterrupted(told, (signal) =>
    serveQueue<RunRequest, RunRecord, RungReport>({
      ...address,
      name: processName(),
      version: anyVersion ? "any" : version,
      missing,
      lanes: jobs,
      signal,
      ruleOf,
      withVerdicts,
      timing: queueTiming(),
      sweep: settings.sweep,
      idleExit: settings.idleExit,
      once: settings.once,
      computing: computingOf(processLanes({ jobs, folder: work, start: childLane(script, jobs, provider) })),
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
  say(`${countText(count, "run")} computed`);
}

export const worker = { options, help, run };
