import * as Plot from "@observablehq/plot";
import { axesOf, formatValue, isDrawable } from "./base/axis.js";
import { need, needNames } from "./base/check.js";
import { plotSymbol, symbolOf } from "./base/symbols.js";
import { canvasOf, type FigureOptions, framed } from "./frame.js";
import { panel } from "./panel.js";

interface Losses {
  readonly x: number;
  readonly y: number;
}

export interface ParetoMethod {
  readonly name: string;
  /** Where its runs ended. */
  readonly points: readonly Losses[];
  /** The path of each run from its start. */
  readonly trajectories?: readonly (readonly Losses[])[];
}

export interface ParetoData {
  readonly methods: readonly ParetoMethod[];
  /** Points of the true front, in any order. */
  readonly front?: readonly Losses[];
  readonly xLabel?: string;
  readonly yLabel?: string;
  readonly logX?: boolean;
  readonly logY?: boolean;
}

/**
 * Two losses against each other: where the runs of each method ended, their paths, and the Pareto front.
 *
 * @throws OptionError without methods, or for methods of the same name
 * @example
 * const methods = [{ name: "LS", points: [{ x: 1, y: 3 }] }];
 * const svg = paretoFront({ methods, front: [{ x: 0, y: 4 }, { x: 2, y: 0 }] });
 */
export function paretoFront(data: ParetoData, options: FigureOptions = {}): SVGSVGElement {
  const { methods, front = [], xLabel = "loss of task 1", yLabel = "loss of task 2" } = data;
  const { logX = false, logY = false } = data;
  need(methods?.length > 0, "paretoFront: methods is empty; give at least one.");
  needNames("paretoFront", methods);
  const canvas = canvasOf(options);
  const { theme } = canvas;
  const placed = ({ x, y }: Losses) => isDrawable(x, logX) && isDrawable(y, logY);
  const drawn = methods.map(({ name, points, trajectories = [] }, i) => ({
    name,
    color: theme.series(i),
    symbol: symbolOf(i),
    points: points.filter(placed),
    ways: trajectories.map((way) => way.slice(0, firstBad(way, placed))).filter(({ length }) => length > 0),
    missing: points.filter((p) => !placed(p)).length,
  }));
  const line = front.filter(placed).sort((a, b) => a.x - b.x || b.y - a.y);
  const all = [...line, ...drawn.flatMap(({ points, ways }) => [...points, ...ways.flat()])];
  const xy = { x: "x", y: "y" } as const;
  const missing = drawn.filter((d) => d.missing > 0);
  return framed(
    {
      name: "Pareto front",
      description: `${yLabel} against ${xLabel}. ${drawn.map(describe).join(" ")}`,
      legend: [
        ...drawn.map(({ name, color, symbol }) => ({ key: "symbol", label: name, color, symbol }) as const),
        ...(drawn.some(({ ways }) => ways.length > 0)
          ? [
              {
                key: "symbol",
                label: "start",
                color: "currentColor",
                symbol: "circle",
                hollow: true,
              } as const,
            ]
          : []),
        ...(line.length > 0
          ? [{ key: "line", label: "Pareto front", color: theme.muted, width: 4 } as const]
          : []),
      ],
      notes: missing.map(
        (d) => `${d.name}: ${d.missing} of ${d.missing + d.points.length} runs have no finite place here.`,
      ),
      draw: (width, height) =>
        panel(canvas, {
          width,
          height,
          ...axesOf(all, { xLabel, yLabel, logX, logY }),
          marks: [
            Plot.line(line, {
              ...xy,
              stroke: theme.muted,
              strokeWidth: 4,
              strokeOpacity: 0.7,
              strokeLinecap: "round",
            }),
            ...drawn.flatMap(({ ways, color }) =>
              ways.map((way) =>
                Plot.line(way, { ...xy, stroke: color, strokeWidth: 1.2, strokeOpacity: 0.75 }),
              ),
            ),
            ...drawn.map(({ ways, color }) =>
              Plot.dot(
                ways.map(([start]) => start),
                { ...xy, r: 3, fill: theme.paper, stroke: color, strokeWidth: 1.4 },
              ),
            ),
            // Runs of several methods often end in one place: a later method's symbols leave a rim of the earlier ones'.
            ...drawn.map(({ points, color, symbol }, i) =>
              Plot.dot(points, {
                ...xy,
                r: radiusOf(i, drawn.length),
                symbol: plotSymbol(symbol) as Plot.SymbolType,
                fill: color,
                stroke: theme.paper,
                strokeWidth: 1,
              }),
            ),
          ],
        }).group,
    },
    options,
  );
}

/** Size of the symbols of the i-th of n methods: the later, the smaller, from 10.5 px at most to 4.5 px. */
const radiusOf = (i: number, n: number): number => 4.5 + (n - 1 - i) * Math.min(2, 6 / Math.max(1, n - 1));

function firstBad(way: readonly Losses[], placed: (p: Losses) => boolean): number {
  const i = way.findIndex((p) => !placed(p));
  return i < 0 ? way.length : i;
}

function describe({ name, points }: { readonly name: string; readonly points: readonly Losses[] }): string {
  if (points.length === 0) return `${name} has no points.`;
  const some = points.slice(0, 5).map(({ x, y }) => `(${formatValue(x)}, ${formatValue(y)})`);
  const more = points.length > 5 ? ` and ${points.length - 5} more` : "";
  return `${name} ends at ${some.join(", ")}${more}.`;
}
