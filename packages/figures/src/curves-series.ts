import { isDrawable } from "./base/axis.js";
import { need, needNames } from "./base/check.js";
import {
  distinctPlaces,
  type Run,
  runningMean,
  type Spread,
  type Summary,
  summarize,
} from "./base/statistics.js";
import { dashOf, type Theme } from "./base/theme.js";

export interface CurveSeries {
  readonly name: string;
  /** One a seed. */
  readonly runs: readonly {
    /** Not decreasing. */
    readonly steps: readonly number[];
    /** Seconds at the same steps; needed for `x: "seconds"`. */
    readonly seconds?: readonly number[];
    readonly values: readonly number[];
  }[];
  /** What several seeds have, where the only run is their median: the least and the largest at its steps. */
  readonly band?: {
    readonly low: readonly number[];
    readonly high: readonly number[];
    readonly seeds: number;
    /** How many of the seeds diverged, and count as infinite from there on. Default 0. */
    readonly diverged?: number;
  };
  /** Steps before which parameters were teleported: marks on the curve. */
  readonly teleports?: readonly number[];
}

export interface CurvesData {
  readonly series: readonly CurveSeries[];
  /** Default `steps`. */
  readonly x?: "steps" | "seconds";
  readonly xLabel?: string;
  readonly yLabel?: string;
  readonly logX?: boolean;
  readonly logY?: boolean;
  /** Default `range`, from the least to the largest value of the runs. */
  readonly spread?: Spread;
  /** Draws running means of so many values; default 1. */
  readonly window?: number;
  /** A value to reach: a line across. */
  readonly target?: number;
  /** Default "target". */
  readonly targetName?: string;
  /** Names beside the curves' ends or above the figure; default `direct` for up to six short names. */
  readonly labels?: "direct" | "legend";
  /** Default `tick`. */
  readonly teleportMark?: "tick" | "dot";
}

/** A series, computed. */
export interface DrawnSeries {
  readonly series: CurveSeries;
  readonly summary: Summary;
  readonly color: string;
  readonly dash: string | undefined;
  /** Places of those that can be distinguished. */
  readonly teleports: readonly { readonly x: number; readonly y: number }[];
}

export type Settings = Required<Pick<CurvesData, "x" | "logX" | "logY" | "spread" | "window">>;

/** Cuts, smooths and averages a series' runs, and finds its teleports' places. */
export function drawnSeries(
  series: CurveSeries,
  settings: Settings,
  index: number,
  theme: Theme,
): DrawnSeries {
  const { x, logX, logY, spread, window } = settings;
  const placesOf = ({ steps, seconds }: CurveSeries["runs"][number]) => (x === "seconds" && seconds) || steps;
  const runs = series.runs.map((run): Run => {
    const places = placesOf(run);
    const means = window === 1 ? run.values : runningMean(run.values, window);
    if (!logX) return { x: places, y: means };
    return { x: places.filter((place) => place > 0), y: means.filter((_, i) => places[i] > 0) };
  });
  const summary = banded(summarize(runs, { log: logY, logX, spread }), series, placesOf(series.runs[0]));
  const jumps = (series.teleports ?? [])
    .map((step) => (x === "steps" ? step : meanSecondsAt(series, step)))
    .filter((place) => isDrawable(place, logX));
  const teleports = distinctPlaces(jumps, logX).flatMap((i) => {
    const y = valueAt(summary, jumps[i], logY);
    return y === undefined ? [] : [{ x: jumps[i], y }];
  });
  return { series, summary, color: theme.series(index), dash: dashOf(index), teleports };
}

/** A median with the ends of its band, in the place of those of a single run. */
function banded(summary: Summary, { band }: CurveSeries, places: readonly number[]): Summary {
  if (band === undefined) return summary;
  const ends = new Map(places.map((x, i) => [x, { low: band.low[i], high: band.high[i] }]));
  return { ...summary, band: summary.band.map((point) => ({ ...point, ...ends.get(point.x) })) };
}

/** Mean over runs of the seconds at the first recorded step from `step` on. */
function meanSecondsAt({ runs }: CurveSeries, step: number): number {
  const seconds = runs.flatMap(({ steps, seconds = [] }) => {
    const i = steps.findIndex((s) => s >= step);
    return i < 0 ? [] : [seconds[i]];
  });
  return seconds.reduce((sum, s) => sum + s / seconds.length, seconds.length > 0 ? 0 : NaN);
}

/** The mean at a place, linear between the points that are drawn. */
function valueAt({ band }: Summary, place: number, log: boolean): number | undefined {
  const i = band.findIndex(({ x }) => x >= place);
  if (i < 0 || (i === 0 && band[0].x > place)) return undefined;
  const [a, b] = [band[Math.max(0, i - 1)], band[i]];
  const t = b.x > a.x ? (place - a.x) / (b.x - a.x) : 1;
  return log ? Math.exp(Math.log(a.mean) * (1 - t) + Math.log(b.mean) * t) : a.mean * (1 - t) + b.mean * t;
}

/** @throws OptionError for what `curves` cannot draw */
export function checkCurves({ series, x = "steps", window = 1, spread = "range" }: CurvesData): void {
  need(series?.length > 0, "curves: series is empty; give at least one.");
  needNames("curves", series);
  need(Number.isInteger(window) && window >= 1, `curves: window must be an integer >= 1; got ${window}.`);
  need(
    ["range", "interval", "none"].includes(spread),
    `curves: spread must be range, interval or none; got ${JSON.stringify(spread)}.`,
  );
  need(x === "steps" || x === "seconds", `curves: x must be steps or seconds; got ${JSON.stringify(x)}.`);
  for (const { name, runs, band } of series) {
    need(runs.length > 0, `curves: "${name}" has no runs; leave it out, or give one run a seed.`);
    need(
      band === undefined ||
        (runs.length === 1 &&
          [band.low, band.high].every(({ length }) => length === runs[0].values.length) &&
          window === 1 &&
          spread === "range"),
      `curves: the band of "${name}" needs one run, as many values as it has, a window of 1, and the spread "range".`,
    );
    const { seeds = 0, diverged = 0 } = band ?? {};
    need(
      Number.isInteger(diverged) && diverged >= 0 && diverged <= seeds,
      `curves: of the ${seeds} seeds of "${name}" an integer from 0 to ${seeds} can have diverged; got ${diverged}.`,
    );
    for (const { steps, seconds, values } of runs) {
      const places = x === "steps" ? steps : seconds;
      need(places !== undefined, `curves: a run of "${name}" has no seconds; draw it against steps.`);
      need(
        steps.length === values.length && places.length === values.length && values.length > 0,
        `curves: a run of "${name}" has ${values.length} values at ${places.length} ${x} and ${steps.length} steps; ` +
          "it needs as many of each, and at least one.",
      );
      need(
        places.every((v, i) => Number.isFinite(v) && (i === 0 || v >= places[i - 1])),
        `curves: the ${x} of a run of "${name}" must be finite and must not decrease.`,
      );
    }
  }
}
