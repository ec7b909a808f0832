// What the screen's charts and its plane draw, from the runs.
import { formatValue } from "isoloss-figures/base";
import type { LineChartData, LineSeries } from "../../charts/line-chart.js";
import type { PlaneData } from "../../charts/plane.js";
import type { Course, Missing, Orbit } from "./course.js";
import { lookOf } from "./methods.js";
import { type LandscapeState, optimumOf, viewOf } from "./state.js";

export interface Shown {
  readonly state: LandscapeState;
  readonly theme: "light" | "dark";
  readonly runs: readonly (Course | Missing)[];
  readonly orbit: Orbit | undefined;
  /** Steps that are shown, of runs that are played. */
  readonly steps: number;
}

const coursesOf = ({ runs }: Shown): Course[] => runs.filter((run): run is Course => !("missing" in run));

/** Losses, or squared gradient norms, against steps or seconds. */
export function curvesOf(shown: Shown, by: "steps" | "seconds"): LineChartData {
  const { state, theme, steps } = shown;
  const series = coursesOf(shown).map((course): LineSeries => {
    const { title, color, dash } = lookOf(course.method, theme);
    const count = Math.min(course.loss.length, steps + 1);
    const values = state.y === "loss" ? course.loss : course.gradNormSq;
    return {
      ...{ name: title, color, dash },
      x: by === "steps" ? Float64Array.from({ length: count }, (_, t) => t) : course.seconds.slice(0, count),
      y: values.slice(0, count),
      teleports: course.jumps.map(({ step }) => step).filter((step) => step < count),
      diverged: course.status === "diverged" && count === course.loss.length,
    };
  });
  return {
    series,
    xLabel: by === "steps" ? "step" : "seconds",
    yLabel: state.y === "loss" ? "loss" : "squared gradient norm",
    logX: state.logx,
    logY: state.logy,
    whole: by === "steps",
  };
}

/** Squared gradient norm along the orbit of the start, against the angle in degrees. */
export function orbitCurve({ orbit, theme }: Shown): LineChartData {
  const { color } = lookOf("teleported", theme);
  const axis = {
    xLabel: "angle in degrees",
    yLabel: "squared gradient norm",
    logX: false,
    logY: true,
    whole: false,
  };
  if (orbit === undefined) return { series: [], ...axis };
  const x = orbit.angle.map((t) => (180 * t) / Math.PI);
  const series = [
    {
      name: "on the orbit",
      color,
      dash: [],
      x,
      y: orbit.gradNormSq,
      teleports: [orbit.best],
      diverged: false,
    },
  ];
  const more = (degrees: number) => {
    const k = Math.max(0, Math.min(x.length - 1, Math.round((degrees / 360) * (x.length - 1))));
    const place = `(${formatValue(orbit.x[k])}, ${formatValue(orbit.y[k])})`;
    return `at ${place}; loss ${formatValue(orbit.loss[k])}; λ max ${formatValue(orbit.lambdaMax[k])}`;
  };
  return { series, ...axis, more };
}

export function planeOf(shown: Shown, marked: number | undefined): PlaneData {
  const { state, theme, orbit, steps } = shown;
  const index =
    marked === undefined || !orbit ? undefined : Math.round((marked / 360) * (orbit.x.length - 1));
  return {
    ...viewOf(state.f),
    start: state.x,
    optimum: optimumOf(state.f),
    orbit,
    marked: index === undefined || !orbit ? undefined : [orbit.x[index], orbit.y[index]],
    paths: coursesOf(shown).map(({ method, x, y, jumps }) => {
      const { title, color, dash } = lookOf(method, theme);
      return {
        name: title,
        color,
        dash,
        x,
        y,
        jumps: jumps.map((jump) => ({ ...jump, index: jump.step })),
        shown: Math.min(x.length, steps + 1),
      };
    }),
  };
}
