// The figures of the report, drawn from what the screen shows; in a worker.
import { curves } from "isoloss-figures";
import { curvesOf } from "./chart-data.js";
import type { TrainRun } from "./run.js";
import type { TrainState } from "./state.js";

interface Drawn {
  readonly state: TrainState;
  readonly runs: readonly TrainRun[];
  readonly theme: "light" | "dark";
}

export function curvesFigure({ state, runs, theme }: Drawn): SVGSVGElement {
  const { series, logY, yLabel } = curvesOf({ state, runs, theme }, "steps");
  const saved = series.map(({ name, x, y, band, teleports }, k) => ({
    name,
    runs: [{ steps: Array.from(x), values: Array.from(y) }],
    ...(band && {
      band: {
        low: Array.from(band.low),
        high: Array.from(band.high),
        seeds: runs[k].spreads.count,
        diverged: runs[k].spreads.diverged,
      },
    }),
    teleports: Array.from(teleports, (k) => x[k]),
  }));
  return curves({ series: saved, logY, yLabel }, { theme });
}
