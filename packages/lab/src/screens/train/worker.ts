import { type CallContext, Moved } from "../../worker/protocol.js";
import { type Port, serve } from "../../worker/serve.js";
import { fileOf } from "./files.js";
import { dataOf, movesOf, type TrainTask } from "./problem.js";
import { race } from "./race.js";
import { createRegionReader, pointsOf, type RegionReader } from "./regions.js";
import { createSession, type Session } from "./session.js";
import { type FileKind, isPlanar, planOf, type RunName } from "./state.js";

/** Milliseconds between two pictures of the runs, and of what they see. */
const pause = { runs: 60, regions: 250 };

let key = "";
let session: Session | undefined;
let reader: RegionReader | undefined;

const keyOf = ({ state, own }: TrainTask) =>
  JSON.stringify([planOf(state), state.with, state.data === "own" && own]);

/** The session of the settings: the one that is there, if it is theirs. */
async function sessionOf(task: TrainTask): Promise<Session> {
  if (session !== undefined && key === keyOf(task)) return session;
  await end();
  session = await createSession(task);
  key = keyOf(task);
  return session;
}

async function end(): Promise<void> {
  await reader?.dispose();
  await session?.dispose();
  reader = undefined;
  session = undefined;
}

const handlers = {
  /** What there is to show before the first step. */
  begin(task: TrainTask) {
    const data = dataOf(task);
    return {
      moves: movesOf(task.state, data),
      points: isPlanar(task.state) ? pointsOf(data) : undefined,
      examples: [data.train, data.heldOut].map(({ inputs }) => inputs.shape[0]),
    };
  },

  /** Trains to the end, or until it is stopped; another call with the same settings goes on. */
  async train(
    { restart, teleport, ...task }: TrainTask & { readonly restart: boolean; readonly teleport: boolean },
    { send, isStopped }: CallContext,
  ): Promise<boolean> {
    if (restart) await end();
    const now = await sessionOf(task);
    if (teleport) now.teleport();
    const [first] = now.runs;
    if (isPlanar(task.state) && first) {
      reader ??= await createRegionReader(task.state, now.data, first.trainer.current.params);
    }
    let [told, drawn, cost] = [0, 0, 0];
    const tell = async (isLast: boolean) => {
      const time = performance.now();
      const isDrawing = reader !== undefined && (isLast || time - drawn > pause.regions);
      // Long runs take longer to tell: that must not take the time of training.
      if (!isLast && !isDrawing && time - told < Math.max(pause.runs, 5 * cost)) return;
      const regions = [];
      if (isDrawing && reader) {
        for (const run of now.runs) regions.push(await reader.read(run));
        drawn = performance.now();
      }
      const runs = now.runs.map((run) => run.shown());
      cost = performance.now() - time;
      await send({ runs, missing: now.missing, regions });
      told = performance.now();
    };
    await tell(true);
    while (!now.isDone) {
      await now.advance(task.state.by);
      await tell(false);
      if (await isStopped()) break;
    }
    await tell(true);
    return now.isDone;
  },

  race: (task: TrainTask, context: CallContext) => race(task, context),

  /** A run's network as a file. */
  async file({
    task,
    name,
    kind,
  }: {
    readonly task: TrainTask;
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
