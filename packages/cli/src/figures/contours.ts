import * as Plot from "@observablehq/plot";
import { need } from "./check.js";
import type { Grid } from "./grid-of.js";
import type { Theme } from "./theme.js";

export interface ContourOptions {
  /** `log`: equal ratios between levels, above `floor`. Default `linear`. */
  readonly spacing?: "linear" | "log";
  /** What logarithmic levels count from; default 0, or the lowest value where that is negative. */
  readonly floor?: number;
  /** Number of levels, 2 to 40; default 12. */
  readonly levels?: number;
}

/** Filled contours of f, or of its logarithm: between grid points both are taken as linear. */
export function contours(f: Grid, { spacing = "linear", floor, levels = 12 }: ContourOptions, theme: Theme) {
  need(
    Number.isInteger(levels) && levels >= 2 && levels <= 40,
    `levelSets: levels must be an integer from 2 to 40; got ${levels}.`,
  );
  need(
    spacing === "linear" || spacing === "log",
    `levelSets: spacing must be linear or log; got ${JSON.stringify(spacing)}.`,
  );
  const finite = Array.from(f.values).filter((v) => Math.abs(v) < 1e305);
  need(finite.length > 0, "levelSets: f has no finite value on its grid; choose other ranges.");
  const lowest = finite.reduce((a, b) => Math.min(a, b));
  const highest = finite.reduce((a, b) => Math.max(a, b));
  const base = floor ?? Math.min(0, lowest);
  const isLog = spacing === "log";
  const lowestLevel = isLog ? lowQuantile(finite.map((v) => v - base).filter((v) => v > 0)) : 0;
  const forward = (v: number) => (isLog ? Math.log(Math.max(v - base, lowestLevel)) : v);
  const [from, to] = [forward(lowest), forward(highest)];
  const scaled = Array.from({ length: levels }, (_, i) => from + ((to - from) * i) / levels);
  const constant = !(to > from);
  const heights = constant ? [from] : scaled;
  const colours = theme.ramp(heights.length);
  const [hx, hy] = [(f.x[1] - f.x[0]) / (f.nx - 1), (f.y[1] - f.y[0]) / (f.ny - 1)];
  // What is not finite belongs to the top if it is +Infinity, and to no level if it is NaN.
  const values = Array.from(f.values, (v) =>
    Number.isNaN(v) ? NaN : Math.max(from, Math.min(forward(v), to)),
  );
  const contour = Plot.contour(values, {
    width: f.nx,
    height: f.ny,
    // Plot takes a value as that of the middle of a cell, so that the cells reach beyond the outermost points.
    x1: f.x[0] - hx / 2,
    x2: f.x[1] + hx / 2,
    y1: f.y[0] - hy / 2,
    y2: f.y[1] + hy / 2,
    value: Plot.identity as never,
    fill: (d: { value: number }) => colours[heights.indexOf(d.value)],
    stroke: "currentColor",
    strokeOpacity: 0.18,
    strokeWidth: 0.7,
    thresholds: heights,
    // Without it Plot fills gaps with the nearest values.
    interpolate: "none",
    clip: true,
  });
  const back = (t: number) => (isLog ? base + Math.exp(t) : t);
  return { thresholds: constant ? [lowest] : heights.map(back), colours, contour };
}

/**
 * The value that one in fifty is below. Logarithmic levels start there: down to a minimum that a grid point happens to
 * hit they would show the grid and not the function.
 */
function lowQuantile(values: number[]): number {
  const ordered = values.sort((a, b) => a - b);
  return Math.max(1e-305, ordered[Math.floor(ordered.length / 50)] ?? 1);
}
