import * as Plot from "@observablehq/plot";
import type { Axis } from "./base/axis.js";
import { textWidth } from "./base/text.js";
import type { Canvas } from "./frame.js";
import { element } from "./svg.js";

export interface PanelOptions {
  readonly width: number;
  readonly height: number;
  readonly x: Axis;
  readonly y: Axis;
  readonly marks: readonly Plot.Markish[];
  /** Room at the right of the axes in px, for labels. */
  readonly right?: number;
  readonly grid?: boolean;
}

export interface Panel {
  readonly group: SVGElement;
  /** Places of values in px; of the axes' ends beyond them. */
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
}

const fontSize = 12;

/** Two numeric axes and the marks between them. */
export function panel(
  { document, theme }: Canvas,
  { width, height, x, y, marks, right = 20, grid = true }: PanelOptions,
): Panel {
  const widest = Math.max(24, ...y.tickLabels.map((label) => textWidth(label, fontSize)));
  const scale = ({ log, domain }: Axis) => ({ type: log ? ("log" as const) : ("linear" as const), domain });
  const lines = { stroke: theme.grid, strokeOpacity: 1 };
  const plot = Plot.plot({
    document,
    width,
    height,
    marginTop: 28,
    marginLeft: Math.ceil(widest) + 26,
    marginRight: right,
    marginBottom: 44,
    x: { ...scale(x), label: null },
    y: { ...scale(y), label: null },
    marks: [
      grid ? [Plot.gridX(x.ticks, lines), Plot.gridY(y.ticks, lines)] : [],
      ...marks,
      axisBelow(x),
      Plot.axisY(y.ticks, { ...axisOptions(y), labelAnchor: "top", labelOffset: Math.ceil(widest) + 12 }),
    ],
  });
  return { group: groupOf(document, plot), x: placeOf(plot, "x", x), y: placeOf(plot, "y", y) };
}

// The labels are given as texts, since Plot's logarithmic axes leave out what a format makes of listed ticks.
const axisOptions = ({ tickLabels, label }: Axis) => ({
  text: (_: unknown, i: number) => tickLabels[i],
  label,
  labelArrow: false,
  fontSize,
  tickSize: 5,
});

/** An axis of numbers below what is drawn. */
export const axisBelow = (x: Axis): Plot.Markish =>
  Plot.axisX(x.ticks, { ...axisOptions(x), labelAnchor: "center", labelOffset: 38 });

function placeOf(plot: Plot.Plot, name: "x" | "y", { domain: [lo, hi] }: Axis) {
  const scale = plot.scale(name);
  return (value: number): number => scale?.apply(Math.min(hi, Math.max(lo, value))) ?? 0;
}

/** The contents of a plot without its own size, style and font: those are the frame's. */
export function groupOf(document: Document, plot: Element): SVGElement {
  const children = [...plot.childNodes].filter(({ nodeName }) => nodeName.toLowerCase() !== "style");
  return element(document, "g", { "text-anchor": "middle" }, ...children);
}

/** A halo that keeps text readable over lines. */
export const halo = ({ theme }: Canvas) => ({ stroke: theme.paper, strokeWidth: 4, fill: "currentColor" });
