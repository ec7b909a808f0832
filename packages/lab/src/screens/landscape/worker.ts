import { type Grid, gridOf, isDrawable } from "isoloss-figures/base";
import { type Paint, paintLevels } from "../../charts/levels.js";
import { buffersIn } from "../../worker/columns.js";
import { type CallContext, Moved } from "../../worker/protocol.js";
import { type Port, serve } from "../../worker/serve.js";
import type { Course, Missing, Point } from "./course.js";
import { createRuns, type Hand } from "./runs.js";
import { type LandscapeState, optimumOf, type PlaneSettings, viewOf } from "./state.js";
import { createSurface } from "./surface.js";

/** Grid points a side. */
const side = 161;

const runs = createRuns();
const surface = createSurface();

interface Asked {
  readonly state: LandscapeState;
  readonly hand?: Hand | undefined;
}

const handlers = {
  /** The runs of the methods that are compared, each sent as it ends, and again with its times once all have ended. */
  async run({ state, hand }: Asked, context: CallContext): Promise<void> {
    const tell = (course: Course | Missing) => context.send(new Moved(course, buffersIn(course)));
    const courses: Pick<Course, "method" | "seconds" | "times">[] = [];
    for (const method of state.with) {
      if (await context.isStopped()) return;
      const course = await runs
        .run(state, method, context, hand)
        .catch((error: Error): Missing => ({ method, missing: error.message }));
      // Sending empties arrays, of which the last seconds alone are needed here.
      if (!("missing" in course)) courses.push({ ...course, seconds: course.seconds.slice(-1) });
      await tell(course);
    }
    for (const course of await runs.timed(state, courses, context, hand)) await tell(course);
  },

  orbit: ({ state, at }: { readonly state: PlaneSettings; readonly at: Point }) => surface.orbit(state, at),

  grid: (state: PlaneSettings) => gridOfState(state),

  /** The function's levels as a picture. */
  async levels({ state, ...paint }: { readonly state: PlaneSettings } & Paint) {
    const { grid, floor } = await gridOfState(state);
    return paintLevels(paint, grid, floor);
  },
};

/**
 * The function on a grid over its view, and its minimum: of sums of squares 0 if no other is known.
 *
 * @throws Error, in the words of the page, where it is finite nowhere: only formulas that a user typed are that
 */
async function gridOfState(state: PlaneSettings): Promise<{ readonly grid: Grid; readonly floor: number }> {
  const view = viewOf(state);
  const points: number[] = [];
  gridOf((x, y) => points.push(x, y), { ...view, n: side });
  const xy = Float64Array.from(points);
  const values = await surface.valuesAt(state, xy);
  if (!values.some((value) => isDrawable(value, false))) {
    const { nowhereFinite } = await import("./more.js");
    throw new Error(nowhereFinite(state, xy));
  }
  const optimum = optimumOf(state.f);
  const [floor] = optimum ? await surface.valuesAt(state, Float64Array.from(optimum)) : [0];
  return { grid: { ...view, nx: side, ny: side, values }, floor };
}

serve(globalThis as unknown as Port, handlers as never);
