// What the screen's charts and planes draw, from the runs.
import type { LineChartData, LineSeries } from "../../charts/line-chart.js";
import type { PlaneData } from "../../charts/plane.js";
import type { AtStart, FrontPoint } from "./controller.svelte.js";
import type { Arrival, Course } from "./course.js";
import { lookOf } from "./looks.js";
import { runsOf, starts, type TasksState, view } from "./state.js";

export interface Shown {
  readonly state: TasksState;
  readonly theme: "light" | "dark";
  readonly runs: readonly Course[];
  readonly front: readonly FrontPoint[];
  /** Runs from the published starts, where they are shown. */
  readonly arrivals?: readonly Arrival[] | undefined;
  readonly atStart: AtStart | undefined;
  /** Points that are shown, of runs that are played. */
  readonly points: number;
}

const labels = {
  distance: "distance to the front",
  first: "first loss",
  second: "second loss",
  cosine: "cosine of the gradients",
} as const;

/** Distances, losses or cosines against steps or seconds. */
export function curvesOf(
  { state, theme, runs, points }: Shown,
  by: "steps" | "seconds",
  y: keyof typeof labels = state.y,
): LineChartData {
  const series = runs.map((course): LineSeries => {
    const { title, color, dash } = lookOf(course, state, theme);
    const count = Math.min(course.step.length, points + 1);
    return {
      name: title,
      color,
      dash,
      x: (by === "steps" ? course.step : course.seconds).subarray(0, count),
      y: course[y].subarray(0, count),
      extent: { x: by === "steps" ? course.step : course.seconds, y: course[y] },
      teleports: course.jumps.step.map(indexAfter(course)).filter((index) => index < count),
      diverged: course.status === "failed" && count === course.step.length,
    };
  });
  return {
    series,
    // Axes that had room for more fit once there is no more.
    of: runsOf(state) + runs.some(({ status }) => status === "running"),
    xLabel: by === "steps" ? "step" : "seconds",
    yLabel: labels[y],
    logX: false,
    logY: y === "distance",
    whole: by === "steps",
    ...(y === "cosine" ? { yDomain: [-1.05, 1.05], shade: { y: [-1.05, 0], label: "conflict" } } : {}),
  };
}

/** Index of the first point after a teleport before a step. */
const indexAfter =
  ({ unit }: Course) =>
  (step: number): number =>
    Math.floor(step / unit) + 1;

/** The plane of the two variables. */
export function planeOf({ state, theme, runs, front, arrivals, points }: Shown): PlaneData {
  return {
    ...view,
    xLabel: "x1",
    yLabel: "x2",
    start: state.x,
    front: { x: front.map(({ x }) => x[0]), y: front.map(({ x }) => x[1]) },
    paths: [
      ...othersOf(arrivals, state, theme).map(({ path, ...other }) => ({ ...other, x: path.x, y: path.y })),
      ...runs.map((course) => ({
        ...pathOf(course, state, theme, points),
        x: course.x,
        y: course.y,
        jumps: course.jumps,
        indexAfter: indexAfter(course),
      })),
    ],
  };
}

/** The plane of the two losses, on which the front is a curve. */
export function lossPlaneOf({ state, theme, runs, front, arrivals, atStart, points }: Shown): PlaneData {
  const scale = Number(state.scale);
  return {
    x: [-22 * scale, 12 * scale],
    y: [-22, 12],
    // Of a loss times 0.1 the plane would be a strip.
    hasEqualUnits: scale === 1,
    xLabel: "first loss",
    yLabel: "second loss",
    start: [0, 0],
    front: { x: front.map(({ losses }) => losses[0]), y: front.map(({ losses }) => losses[1]) },
    marked: atStart && [atStart.first, atStart.second],
    paths: [
      ...othersOf(arrivals, state, theme).map(({ path, ...other }) => ({
        ...other,
        x: path.first,
        y: path.second,
      })),
      ...runs.map((course) => ({
        ...pathOf(course, state, theme, points),
        x: course.first,
        y: course.second,
      })),
    ],
  };
}

/** The runs from the other published starts. */
function othersOf(arrivals: readonly Arrival[] = [], state: TasksState, theme: "light" | "dark") {
  return arrivals
    .filter(({ start }) => starts[start].some((value, k) => value !== state.x[k]))
    .map(({ path, start, ...run }) => {
      const { title, color, dash } = lookOf(run, state, theme);
      return { name: `${title} from (${starts[start].join(", ")})`, color, dash, path, shown: path.x.length };
    });
}

function pathOf(course: Course, state: TasksState, theme: "light" | "dark", points: number) {
  const { title, color, dash } = lookOf(course, state, theme);
  return { name: title, color, dash, shown: Math.min(course.step.length, points + 1) };
}
