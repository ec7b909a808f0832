// The figures of the report, drawn from what the screen shows; in a worker.
import { curves, levelSets, paretoFront } from "isoloss-figures";
import type { Grid } from "isoloss-figures/base";
import { jumpAt } from "../landscape/course.js";
import type { FrontPoint } from "./controller.svelte.js";
import type { Course, Point } from "./course.js";
import { lookOf } from "./looks.js";
import type { TasksState } from "./state.js";

interface Drawn {
  readonly state: TasksState;
  readonly courses: readonly Course[];
  readonly theme: "light" | "dark";
}

const pointOf = ([x, y]: Point) => ({ x, y });
const points = (x: Float64Array, y: Float64Array) => Array.from(x, (value, k) => ({ x: value, y: y[k] }));

export function planeFigure({ state, courses, theme, grid }: Drawn & { readonly grid: Grid }): SVGSVGElement {
  const trajectories = courses.map((course) => ({
    name: lookOf(course, state, theme).title,
    points: points(course.x, course.y),
    jumps: Array.from(course.jumps.step, (_, k) => jumpAt(course.jumps, k)),
  }));
  const labels = { xLabel: "x1", yLabel: "x2" };
  return levelSets({ f: grid, trajectories, start: pointOf(state.x), ...labels }, { theme });
}

export function frontFigure({
  state,
  courses,
  theme,
  front,
}: Drawn & { readonly front: readonly FrontPoint[] }): SVGSVGElement {
  const methods = courses.map((course) => {
    const way = points(course.first, course.second);
    return { name: lookOf(course, state, theme).title, points: way.slice(-1), trajectories: [way] };
  });
  const labels = { xLabel: "first loss", yLabel: "second loss" };
  return paretoFront({ methods, front: front.map(({ losses }) => pointOf(losses)), ...labels }, { theme });
}

export function curvesFigure({ state, courses, theme }: Drawn): SVGSVGElement {
  const series = courses.map((course) => ({
    name: lookOf(course, state, theme).title,
    runs: [{ steps: Array.from(course.step), values: Array.from(course[state.y]) }],
    teleports: Array.from(course.jumps.step),
  }));
  const yLabel = state.y === "distance" ? "distance to the front" : `${state.y} loss`;
  return curves({ series, logY: state.y === "distance", yLabel }, { theme });
}
