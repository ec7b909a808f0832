import * as Plot from "@observablehq/plot";
import type { Grid } from "./base/grid-of.js";
import { type LevelOptions, levelsOf } from "./base/levels.js";
import type { Theme } from "./base/theme.js";

/** Filled contours of f, or of its logarithm: between grid points both are taken as linear. */
export function contours(f: Grid, options: LevelOptions, theme: Theme) {
  const { thresholds, colors, heights, values } = levelsOf(f, options, theme);
  const [hx, hy] = [(f.x[1] - f.x[0]) / (f.nx - 1), (f.y[1] - f.y[0]) / (f.ny - 1)];
  const contour = Plot.contour([...values], {
    width: f.nx,
    height: f.ny,
    // Plot takes a value as that of the middle of a cell, so that the cells reach beyond the outermost points.
    x1: f.x[0] - hx / 2,
    x2: f.x[1] + hx / 2,
    y1: f.y[0] - hy / 2,
    y2: f.y[1] + hy / 2,
    value: Plot.identity as never,
    fill: (d: { value: number }) => colors[heights.indexOf(d.value)],
    stroke: "currentColor",
    strokeOpacity: 0.18,
    strokeWidth: 0.7,
    thresholds: [...heights],
    // Otherwise Plot fills gaps with the nearest values.
    interpolate: "none",
    clip: true,
  });
  return { thresholds, colors, contour };
}
