import * as Plot from "@observablehq/plot";
import { axisOf, formatValue, isDrawable } from "./base/axis.js";
import { needNames } from "./base/check.js";
import { checkGrid, type Grid } from "./base/grid-of.js";
import { type LevelOptions, levelsOf } from "./base/levels.js";
import { plotSymbol } from "./base/symbols.js";
import { textWidth } from "./base/text.js";
import { dashOf, type Theme } from "./base/theme.js";
import { type Canvas, canvasOf, type FigureOptions, framed } from "./frame.js";
import type { LegendEntry } from "./legend.js";
import { halo, panel } from "./panel.js";
import { element } from "./svg.js";

export interface PlanePoint {
  readonly x: number;
  readonly y: number;
}

/** A teleport: from a point to another, before the step of that number. */
export interface Jump {
  readonly from: PlanePoint;
  readonly to: PlanePoint;
  readonly step: number;
}

export interface Trajectory {
  readonly name: string;
  /** The iterates; `step` counts them from 0 where it is left out. */
  readonly points: readonly (PlanePoint & { readonly step?: number })[];
  /** All of them break the path; of more than 100 some are drawn, evenly. */
  readonly jumps?: readonly Jump[];
}

export interface LevelSetsData extends LevelOptions {
  /** The function, such as from `gridOf`. */
  readonly f: Grid;
  readonly trajectories?: readonly Trajectory[];
  readonly start?: PlanePoint;
  readonly optimum?: PlanePoint;
  readonly xLabel?: string;
  readonly yLabel?: string;
}

/**
 * Level sets of a function of two variables, with the trajectories of optimizers and their teleports as dashed arrows.
 *
 * @param data the function on a grid, trajectories, marks
 * @throws OptionError for a grid without finite values, a number of values that is not the grid's, or names that repeat
 * @example
 * const f = gridOf((x, y) => x * x + 4 * y * y, { x: [-2, 2], y: [-2, 2], n: 60 });
 * const svg = levelSets({ f, optimum: { x: 0, y: 0 } });
 */
export function levelSets(data: LevelSetsData, options: FigureOptions = {}): SVGSVGElement {
  const { f, trajectories = [], start, optimum, xLabel = "x", yLabel = "y" } = data;
  checkGrid("levelSets", f);
  needNames("levelSets", trajectories);
  const canvas = canvasOf(options);
  const { theme } = canvas;
  const { thresholds, colors, contour } = contours(f, data, theme);
  const inside = ({ x, y }: PlanePoint) => x >= f.x[0] && x <= f.x[1] && y >= f.y[0] && y <= f.y[1];
  const leaving = trajectories.filter(({ points }) => !points.every(inside)).map(({ name }) => name);
  const jumps = trajectories.flatMap(drawnJumps).filter(({ to }) => isFinitePoint(to) && inside(to));

  const legend: LegendEntry[] = [
    ...trajectories.map(
      ({ name }, i) => ({ key: "line", label: name, color: theme.series(i), dash: dashOf(i) }) as const,
    ),
    ...(trajectories.some(({ jumps = [] }) => jumps.length > 0)
      ? [{ key: "line", label: "teleport, with its step", color: "currentColor", dash: "5 4" } as const]
      : []),
    ...(start
      ? [{ key: "symbol", label: "start", color: "currentColor", symbol: "circle", hollow: true } as const]
      : []),
    ...(optimum ? [{ key: "symbol", label: "optimum", color: "currentColor", symbol: "star" } as const] : []),
    {
      key: "ramp",
      label: `levels from ${formatValue(thresholds[0])} to ${formatValue(thresholds.at(-1) ?? 0)}`,
      colors: [0, 0.25, 0.5, 0.75, 1].map((t) => colors[Math.round(t * (colors.length - 1))]),
    },
  ];
  const marked = (point: PlanePoint | undefined, symbol: "circle" | "star") =>
    Plot.dot(point ? [point] : [], {
      x: "x",
      y: "y",
      r: symbol === "star" ? 6 : 5,
      symbol: plotSymbol(symbol) as Plot.SymbolType,
      fill: symbol === "star" ? "currentColor" : theme.paper,
      stroke: symbol === "star" ? theme.paper : "currentColor",
      strokeWidth: symbol === "star" ? 1 : 2,
    });
  return framed(
    {
      name: "Level sets",
      description:
        `Level sets of a function of ${xLabel} from ${formatValue(f.x[0])} to ${formatValue(f.x[1])} ` +
        `and ${yLabel} from ${formatValue(f.y[0])} to ${formatValue(f.y[1])}. ${trajectories.map(summary).join(" ")}`.trimEnd(),
      legend,
      notes: [
        ...(leaving.length > 0 ? [`Leaving the picture: ${leaving.join(", ")}.`] : []),
        ...(Array.from(f.values).some(Number.isNaN)
          ? ["Left blank: the function is not a number there."]
          : []),
      ],
      draw: (width, height) =>
        panel(canvas, {
          width,
          height,
          x: axisOf([], { label: xLabel, domain: f.x }),
          y: axisOf([], { label: yLabel, domain: f.y, count: 5 }),
          grid: false,
          marks: [
            contour,
            ...trajectories.flatMap((t, i) => pathMarks(t, i, canvas)),
            ...trajectories.flatMap((t, i) => jumpMarks(t, i, canvas)),
            jumpLabels(roomy(jumps, f, { width, height }), canvas),
            marked(start, "circle"),
            marked(optimum, "star"),
          ],
        }).group,
    },
    { height: 480, ...options },
  );
}

