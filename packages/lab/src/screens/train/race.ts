// Several seeds of plain and teleported training, at one rate or at several.
import type { CallContext } from "../../worker/protocol.js";
import type { TrainTask } from "./problem.js";
import { factors, type Raced, type Rates, type Swept, seeds, sweepSeeds } from "./race-result.js";
import type { TrainRun } from "./run.js";
import { createSession } from "./session.js";
import type { RunName } from "./state.js";

/** Seeds that the user has not looked at; those of a race are not those that its rates were chosen on. */
const fresh = { sweep: 1000, race: 2000 };

/** A whole run of one seed; undefined where it was stopped. */
async function runOf(
  { state, own }: TrainTask,
  name: RunName,
  isStopped: CallContext["isStopped"],
): Promise<TrainRun | undefined> {
  const session = await createSession({ state: { ...state, seeds: 1, with: [name] }, own });
  try {
    const [absent] = session.missing;
    if (absent) throw new Error(absent.why);
    while (!session.isDone) {
      await session.advance("steps");
      if (await isStopped()) return undefined;
    }
    return session.runs[0].shown();
  } finally {
    await session.dispose();
  }
}

/** The last loss on held-out data; NaN of a run that diverged. */
const endOf = ({ evaluations, status }: TrainRun): number =>
  status === "done" ? (evaluations.at(-1)?.loss ?? Number.NaN) : Number.NaN;

/** Trains plain and teleported from fresh seeds, each at its rate, one after another, and tells each pair. */
export async function race(
  { state, own, rates }: TrainTask & { readonly rates?: Rates | undefined },
  { isStopped, send }: CallContext<Raced>,
): Promise<void> {
  for (let k = 0; k < seeds; k++) {
    const seed = state.seed + fresh.race + k;
    const run = (name: keyof Rates) =>
      runOf({ state: { ...state, seed, lr: rates?.[name] ?? state.lr }, own }, name, isStopped);
    const plain = await run("plain");
    const teleported = plain && (await run("teleported"));
    if (!plain || !teleported) return;
    const seconds = (one: TrainRun) => one.seconds.at(-1) ?? 0;
    await send({
      seed,
      plain: endOf(plain),
      teleported: endOf(teleported),
      seconds: { plain: seconds(plain), teleported: seconds(teleported) },
    });
  }
}

/** Trains plain and teleported at several rates, from several seeds each, and tells each pair. */
export async function sweep(
  { state, own }: TrainTask,
  { isStopped, send }: CallContext<Swept>,
): Promise<void> {
  for (let k = 0; k < sweepSeeds; k++) {
    for (const factor of factors) {
      const lr = Number((factor * state.lr).toPrecision(6));
      const task = { state: { ...state, lr, seed: state.seed + fresh.sweep + k }, own };
      const plain = await runOf(task, "plain", isStopped);
      const teleported = plain && (await runOf(task, "teleported", isStopped));
      if (!plain || !teleported) return;
      await send({ rate: lr, plain: endOf(plain), teleported: endOf(teleported) });
    }
  }
}
