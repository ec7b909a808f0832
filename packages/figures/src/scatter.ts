import * as Plot from "@observablehq/plot";
import { extremes } from "isoloss/internal";
import { axesOf, formatValue, isDrawable } from "./base/axis.js";
import { need, needNames } from "./base/check.js";
import { plotSymbol, symbolOf } from "./base/symbols.js";
import { canvasOf, type FigureOptions, framed } from "./frame.js";
import { panel } from "./panel.js";

export interface ScatterData {
  readonly series: readonly {
    readonly name: string;
    readonly points: readonly { readonly x: number; readonly y: number }[];
  }[];
  readonly xLabel: string;
  readonly yLabel: string;
  readonly logX?: boolean;
  readonly logY?: boolean;
  /** Sentences below the figure. */
  readonly notes?: readonly string[];
}

/**
 * Two quantities against each other, a point for each thing that was measured.
 *
 * @throws OptionError without series, or for series of the same name
 * @example
 * const series = [{ name: "digits", points: [{ x: 0.1, y: 0.3 }, { x: 0.2, y: 0.35 }] }];
 * scatter({ series, xLabel: "sharpness", yLabel: "validation loss" });
 */
export function scatter(data: ScatterData, options: FigureOptions = {}): SVGSVGElement {
  const { series, xLabel, yLabel, logX = false, logY = false, notes = [] } = data;
  need(series?.length > 0, "scatter: series is empty; give at least one.");
  needNames("scatter", series);
  const canvas = canvasOf(options);
  const { theme } = canvas;
  const drawn = series.map(({ name, points }, i) => {
    const shown = points.filter(({ x, y }) => isDrawable(x, logX) && isDrawable(y, logY));
    return {
      name,
      shown,
      missing: points.length - shown.length,
      color: theme.series(i),
      symbol: symbolOf(i),
    };
  });
  const all = drawn.flatMap(({ shown }) => shown);
  return framed(
    {
      name: `${yLabel} against ${xLabel}`,
      description: `${yLabel} against ${xLabel}. ${drawn.map(describe).join(" ")}`,
      legend:
        drawn.length < 2
          ? []
          : drawn.map(({ name, color, symbol }) => ({ key: "symbol", label: name, color, symbol })),
      notes: [
        ...notes,
        ...drawn
          .filter(({ missing }) => missing > 0)
          .map(
            ({ name, missing }) =>
              `${name}: ${missing === 1 ? "1 point has" : `${missing} points have`} no finite place here.`,
          ),
      ],
      draw: (width, height) =>
        panel(canvas, {
          width,
          height,
          ...axesOf(all, { xLabel, yLabel, logX, logY }),
          marks: drawn.map(({ shown, color, symbol }) =>
            Plot.dot(shown, {
              x: "x",
              y: "y",
              r: 4.5,
              symbol: plotSymbol(symbol) as Plot.SymbolType,
              fill: color,
              fillOpacity: 0.8,
              stroke: theme.paper,
            }),
          ),
        }).group,
    },
    options,
  );
}

type Drawn = {
  readonly name: string;
  readonly shown: readonly { readonly x: number; readonly y: number }[];
};

function describe({ name, shown }: Drawn): string {
  if (shown.length === 0) return `${name} has no points.`;
  const range = (values: readonly number[]) => extremes(values).map(formatValue).join(" to ");
  return `${name}: ${shown.length} ${shown.length === 1 ? "point" : "points"}, ${range(shown.map(({ x }) => x))} across, ${range(shown.map(({ y }) => y))} up.`;
}