function summary(trajectory: Trajectory): string {
  const { name, points } = trajectory;
  const last = points.filter(isFinitePoint).at(-1);
  const end = last ? `ends at (${formatValue(last.x)}, ${formatValue(last.y)})` : "has no point";
  const steps = drawnJumps(trajectory)
    .map(({ step }) => step)
    .join(", ");
  return `${name} ${end}${steps && ` with teleports before steps ${steps}`}.`;
}

/** Arrows of a path at most: more of them hide it. */
const mostArrows = 100;

/** The jumps that are drawn: evenly spread, and the last one. */
function drawnJumps({ jumps = [] }: Trajectory): readonly Jump[] {
  const every = Math.ceil(jumps.length / mostArrows);
  return jumps.filter((_, k) => k % every === 0 || k === jumps.length - 1);
}

const isFinitePoint = ({ x, y }: PlanePoint) => isDrawable(x, false) && isDrawable(y, false);

/** The pieces of a path between its jumps: one ends where a jump starts, the next starts where the jump ends. */
export function piecesOf({ points, jumps = [] }: Trajectory): PlanePoint[][] {
  const ordered = [...jumps].sort((a, b) => a.step - b.step);
  const pieces: PlanePoint[][] = [[]];
  let next = 0;
  for (const [i, point] of points.entries()) {
    const step = point.step ?? i;
    let jumped = false;
    for (; next < ordered.length && ordered[next].step <= step; next++) {
      pieces.at(-1)?.push(ordered[next].from);
      pieces.push([ordered[next].to]);
      jumped ||= ordered[next].step === step;
    }
    // The iterate of a jump's step is one of the jump's ends: which one, depends on who recorded it.
    if (!jumped) pieces.at(-1)?.push(point);
  }
  const cut = (piece: PlanePoint[]) => {
    const end = piece.findIndex((p) => !isFinitePoint(p));
    return end < 0 ? piece : piece.slice(0, end);
  };
  return pieces.map(cut).filter((piece) => piece.length > 0);
}

