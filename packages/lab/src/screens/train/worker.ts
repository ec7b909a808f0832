import { buffersIn } from "../../worker/columns.js";
import { keep, kept } from "../../worker/kept.js";
import { type CallContext, Moved } from "../../worker/protocol.js";
import { type Port, serve } from "../../worker/serve.js";
import { fileOf } from "./files.js";
import { dataOf, movesOf, type TrainTask } from "./problem.js";
import { race, sweep } from "./race.js";
import type { Rates } from "./race-result.js";
import { createRegionReader, pointsOf, type RegionReader } from "./regions.js";
import { regression } from "./regression.js";
import type { RegressionName } from "./regression-result.js";
import { createSession, type Session, type StoredRun } from "./session.js";
import { type FileKind, isPlanar, planOf, type RunName } from "./state.js";

/** Milliseconds between two pictures of the runs, of what they see, and between two times that they are kept. */
const pause = { runs: 60, regions: 250, kept: 5000 };

/** The settings of a tab's training that is kept, as text, and its runs. */
interface KeptTraining {
  readonly key: string;
  readonly runs: readonly StoredRun[];
}
const nameOf = ({ tab }: Tabbed, what: "training" | "points") => `${tab} ${what}`;

interface Tabbed extends TrainTask {
  readonly tab: string;
}

let key = "";
let session: Session | undefined;
let reader: RegionReader | undefined;

const keyOf = ({ state, own }: TrainTask) =>
  JSON.stringify([planOf(state), state.with, state.data === "own" && own]);

/** The session of the settings: the one that is there or that the tab has kept, if it is theirs. */
async function sessionOf(task: Tabbed, restart = false): Promise<Session> {
  if (!restart && session !== undefined && key === keyOf(task)) return session;
  await end();
  const before = restart ? undefined : await kept<KeptTraining>(nameOf(task, "training"));
  session = await createSession(task, before?.key === keyOf(task) ? before.runs : []);
  key = keyOf(task);
  return session;
}

const keepSession = (task: Tabbed, { runs }: Session) =>
  keep(nameOf(task, "training"), {
    key: keyOf(task),
    runs: runs.map((run) => run.stored()),
  } satisfies KeptTraining);

async function end(): Promise<void> {
  await reader?.dispose();
  await session?.dispose();
  reader = undefined;
  session = undefined;
}

const handlers = {
  points: (tab: string) => kept<string>(`${tab} points`),

  /** What there is to show before the first step. */
  async begin(task: Tabbed) {
    if (task.own !== undefined) await keep(nameOf(task, "points"), task.own);
    const data = dataOf(task);
    return {
      moves: movesOf(task.state, data),
      points: isPlanar(task.state) ? pointsOf(data) : undefined,
      examples: [data.train, data.heldOut].map(({ inputs }) => inputs.shape[0]),
    };
  },

  /** Trains to the end, or until it is stopped; another call with the same settings goes on. */
  async train(
    { restart, teleport, ...task }: Tabbed & { readonly restart: boolean; readonly teleport: boolean },
    { send, isStopped }: CallContext,
  ): Promise<boolean> {
    const now = await sessionOf(task, restart);
    if (teleport) now.teleport();
    const [first] = now.runs;
    if (isPlanar(task.state) && first) {
      reader ??= await createRegionReader(task.state, now.data, first.trainer.current.params);
    }
    let [told, drawn, cost] = [0, 0, 0];
    const tell = async (isLast: boolean) => {
      const time = performance.now();
      const isDrawing = isLast || time - drawn > Math.max(pause.regions, 5 * cost);
      // Long runs take longer to tell: that must not take the time of training.
      if (!isLast && !isDrawing && time - told < Math.max(pause.runs, 5 * cost)) return;
      const regions = [];
      if (isDrawing) {
        for (const run of now.runs) {
          const heldOut = await run.look();
          if (reader) regions.push({ ...(await reader.read(run)), heldOut });
        }
        drawn = performance.now();
      }
      const runs = now.runs.map((run) => run.shown());
      cost = performance.now() - time;
      await send(new Moved({ runs, missing: now.missing, regions }, buffersIn(runs)));
      told = performance.now();
    };
    await tell(true);
    let keptAt = performance.now();
    while (!now.isDone) {
      await now.advance(task.state.by);
      await tell(false);
      if (await isStopped()) break;
      if (performance.now() - keptAt < pause.kept) continue;
      await keepSession(task, now);
      keptAt = performance.now();
    }
    await tell(true);
    await keepSession(task, now);
    return now.isDone;
  },

  race: (task: TrainTask & { readonly rates?: Rates | undefined }, context: CallContext) =>
    race(task, context),
  regression: ({ names }: { readonly names: readonly RegressionName[] }, context: CallContext) =>
    regression(names, context),
  sweep: (task: TrainTask, context: CallContext) => sweep(task, context),

  /** A run's network as a file. */
  async file({
    task,
    name,
    kind,
  }: {
    readonly task: Tabbed;
    readonly name: RunName;
    readonly kind: FileKind;
  }) {
    const { runs, data } = await sessionOf(task);
    const run = runs.find((one) => one.name === name);
    if (run === undefined) throw new Error(`There is no run "${name}".`);
    const bytes = fileOf[kind]({ state: task.state, data, trainer: run.trainer });
    return new Moved(bytes, [bytes.buffer]);
  },
};

serve(globalThis as unknown as Port, handlers as never);
