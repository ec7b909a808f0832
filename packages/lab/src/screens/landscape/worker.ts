import { type Grid, gridOf } from "isoloss-figures/base";
import { type Painted, paintLevels } from "../../charts/levels.js";
import { type CallContext, Moved } from "../../worker/protocol.js";
import { type Port, serve } from "../../worker/serve.js";
import type { Course, Missing } from "./course.js";
import { createRuns } from "./runs.js";
import { type LandscapeState, optimumOf, viewOf } from "./state.js";
import { createSurface } from "./surface.js";

/** Grid points a side. */
const side = 161;

const runs = createRuns();
const surface = createSurface();

const handlers = {
  /** The runs of the methods that are compared, each sent as it ends. */
  async run(state: LandscapeState, { send, ...context }: CallContext): Promise<void> {
    for (const method of state.with) {
      const course = await runs
        .run(state, method, { send, ...context })
        .catch((error: Error): Missing => ({ method, missing: error.message }));
      await send("missing" in course ? course : new Moved(course, buffersOf(course)));
    }
  },

  orbit: ({
    state,
    at,
  }: {
    readonly state: Pick<LandscapeState, "f" | "cond">;
    readonly at: readonly [number, number];
  }) => surface.orbit(state, at),

  grid: (state: LandscapeState) => gridOfState(state),

  /** The function's levels as a picture. */
  async levels({
    state,
    ...size
  }: { readonly state: LandscapeState } & Pick<Painted, "theme" | "width" | "height">) {
    return paintLevels({ ...(await gridOfState(state)), ...size });
  },
};

/** The function on a grid over its view, and its minimum. */
async function gridOfState(state: LandscapeState): Promise<{ readonly grid: Grid; readonly floor: number }> {
  const view = viewOf(state.f);
  const points: number[] = [];
  gridOf((x, y) => points.push(x, y), { ...view, n: side });
  const values = await surface.valuesAt(state, Float64Array.from(points));
  const [floor] = await surface.valuesAt(state, Float64Array.from(optimumOf(state.f)));
  return { grid: { ...view, nx: side, ny: side, values }, floor };
}

const buffersOf = ({ x, y, loss, gradNormSq, seconds }: Course): ArrayBuffer[] =>
  [x, y, loss, gradNormSq, seconds].map(({ buffer }) => buffer as ArrayBuffer);

serve(globalThis as unknown as Port, handlers as never);
