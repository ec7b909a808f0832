// How sure the difference of a race's runs is.
import { tQuantile } from "isoloss-figures/base";
import type { LineChartData, LineSeries } from "../../charts/line-chart.js";
import type { RunName, TrainState } from "./state.js";
import { divergedNote, lookOf } from "./words.js";

/** Seeds of a race, and of each rate of a sweep. */
export const seeds = 8;
export const sweepSeeds = 3;
/** The rates of a sweep, as factors of the one that is set. */
export const factors = [0.25, 0.5, 1, 2, 4] as const;

const raced = ["plain", "teleported"] as const satisfies readonly RunName[];
/** A number of each run. */
export type Rates = Readonly<Record<(typeof raced)[number], number>>;

/** Of one seed of a race: losses on held-out data after the last step. */
export interface Raced extends Rates {
  readonly seed: number;
  readonly seconds: Rates;
}

/** Of one seed at one rate. */
export interface Swept extends Rates {
  readonly rate: number;
}

/** What the seeds of a sweep ended with, by rate: the middle one, the least and the largest; Infinity of those that diverged. */
function endsOf(swept: readonly Swept[], name: keyof Rates) {
  const rates = [...new Set(swept.map(({ rate }) => rate))].sort((a, b) => a - b);
  return rates.map((rate) => {
    const losses = swept
      .filter((one) => one.rate === rate)
      .map((one) => (Number.isNaN(one[name]) ? Infinity : one[name]))
      .sort((a, b) => a - b);
    const middle = losses[losses.length >> 1];
    return { rate, middle, low: losses[0], high: losses[losses.length - 1] };
  });
}

/** The rate at which each run has the least loss; undefined before all of them were tried. */
export function bestRates(swept: readonly Swept[]): Rates | undefined {
  if (swept.length < factors.length * sweepSeeds) return undefined;
  const best = (name: keyof Rates) =>
    endsOf(swept, name).reduce((a, b) => (b.middle < a.middle ? b : a)).rate;
  return { plain: best("plain"), teleported: best("teleported") };
}

/** Whether a run is best at the least or the largest rate: then there may be a better one beyond. */
export const isAtEdge = (rates: Rates, lr: number): boolean =>
  raced.some((name) => {
    const factor = rates[name] / lr;
    return factor < factors[0] * 1.01 || factor > factors[factors.length - 1] * 0.99;
  });

/** Last held-out losses against the rate. */
export function sweepCurves(
  swept: readonly Swept[],
  state: TrainState,
  theme: "light" | "dark",
): LineChartData {
  const series = raced.map((name): LineSeries => {
    const { title, color, dash } = lookOf(name, state, theme);
    const ends = endsOf(swept, name);
    const list = (key: "rate" | "middle" | "low" | "high") => ends.map((end) => end[key]);
    const best = ends.reduce((a, b, k) => (b.middle < ends[a].middle ? k : a), 0);
    return {
      name: title,
      color,
      dash,
      x: list("rate"),
      y: list("middle"),
      band: { along: "y", low: list("low"), high: list("high") },
      teleports: [],
      marked: ends.length > 0 ? { at: best, color } : undefined,
      diverged: false,
    };
  });
  return {
    series: swept.length > 0 ? series : [],
    of: String(swept.length),
    xLabel: "learning rate",
    yLabel: "last held-out loss",
    logX: true,
    logY: true,
    whole: false,
    notes: raced.flatMap((name) =>
      divergedNote(
        lookOf(name, state, theme).title,
        swept.filter((one) => !Number.isFinite(one[name])).length,
        `${swept.length} runs`,
        endsOf(swept, name).some(({ low, high }) => low < high && high === Infinity),
      ),
    ),
  };
}

export interface RaceResult {
  /** Geometric mean of the teleported runs' held-out losses over the plain ones', with its 95 % interval. */
  readonly ratio: number;
  readonly interval: readonly [number, number];
  readonly sentence: string;
}

/** The paired ratio of a race, as reports have it: exp of the t-interval of the mean of the logarithms. */
export function resultOf(pairs: readonly Raced[]): RaceResult | undefined {
  const logs = pairs.map(({ plain, teleported }) => Math.log(teleported / plain));
  const n = logs.length;
  if (n < 2 || !logs.every(Number.isFinite)) return undefined;
  const mean = logs.reduce((a, b) => a + b, 0) / n;
  const deviation = Math.sqrt(logs.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (n - 1));
  const half = (tQuantile(0.975, n - 1) * deviation) / Math.sqrt(n);
  const interval = [Math.exp(mean - half), Math.exp(mean + half)] as const;
  const sentence =
    interval[1] < 1
      ? "On these seeds the teleported runs end with a smaller held-out loss at the same steps."
      : interval[0] > 1
        ? "On these seeds the teleported runs end with a larger held-out loss at the same steps."
        : "The interval holds 1: these seeds show no difference.";
  return { ratio: Math.exp(mean), interval, sentence };
}
