// What the screen's charts and its plane draw, from the runs.
import { formatValue, themeOf } from "isoloss-figures/base";
import { none } from "../../app/format.js";
import type { LineChartData, LineSeries } from "../../charts/line-chart.js";
import type { PlaneData } from "../../charts/plane.js";
import type { Course, Missing, Orbit } from "./course.js";
import { handOf, indexAt, placesOf, pointOf } from "./hand.js";
import { type LandscapeState, optimumOf, viewOf } from "./state.js";
import { formatLoss } from "./summary.js";
import { lookOf } from "./words.js";

export interface Shown {
  readonly state: LandscapeState;
  readonly theme: "light" | "dark";
  readonly runs: readonly (Course | Missing)[];
  readonly orbit: Orbit | undefined;
  /** Steps that are shown, of runs that are played. */
  readonly steps: number;
  /** The settings of the runs. */
  readonly of: string;
}

export const coursesOf = ({ runs }: Pick<Shown, "runs">): Course[] =>
  runs.filter((run): run is Course => !("missing" in run));

/** Losses, or squared gradient norms, against steps or seconds. */
export function curvesOf(shown: Shown, by: "steps" | "seconds"): LineChartData {
  const { state, theme, steps } = shown;
  const courses = coursesOf(shown).filter(({ times }) => by === "steps" || times.runs > 0);
  const series = courses.map((course): LineSeries => {
    const { title, color, dash } = lookOf(course.method, theme);
    const count = Math.min(course.loss.length, steps + 1);
    const values = state.y === "loss" ? course.loss : course.gradNormSq;
    const { times } = course;
    const jumps = course.jumps.step;
    return {
      name: title,
      color,
      dash,
      x: by === "steps" ? numbersTo(count) : course.seconds.subarray(0, count),
      y: values.subarray(0, count),
      extent: { x: by === "steps" ? [0, course.loss.length - 1] : course.seconds, y: values },
      ...(by === "seconds" && times.low && times.high
        ? { band: { along: "x", low: times.low, high: times.high } }
        : {}),
      teleports: (jumps.at(-1) ?? 0) < count ? jumps : jumps.filter((step) => step < count),
      diverged: course.status === "diverged" && count === course.loss.length,
    };
  });
  return {
    series,
    of: shown.of,
    xLabel: by === "steps" ? "step" : "seconds",
    yLabel: state.y === "loss" ? "loss" : "squared gradient norm",
    logX: state.logx,
    logY: state.logy,
    whole: by === "steps",
  };
}

/** 0, 1, 2 and so on. */
function numbersTo(count: number): Float64Array {
  const numbers = new Float64Array(count);
  for (let t = 0; t < count; t++) numbers[t] = t;
  return numbers;
}

/** Squared gradient norm along the orbit, against the angle in degrees or the length. */
export function orbitCurve({ orbit, theme, state }: Shown): LineChartData {
  const { color } = lookOf("teleported", theme);
  const axis = {
    xLabel: orbit?.isGroup === false ? "length along the level set" : "angle in degrees",
    yLabel: "squared gradient norm",
    logX: false,
    logY: true,
    whole: false,
  };
  if (orbit === undefined) return { series: [], ...axis };
  const series = [
    {
      name: orbit.isGroup ? "on the orbit" : "on the level set",
      color,
      dash: [],
      x: placesOf(orbit),
      y: orbit.gradNormSq,
      teleports: [orbit.best],
      marked: { at: handOf(orbit, state), color: themeOf(theme).ink },
      diverged: false,
    },
  ];
  const more = (place: number) => {
    const k = indexAt(orbit, place);
    const at = `(${formatValue(orbit.x[k])}, ${formatValue(orbit.y[k])})`;
    return `at ${at}; loss ${formatValue(orbit.loss[k])}; λ max ${formatValue(orbit.lambdaMax[k])}`;
  };
  return { series, ...axis, more };
}

/** What changes and what stays at the point on the orbit. */
export interface HandReading {
  readonly place: string;
  readonly loss: string;
  /** How far the loss is from that of the start, relative to it, in words. */
  readonly kept: string;
  readonly gradNormSq: string;
  /** Squared gradient norm by that at the start. */
  readonly gain: string;
  readonly lambdaMax: string;
}

export function handReading({ orbit, state }: Pick<Shown, "orbit" | "state">): HandReading | undefined {
  if (orbit === undefined) return undefined;
  const k = handOf(orbit, state);
  const start = indexAt(orbit, 0);
  const level = orbit.loss[start];
  const drift = Math.abs(orbit.loss[k] - level) / (Math.abs(level) || 1);
  const gain = orbit.gradNormSq[k] / orbit.gradNormSq[start];
  return {
    place: `x ${orbit.x[k].toFixed(2)}, y ${orbit.y[k].toFixed(2)}`,
    loss: formatLoss(orbit.loss[k]),
    kept: drift === 0 ? "kept exactly" : drift > 0 ? `kept to ${drift.toExponential(0)}` : "not finite",
    gradNormSq: formatValue(orbit.gradNormSq[k]),
    gain: Number.isFinite(gain) ? `${Number(gain.toPrecision(3))}` : none,
    lambdaMax: formatValue(orbit.lambdaMax[k]),
  };
}

export function planeOf(shown: Shown, marked: number | undefined): PlaneData {
  const { state, theme, orbit, steps } = shown;
  return {
    ...viewOf(state),
    start: state.x,
    optimum: optimumOf(state.f),
    orbit,
    marked: marked === undefined || !orbit ? undefined : pointOf(orbit, indexAt(orbit, marked)),
    paths: coursesOf(shown).map(({ method, x, y, jumps }) => {
      const { title, color, dash } = lookOf(method, theme);
      return {
        name: title,
        color,
        dash,
        x,
        y,
        jumps,
        shown: Math.min(x.length, steps + 1),
      };
    }),
  };
}
