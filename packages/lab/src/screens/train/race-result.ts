// How sure the difference of a race's runs is.
import { tQuantile } from "isoloss-figures/base";
import type { Raced } from "./run.js";

/** Seeds of a race. */
export const seeds = 8;

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
