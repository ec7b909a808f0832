// The figures of the report, drawn from what the screen shows. Loaded when it is asked for: Plot is larger than the lab.
import { curves, levelSets, paretoFront } from "isoloss-figures";
import type { Grid } from "isoloss-figures/base";
import { svgText } from "../../export/save.js";
import { jumpPoints } from "../landscape/course.js";
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

export function planeSvg({ state, courses, theme }: Drawn, grid: Grid): string {
  const trajectories = courses.map((course) => ({
    name: lookOf(course, state, theme).title,
    points: points(course.x, course.y),
    jumps: jumpPoints(course.jumps),
  }));
  const labels = { xLabel: "x1", yLabel: "x2" };
  return svgText(
    levelSets({ f: grid, trajectories, start: pointOf(state.x), ...labels }, { document, theme }),
  );
}

export function frontSvg({ state, courses, theme }: Drawn, front: readonly FrontPoint[]): string {
  const methods = courses.map((course) => {
    const way = points(course.first, course.second);
    return { name: lookOf(course, state, theme).title, points: way.slice(-1), trajectories: [way] };
  });
  const labels = { xLabel: "first loss", yLabel: "second loss" };
  return svgText(
    paretoFront(
      { methods, front: front.map(({ losses }) => pointOf(losses)), ...labels },
      { document, theme },
    ),
  );
}

export function curvesSvg({ state, courses, theme }: Drawn): string {
  const series = courses.map((course) => ({
    name: lookOf(course, state, theme).title,
    runs: [{ steps: Array.from(course.step), values: Array.from(course[state.y]) }],
    teleports: Array.from(course.jumps.step),
  }));
  const yLabel = state.y === "distance" ? "distance to the front" : `${state.y} loss`;
  return svgText(curves({ series, logY: state.y === "distance", yLabel }, { document, theme }));
}
