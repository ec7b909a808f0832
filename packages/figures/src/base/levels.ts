import { isDrawable } from "./axis.js";
import { need } from "./check.js";
import type { Grid } from "./grid-of.js";
import type { Theme } from "./theme.js";

export interface LevelOptions {
  /** `log`: equal ratios between levels, above `floor`. Default `linear`. */
  readonly spacing?: "linear" | "log";
  /** What logarithmic levels count from; default 0, or the lowest value where that is negative. */
  readonly floor?: number;
  /** Number of levels, 2 to 40; default 12. */
  readonly levels?: number;
}

/** Levels of a function on a grid, in the scale in which they are evenly spaced. */
export interface Levels {
  /** Of the function, from the lowest; a color each. */
  readonly thresholds: readonly number[];
  readonly colors: readonly string[];
  /** The same in the even scale. */
  readonly heights: readonly number[];
  /** Values of the grid in the even scale, within the range of the function's finite ones; NaN stays. */
  readonly values: readonly number[];
}

/** Evenly spaced levels of f, or of its logarithm, with their colors. */
export function levelsOf(
  f: Grid,
  { spacing = "linear", floor, levels = 12 }: LevelOptions,
  theme: Pick<Theme, "ramp">,
): Levels {
  need(
    Number.isInteger(levels) && levels >= 2 && levels <= 40,
    `levelSets: levels must be an integer from 2 to 40; got ${levels}.`,
  );
  need(
    spacing === "linear" || spacing === "log",
    `levelSets: spacing must be linear or log; got ${JSON.stringify(spacing)}.`,
  );
  const ordered = Float64Array.from(f.values)
    .filter((v) => isDrawable(v, false))
    .sort();
  need(ordered.length > 0, "levelSets: f has no finite value on its grid; choose other ranges.");
  const [lowest, highest] = [ordered[0], ordered[ordered.length - 1]];
  const base = floor ?? Math.min(0, lowest);
  const isLog = spacing === "log";
  const above = ordered.map((v) => v - base).filter((v) => v > 0);
  // What one in fifty is below. Down to a minimum that a grid point happens to hit levels would show the grid and not the function.
  const lowestLevel = isLog ? Math.max(1e-305, above[Math.floor(above.length / 50)] ?? 1) : 0;
  const forward = (v: number) => (isLog ? Math.log(Math.max(v - base, lowestLevel)) : v);
  const [from, to] = [forward(lowest), forward(highest)];
  const scaled = Array.from({ length: levels }, (_, i) => from + ((to - from) * i) / levels);
  const constant = !(to > from);
  const heights = constant ? [from] : scaled;
  const colors = theme.ramp(heights.length);
  // What is not finite belongs to the top if it is +Infinity, and to no level if it is NaN.
  const values = Array.from(f.values, (v) =>
    Number.isNaN(v) ? NaN : Math.max(from, Math.min(forward(v), to)),
  );
  const back = (t: number) => (isLog ? base + Math.exp(t) : t);
  return { thresholds: constant ? [lowest] : heights.map(back), colors, heights, values };
}
