// Several seeds of plain and teleported training.
import type { CallContext } from "../../worker/protocol.js";
import type { TrainTask } from "./problem.js";
import { seeds } from "./race-result.js";
import type { Raced } from "./run.js";
import { createSession } from "./session.js";

/** Trains plain and teleported from fresh seeds, one after another, and tells each pair. */
export async function race(
  { state, own }: TrainTask,
  { isStopped, send }: Pick<CallContext, "isStopped"> & { send(raced: Raced): Promise<void> },
): Promise<void> {
  for (let k = 0; k < seeds; k++) {
    // Seeds that the user has not looked at.
    const seed = state.seed + 1000 + k;
    const session = await createSession({ state: { ...state, seed, with: ["plain", "teleported"] }, own });
    try {
      const [absent] = session.missing;
      if (absent) throw new Error(absent.why);
      while (!session.isDone) {
        await session.advance("steps");
        if (await isStopped()) return;
      }
      const [plain, teleported] = session.runs.map((run) => run.shown());
      const end = ({ evaluations, status }: typeof plain) =>
        status === "done" ? (evaluations.at(-1)?.loss ?? Number.NaN) : Number.NaN;
      const seconds = (run: typeof plain) => run.seconds.at(-1) ?? 0;
      await send({
        seed,
        plain: end(plain),
        teleported: end(teleported),
        seconds: { plain: seconds(plain), teleported: seconds(teleported) },
      });
    } finally {
      await session.dispose();
    }
  }
}
