import * as Plot from "@observablehq/plot";
import type { Axis } from "./base/axis.js";
import type { Run } from "./base/statistics.js";
import { plotSymbol } from "./base/symbols.js";
import type { Theme } from "./base/theme.js";
import type { DrawnSeries } from "./curves-series.js";
import type { Canvas } from "./frame.js";
import { element } from "./svg.js";

/** Size of the names beside the curves. */
export const labelSize = 12.5;

/** Bands, target, single runs, means, teleports and the crosses of divergence, the last on top. */
export function marksOf(
  drawn: readonly DrawnSeries[],
  { theme, target, teleportMark, yAxis }: MarkSettings,
): Plot.Markish[] {
  const [floor, ceiling] = yAxis.domain;
  const clamp = (v: number) => Math.min(ceiling, Math.max(floor, v));
  const xy = { x: "x", y: "y" } as const;
  return [
    ...drawn.map(({ summary: { band }, color }) =>
      Plot.areaY(band.filter(({ low, high }) => high > low).length > 0 ? band : [], {
        x: "x",
        y1: (b) => clamp(b.low),
        y2: (b) => clamp(b.high),
        fill: color,
        fillOpacity: 0.18,
      }),
    ),
    Plot.ruleY(target, { stroke: "currentColor", strokeDasharray: "6 4", strokeWidth: 1.2 }),
    ...drawn.flatMap(({ summary: { tails }, color, dash }) =>
      tails.map(({ x, y }) =>
        Plot.line(
          x.map((v, i) => ({ x: v, y: y[i] })),
          { ...xy, stroke: color, strokeWidth: 1, strokeOpacity: 0.7, strokeDasharray: dash },
        ),
      ),
    ),
    ...drawn.map(({ summary: { band }, color, dash }) =>
      Plot.line(band, {
        x: "x",
        y: "mean",
        // As a channel, the color is the path's own and not a group's: programs that style paths then find it.
        stroke: () => color,
        strokeWidth: 2,
        strokeDasharray: dash,
        strokeLinejoin: "round",
      }),
    ),
    // A line of one point is not seen.
    ...drawn.map(({ summary: { band }, color }) =>
      Plot.dot(band.length === 1 ? band : [], { x: "x", y: "mean", r: 3.5, fill: color }),
    ),
    ...drawn.flatMap(({ teleports, color }) =>
      teleportMark === "dot"
        ? [Plot.dot(teleports, { ...xy, r: 4, fill: () => color, stroke: theme.paper })]
        : [
            Plot.vector(teleports, { ...xy, ...tick, stroke: theme.paper, strokeWidth: 5 }),
            Plot.vector(teleports, { ...xy, ...tick, stroke: color, strokeWidth: 2.2 }),
          ],
    ),
    ...drawn.map(({ summary: { diverged }, color }) =>
      Plot.dot(
        diverged.filter(({ x }) => Number.isFinite(x)),
        { ...xy, r: 5, symbol: plotSymbol("cross") as Plot.SymbolType, fill: color, stroke: theme.paper },
      ),
    ),
  ];
}

interface MarkSettings {
  readonly theme: Theme;
  readonly target: readonly number[];
  readonly teleportMark: "tick" | "dot";
  readonly yAxis: Axis;
}

/** A short upright line across the curve. */
const tick = {
  length: 14,
  anchor: "middle",
  shape: {
    draw(context: Pick<CanvasPath, "moveTo" | "lineTo">, length: number) {
      context.moveTo(0, 0);
      context.lineTo(0, -length);
    },
  },
} as const;

const lastOf = ({ x, y }: Run) => ({ x: x[x.length - 1], y: y[y.length - 1] });

/** Names at the curves' ends, moved apart, with a line to the end. */
export function directLabels(
  drawn: readonly DrawnSeries[],
  { document }: Canvas,
  { x, y }: { x: (v: number) => number; y: (v: number) => number },
  edge: number,
  height: number,
): SVGElement[] {
  const ends = drawn.map(({ summary: { band, tails } }) => {
    // Where single runs continue after the mean, the name is beside the longest one.
    const last = [...band.slice(-1).map((b) => ({ x: b.x, y: b.mean })), ...tails.map(lastOf)].reduce(
      (a, b) => (b.x > a.x ? b : a),
      { x: -Infinity, y: 0 },
    );
    return last.x > -Infinity ? { x: x(last.x), y: y(last.y) } : undefined;
  });
  const tops = spaced(
    ends.map((end) => end?.y ?? height - 60),
    { gap: 16, from: 30, to: height - 44 },
  );
  return drawn.flatMap(({ series, color }, i) => {
    const [end, top] = [ends[i], tops[i]];
    const text = element(
      document,
      "text",
      {
        x: edge + 22,
        y: top,
        dy: "0.35em",
        "font-size": labelSize,
        "text-anchor": "start",
        fill: "currentColor",
      },
      series.name,
    );
    const d = end && `M${end.x + 4},${end.y}L${Math.max(edge + 6, end.x + 4)},${end.y}L${edge + 18},${top}`;
    // Across a part of the figure where the curve is not, a solid line would look like the curve.
    const dash = end && edge - end.x > 60 ? "1 4" : undefined;
    const style = { fill: "none", stroke: color, "stroke-width": 1.2, "stroke-dasharray": dash };
    const leader = element(document, "path", { d, ...style });
    return end ? [leader, text] : [text];
  });
}

/**
 * Places near the given ones, at least `gap` apart and between `from` and `to` as far as there is room: neighbors that
 * are too close form a group around their mean.
 */
export function spaced(
  places: readonly number[],
  { gap, from, to }: { readonly gap: number; readonly from: number; readonly to: number },
): number[] {
  const order = [...places.keys()].sort((a, b) => places[a] - places[b]);
  let groups = order.map((i) => ({ members: [i], center: places[i] }));
  for (let merged = true; merged; ) {
    merged = false;
    const next: typeof groups = [];
    for (const group of groups) {
      const half = ((group.members.length - 1) * gap) / 2;
      const center = Math.max(from + half, Math.min(to - half, group.center));
      const before = next.at(-1);
      const apart = before ? ((before.members.length + group.members.length) * gap) / 2 : 0;
      if (before && center - before.center < apart - 1e-9) {
        const members = [...before.members, ...group.members];
        before.center = members.reduce((sum, i) => sum + places[i], 0) / members.length;
        before.members = members;
        merged = true;
      } else next.push({ members: group.members, center });
    }
    groups = next;
  }
  const result = Array.from(places);
  for (const { members, center } of groups) {
    for (const [k, i] of members.entries()) result[i] = center + (k - (members.length - 1) / 2) * gap;
  }
  return result;
}
