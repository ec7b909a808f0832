import { type Paint, paintLevels } from "../../charts/levels.js";
import type { CallContext } from "../../worker/protocol.js";
import { type Port, serve } from "../../worker/serve.js";
import { createTaskRuns } from "./runs.js";
import type { TasksState } from "./state.js";
import { toyOf } from "./toy.js";

const runs = createTaskRuns();

interface Shown {
  readonly state: Pick<TasksState, "scale" | "shows">;
}

const handlers = {
  run: (state: TasksState, context: CallContext) => runs.run(state, context),
  arrivals: (state: TasksState, context: CallContext) => runs.arrivals(state, context),
  /** The Pareto front, in the plane and in that of the losses. */
  async front({ scale }: Pick<TasksState, "scale">) {
    const { toy } = await toyOf(scale);
    return Array.from({ length: 101 }, (_, k) => toy.front(k / 100));
  },
  async measure({ scale, x }: Pick<TasksState, "scale" | "x">) {
    const { measure } = await toyOf(scale);
    const { first, second, cosine } = await measure(Float64Array.from(x));
    return { first: first[0], second: second[0], cosine: cosine[0] };
  },
  async grid({ scale, shows }: Shown["state"]) {
    return (await toyOf(scale)).levels(shows);
  },
  /** The levels behind the plane as a picture. */
  async levels({ state, ...paint }: Shown & Paint) {
    return paintLevels(paint, await (await toyOf(state.scale)).levels(state.shows));
  },
};

serve(globalThis as unknown as Port, handlers as never);