function pathMarks(trajectory: Trajectory, index: number, { theme }: Canvas): Plot.Markish[] {
  const color = theme.series(index);
  const pieces = piecesOf(trajectory);
  const count = pieces.reduce((sum, piece) => sum + piece.length, 0);
  // One line with gaps: a path may have thousands of pieces.
  const gap = { x: Number.NaN, y: Number.NaN };
  const path = pieces.flatMap((piece, k) => (k === 0 ? piece : [gap, ...piece]));
  const line = { x: "x", y: "y", clip: true, strokeLinejoin: "round" } as const;
  return [
    Plot.line(path, { ...line, stroke: theme.paper, strokeWidth: 4.5, strokeOpacity: 0.7 }),
    Plot.line(path, { ...line, stroke: color, strokeWidth: 2, strokeDasharray: dashOf(index) }),
    // Dots show the length of steps while they can be distinguished.
    Plot.dot(count <= 80 ? pieces.flat() : [], { x: "x", y: "y", r: 2.4, fill: color, clip: true }),
    ...pieces
      .slice(-1)
      .map((piece) =>
        Plot.dot(piece.slice(-1), { x: "x", y: "y", r: 4, fill: color, stroke: theme.paper, clip: true }),
      ),
  ];
}

/** A filled head whose point is at the end of the line. */
const arrowHead = (fill: string, { document }: { document: Document }): SVGMarkerElement =>
  element(
    document,
    "marker",
    {
      viewBox: "0 0 10 10",
      refX: 9,
      refY: 5,
      markerWidth: 12,
      markerHeight: 12,
      markerUnits: "userSpaceOnUse",
      orient: "auto",
    },
    element(document, "path", { d: "M0,0.5L10,5L0,9.5Z", fill, stroke: "none" }),
  ) as SVGMarkerElement;

const labelSize = 12;
/** From the end of a jump up to the middle of its label, in px. */
const labelRise = 11;

/** Jumps whose labels would cover no other label and no end of another jump; the others go without. */
function roomy(
  jumps: readonly Jump[],
  { x, y }: Grid,
  { width, height }: { readonly width: number; readonly height: number },
): Jump[] {
  // The axes take some of the panel, so places lie closer than this says: the distances below are ample.
  const place = ({ to }: Jump) => ({
    x: (width * (to.x - x[0])) / (x[1] - x[0]),
    y: (-height * (to.y - y[0])) / (y[1] - y[0]),
  });
  const kept: { readonly jump: Jump; readonly x: number; readonly y: number; readonly half: number }[] = [];
  for (const jump of jumps) {
    const end = place(jump);
    const label = { jump, x: end.x, y: end.y - labelRise, half: textWidth(String(jump.step), labelSize) / 2 };
    const coversLabel = kept.some(
      (other) =>
        Math.abs(other.x - label.x) < 1.2 * (other.half + label.half) + 4 && Math.abs(other.y - label.y) < 22,
    );
    const coversEnd = jumps.some((other) => {
      const at = place(other);
      return other !== jump && Math.abs(at.x - label.x) < label.half + 6 && Math.abs(at.y - label.y) < 8;
    });
    if (!coversLabel && !coversEnd) kept.push(label);
  }
  return kept.map(({ jump }) => jump);
}

const jumpLabels = (jumps: readonly Jump[], canvas: Canvas): Plot.Markish =>
  Plot.text(jumps, {
    x: (j: Jump) => j.to.x,
    y: (j: Jump) => j.to.y,
    text: (j: Jump) => String(j.step),
    dy: -labelRise,
    fontSize: labelSize,
    fontWeight: 600,
    ...halo(canvas),
  });

function jumpMarks(trajectory: Trajectory, index: number, canvas: Canvas): Plot.Markish[] {
  const color = canvas.theme.series(index);
  const drawn = drawnJumps(trajectory).filter(({ from, to }) => isFinitePoint(from) && isFinitePoint(to));
  const ends = {
    x1: (j: Jump) => j.from.x,
    y1: (j: Jump) => j.from.y,
    x2: (j: Jump) => j.to.x,
    y2: (j: Jump) => j.to.y,
    clip: true,
  } as const;
  return [
    Plot.link(drawn, { ...ends, stroke: canvas.theme.paper, strokeWidth: 4.5, strokeOpacity: 0.7 }),
    Plot.link(drawn, {
      ...ends,
      stroke: color,
      strokeWidth: 1.8,
      strokeDasharray: "5 4",
      markerEnd: arrowHead,
    }),
  ];
}

/** Filled contours of f, or of its logarithm: between grid points both are taken as linear. */
function contours(f: Grid, options: LevelOptions, theme: Theme) {
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
