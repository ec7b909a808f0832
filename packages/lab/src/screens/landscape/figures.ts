// The figures of the report, drawn from what the screen shows; in a worker.
import { curves, levelSets } from "isoloss-figures";
import type { Grid } from "isoloss-figures/base";
import { type Course, jumpAt } from "./course.js";
import { type LandscapeState, optimumOf } from "./state.js";

const pointOf = ([x, y]: readonly [number, number]) => ({ x, y });

/** What is drawn: with those parts of the runs that a figure shows. */
interface Drawn<K extends keyof Course> {
  readonly state: LandscapeState;
  readonly courses: readonly Pick<Course, "method" | "jumps" | K>[];
  readonly theme: "light" | "dark";
}

type Path = "x" | "y";

export function planeFigure({
  state,
  courses,
  theme,
  grid,
  floor,
}: Drawn<Path> & { readonly grid: Grid; readonly floor: number }): SVGSVGElement {
  const width = grid.x[1] - grid.x[0];
  const trajectories = courses.map((course) => ({ name: course.method, ...seenPath(course, width) }));
  const optimum = optimumOf(state.f);
  const marks = { start: pointOf(state.x), ...(optimum && { optimum: pointOf(optimum) }) };
  return levelSets({ f: grid, spacing: "log", floor, trajectories, ...marks }, { theme });
}

export function curvesFigure({ state, courses, theme }: Drawn<"loss" | "gradNormSq">): SVGSVGElement {
  const series = courses.map(({ method, loss, gradNormSq, jumps }) => {
    const values = state.y === "loss" ? loss : gradNormSq;
    return {
      name: method,
      runs: [{ steps: Array.from(values.keys()), values: Array.from(values) }],
      teleports: Array.from(jumps.step),
    };
  });
  const yLabel = state.y === "loss" ? "loss" : "squared gradient norm";
  return curves({ series, logX: state.logx, logY: state.logy, yLabel }, { theme });
}

/** Points of a path, at most. */
const most = 4000;
/** Of the width of a plane: less than a px. */
const apart = 1 / 1500;

/** A path as far as a figure shows it: without points that cannot be told from the one before, and with jumps that break it. */
function seenPath({ x, y, jumps }: Pick<Course, Path | "jumps">, width: number) {
  const far: number[] = [];
  for (let step = 0, last = 0; step < x.length; step++) {
    const isNear = Math.hypot(x[step] - x[last], y[step] - y[last]) < apart * width;
    if (step > 0 && step < x.length - 1 && isNear) continue;
    far.push(step);
    last = step;
  }
  const every = Math.ceil(far.length / most);
  const seen = far.filter((_, i) => i % every === 0 || i === far.length - 1);
  let k = 0;
  const after = jumps.step.map((step) => {
    while (k < seen.length && seen[k] < step) k++;
    return k;
  });
  // Of several jumps between two points one breaks the path as well as all.
  const breaks = [...after.keys()].filter((i) => after[i] !== after[i + 1]);
  return {
    points: seen.map((step) => ({ x: x[step], y: y[step], step })),
    jumps: breaks.map((i) => jumpAt(jumps, i)),
  };
}
