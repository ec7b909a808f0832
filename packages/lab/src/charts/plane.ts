// The plane of two parameters on a canvas: levels, orbit, trajectories and their teleports.
import { type Axis, axisOf, formatValue, symbolPath, type Theme } from "isoloss-figures/base";
import { type Context, drawDisc, drawTickLabels, type Panel, panelOf, type Size } from "./canvas.js";
import { drawAxes, isDashed, isNear } from "./line-chart.js";

export type Point = readonly [number, number];

/** Teleports of a path, as one list a value. */
export type PlaneJumps = Readonly<Record<"step" | "fromX" | "fromY" | "toX" | "toY", ArrayLike<number>>>;

export interface PlanePath {
  readonly name: string;
  readonly color: string;
  readonly dash: readonly number[];
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  readonly jumps?: PlaneJumps | undefined;
  /** Index of the first point after a teleport before a step; default the step itself. */
  readonly indexAfter?: ((step: number) => number) | undefined;
  /** Number of points that are drawn, of a run that is played. */
  readonly shown: number;
}

export interface Curve {
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
}

export interface PlaneData {
  readonly x: Point;
  readonly y: Point;
  /** Whether a unit has the same length on both axes, so that circles are round; default true. */
  readonly hasEqualUnits?: boolean | undefined;
  /** Names of the axes; default x and y. */
  readonly xLabel?: string | undefined;
  readonly yLabel?: string | undefined;
  readonly paths: readonly PlanePath[];
  readonly start: Point;
  readonly optimum?: Point | undefined;
  /** Points that are best, as a broad line: a Pareto front. */
  readonly front?: Curve | undefined;
  readonly orbit?: Curve | undefined;
  /** A point that is pointed at elsewhere on the screen. */
  readonly marked?: Point | undefined;
}

/** Iterates are dots while there are few. */
const mostDots = 80;
/** Labels of teleports while there are few. */
const mostLabels = 12;
/** Lines and teleports that are drawn of a path. Of more, evenly taken, nobody could tell one from another. */
const mostLines = 2000;
/** Points that are looked at of a path that has more lines. */
const mostPoints = 20_000;
const mostJumps = 100;

export function planeLayout(
  { x, y, hasEqualUnits = true, xLabel = "x", yLabel = "y" }: Omit<PlaneData, "paths" | "start">,
  { width, height }: Size,
): Panel {
  const [left, bottom] = [40, height - 42];
  let [right, top] = [width - 12, 22];
  if (hasEqualUnits) {
    const unit = Math.min((right - left) / (x[1] - x[0]), (bottom - top) / (y[1] - y[0]));
    [right, top] = [left + unit * (x[1] - x[0]), bottom - unit * (y[1] - y[0])];
  }
  const axis = (label: string, domain: Point, count: number): Axis => axisOf([], { label, domain, count });
  const axes = {
    x: axis(xLabel, x, Math.max(3, Math.round((right - left) / 80))),
    y: axis(yLabel, y, Math.max(3, Math.round((bottom - top) / 60))),
  };
  return panelOf({ width, height }, axes, { left, right, top, bottom });
}

/** The point of the plane at a place on the canvas, with the digits that the canvas can tell apart. */
export function pointAt(layout: Panel, px: number, py: number): Point {
  const { x, y, left, right, top, bottom } = layout;
  const along = ({ domain: [a, b] }: Axis, at: number, length: number) =>
    rounded(a + (b - a) * Math.max(0, Math.min(1, at / length)), (b - a) / length);
  return [along(x, px - left, right - left), along(y, bottom - py, bottom - top)];
}

/** A value to a tenth of what a pixel is worth, or to less. */
export const rounded = (value: number, pixel: number): number =>
  Number(value.toFixed(Math.max(0, 1 + Math.ceil(-Math.log10(pixel)))));

export function drawPlane(
  context: Context,
  data: PlaneData,
  layout: Panel,
  theme: Theme,
  picture?: CanvasImageSource,
): void {
  const { left, right, top, bottom, toX, toY } = layout;
  context.clearRect(0, 0, layout.width, layout.height);
  if (picture) context.drawImage(picture, left, top, right - left, bottom - top);
  drawAxes(context, { ...layout, ...(picture ? { x: bare(layout.x), y: bare(layout.y) } : {}) }, theme);
  if (picture) drawTicks(context, layout, theme);
  context.save();
  context.beginPath();
  context.rect(left, top, right - left, bottom - top);
  context.clip();
  context.lineJoin = "round";
  context.lineCap = "round";
  if (data.front) drawFront(context, data.front, layout, theme);
  if (data.orbit) drawOrbit(context, data.orbit, layout, theme);
  for (const path of data.paths) drawPath(context, path, layout, theme);
  for (const path of data.paths) drawJumps(context, path, layout, theme);
  if (data.optimum) drawStar(context, toX(data.optimum[0]), toY(data.optimum[1]), theme);
  if (data.marked) {
    drawDisc(context, toX(data.marked[0]), toY(data.marked[1]), 5.5, {
      fill: theme.paper,
      stroke: theme.ink,
      width: 2,
    });
  }
  context.restore();
}

/** An axis whose grid is not drawn: it would cover the levels. */
const bare = (axis: Axis): Axis => ({ ...axis, ticks: [], tickLabels: [] });

/** The panel's edge and its labels, where a picture takes the place of the grid. */
function drawTicks(context: Context, panel: Panel, theme: Theme): void {
  const { left, top, bottom, right } = panel;
  context.strokeStyle = theme.muted;
  context.lineWidth = 1;
  context.beginPath();
  context.rect(left + 0.5, top + 0.5, right - left - 1, bottom - top - 1);
  context.stroke();
  drawTickLabels(context, panel, theme);
}

function drawFront(context: Context, curve: Curve, panel: Panel, theme: Theme): void {
  context.strokeStyle = theme.muted;
  context.globalAlpha = 0.55;
  context.lineWidth = 7;
  trace(context, linesOf(curve, curve.x.length, panel));
  context.stroke();
  context.globalAlpha = 1;
}

function drawOrbit(context: Context, curve: Curve, panel: Panel, theme: Theme): void {
  context.strokeStyle = theme.ink;
  context.globalAlpha = 0.75;
  context.lineWidth = 1.5;
  context.setLineDash([1.5, 5]);
  trace(context, linesOf(curve, curve.x.length, panel));
  context.stroke();
  context.setLineDash([]);
  context.globalAlpha = 1;
}

/** How far outside of the panel lines are drawn: their width. */
const margin = 10;

/**
 * A list of lines in px, four numbers each: the parts that can be seen, by Liang and Barsky (1984), without what covers another
 * one to the pixel. What is far outside would be dashed all the same, in tens of thousands of pieces.
 */
function createLines({ left, right, top, bottom }: Panel) {
  const lines: number[] = [];
  const [west, east, north, south] = [left - margin, right + margin, top - margin, bottom + margin];
  // The newest line of each place of a table: one that was forgotten is taken again.
  const places = new Float64Array(1 << 14).fill(-1);
  const keep = (ax: number, ay: number, bx: number, by: number) => {
    const from = Math.round(ax - west) * 8192 + Math.round(ay - north);
    const to = Math.round(bx - west) * 8192 + Math.round(by - north);
    const key = from * 2 ** 26 + to;
    const place = (Math.imul(from, 0x9e3779b1) ^ Math.imul(to, 0x85ebca6b)) >>> 18;
    if (places[place] === key) return;
    places[place] = key;
    lines.push(ax, ay, bx, by);
  };
  const isInside = (x: number, y: number) => x >= west && x <= east && y >= north && y <= south;
  /** Shares of a line between which an axis is within its limits, and within those before. */
  let [start, stop] = [0, 1];
  const cut = (from: number, length: number, low: number, high: number): void => {
    if (length === 0) {
      if (from < low || from > high) stop = -1;
      return;
    }
    const [near, far] = [(low - from) / length, (high - from) / length];
    start = Math.max(start, Math.min(near, far));
    stop = Math.min(stop, Math.max(near, far));
  };
  const add = (ax: number, ay: number, bx: number, by: number): void => {
    if (isInside(ax, ay) && isInside(bx, by)) {
      keep(ax, ay, bx, by);
      return;
    }
    const [dx, dy] = [bx - ax, by - ay];
    [start, stop] = [0, 1];
    cut(ax, dx, west, east);
    cut(ay, dy, north, south);
    if (!(start <= stop)) return;
    const [fromX, fromY] = start === 0 ? [ax, ay] : [ax + start * dx, ay + start * dy];
    const [toX, toY] = stop === 1 ? [bx, by] : [ax + stop * dx, ay + stop * dy];
    keep(fromX, fromY, toX, toY);
  };
  return { lines, add };
}

/**
 * The lines of a path through its finite points that are so far apart, without those of its teleports: the first ones, where they
 * are more numbers than `most`. Of the points only each of `every` counts, and the last one.
 */
function linesOf(
  { x, y }: Curve,
  count: number,
  panel: Panel,
  path?: PlanePath,
  {
    apart,
    every = 1,
    most = Number.POSITIVE_INFINITY,
  }: { readonly apart?: number; readonly every?: number; readonly most?: number } = {},
): number[] {
  const { lines, add } = createLines(panel);
  const { toX, toY } = panel;
  const { jumps, indexAfter = (step: number) => step } = path ?? {};
  const steps = jumps?.step ?? [];
  let next = 0;
  /** The end of the line so far. */
  let [endX, endY] = [Number.NaN, Number.NaN];
  for (
    let i = 0;
    i < count && lines.length <= most;
    i = i < count - 1 ? Math.min(i + every, count - 1) : count
  ) {
    for (; jumps && next < steps.length && indexAfter(steps[next]) <= i; next++) {
      if (!Number.isNaN(endX)) add(endX, endY, toX(jumps.fromX[next]), toY(jumps.fromY[next]));
      endX = Number.NaN;
    }
    const [px, py] = [toX(x[i]), toY(y[i])];
    if (!(Number.isFinite(px) && Number.isFinite(py))) {
      endX = Number.NaN;
      continue;
    }
    if (!Number.isNaN(endX)) {
      if (i < count - 1 && isNear(endX, endY, px, py, apart)) continue;
      add(endX, endY, px, py);
    }
    [endX, endY] = [px, py];
  }
  return lines;
}

/** Lines as a path of the canvas, of at most `most` of them; gives their length in px. */
function trace(context: Context, lines: readonly number[], most = mostLines): number {
  context.beginPath();
  const every = 4 * Math.ceil(lines.length / (4 * most));
  let [x, y, length] = [Number.NaN, Number.NaN, 0];
  for (let k = 0; k < lines.length; k += every) {
    if (lines[k] !== x || lines[k + 1] !== y) context.moveTo(lines[k], lines[k + 1]);
    length += Math.hypot(lines[k + 2] - lines[k], lines[k + 3] - lines[k + 1]);
    [x, y] = [lines[k + 2], lines[k + 3]];
    context.lineTo(x, y);
  }
  return length;
}

function drawPath(context: Context, path: PlanePath, panel: Panel, theme: Theme): void {
  const { x, y, color, dash, shown } = path;
  const most = 4 * mostLines;
  let lines = linesOf(path, shown, panel, path, { most });
  // Of a long way fewer points are connected, before lines are left out.
  if (lines.length > most) {
    lines = linesOf(path, shown, panel, path, { apart: 2, every: Math.ceil(shown / mostPoints) });
  }
  const length = trace(context, lines);
  context.strokeStyle = theme.paper;
  context.globalAlpha = 0.7;
  context.lineWidth = 4.5;
  context.stroke();
  context.globalAlpha = 1;
  context.strokeStyle = color;
  context.lineWidth = 2;
  if (isDashed(length)) context.setLineDash([...dash]);
  context.stroke();
  context.setLineDash([]);
  const at = (i: number) => [panel.toX(x[i]), panel.toY(y[i])] as const;
  if (x.length <= mostDots) {
    for (let i = 0; i < shown; i++) drawDisc(context, ...at(i), 2.4, { fill: color });
  }
  if (shown > 0) drawDisc(context, ...at(shown - 1), 4.5, { fill: color, stroke: theme.paper, width: 1.5 });
}

function drawJumps(context: Context, path: PlanePath, panel: Panel, theme: Theme): void {
  const { toX, toY } = panel;
  const { color, jumps, shown, indexAfter = (step: number) => step } = path;
  if (jumps === undefined) return;
  const { lines, add } = createLines(panel);
  const steps = jumps.step;
  let count = 0;
  for (; count < steps.length && indexAfter(steps[count]) < shown; count++) {
    add(toX(jumps.fromX[count]), toY(jumps.fromY[count]), toX(jumps.toX[count]), toY(jumps.toY[count]));
  }
  trace(context, lines, mostJumps);
  context.strokeStyle = theme.paper;
  context.globalAlpha = 0.7;
  context.lineWidth = 4.5;
  context.stroke();
  context.strokeStyle = color;
  context.globalAlpha = 1;
  context.lineWidth = 1.8;
  context.setLineDash([5, 4]);
  context.stroke();
  context.setLineDash([]);
  const every = 4 * Math.ceil(lines.length / (4 * mostJumps));
  for (let k = 0; k < lines.length; k += every) {
    const [ax, ay, bx, by] = lines.slice(k, k + 4);
    arrowHead(context, Math.atan2(by - ay, bx - ax), bx, by, color);
  }
  if (count > mostLabels) return;
  context.font = "600 12px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  const placed: Point[] = [];
  for (let k = 0; k < count; k++) {
    const [px, py] = [toX(jumps.toX[k]), toY(jumps.toY[k]) - 12];
    if (placed.some(([qx, qy]) => Math.abs(px - qx) < 30 && Math.abs(py - qy) < 16)) continue;
    placed.push([px, py]);
    const text = String(steps[k]);
    const half = context.measureText(text).width / 2 + 3;
    context.fillStyle = theme.paper;
    context.globalAlpha = 0.8;
    context.beginPath();
    context.rect(px - half, py - 8, 2 * half, 15);
    context.fill();
    context.globalAlpha = 1;
    context.fillStyle = theme.ink;
    context.fillText(text, px, py);
  }
}

function arrowHead(context: Context, angle: number, x: number, y: number, color: string): void {
  context.fillStyle = color;
  context.beginPath();
  context.moveTo(x, y);
  for (const side of [-0.42, 0.42]) {
    context.lineTo(x - 11 * Math.cos(angle + side), y - 11 * Math.sin(angle + side));
  }
  context.closePath();
  context.fill();
}

/** The star of the figures, from its outline. */
function drawStar(context: Context, x: number, y: number, theme: Theme): void {
  const corners = [...symbolPath("star", x, y, 6).matchAll(/(-?[\d.e-]+),(-?[\d.e-]+)/g)];
  context.beginPath();
  for (const [, px, py] of corners) context.lineTo(Number(px), Number(py));
  context.closePath();
  context.fillStyle = theme.ink;
  context.fill();
  context.strokeStyle = theme.paper;
  context.lineWidth = 1;
  context.stroke();
}

/** What the plane shows, in sentences. */
export function describePlane({ x, y, xLabel = "x", yLabel = "y", paths }: PlaneData): string {
  const ends = paths.map(({ name, jumps, ...path }) => {
    const last = path.x.length - 1;
    if (last < 0) return `${name} has no point.`;
    const steps = jumps?.step ?? [];
    const { length } = steps;
    const when =
      length === 0
        ? ""
        : length <= mostLabels
          ? ` with ${length === 1 ? "a teleport before step" : "teleports before steps"} ${Array.from(steps).join(", ")}`
          : ` with ${length} teleports before steps ${steps[0]} to ${steps[length - 1]}${length > mostJumps ? `, of which at most ${mostJumps} are drawn` : ""}`;
    return `${name} ends at (${formatValue(path.x[last])}, ${formatValue(path.y[last])})${when}.`;
  });
  return `The plane for ${xLabel} from ${formatValue(x[0])} to ${formatValue(x[1])} and ${yLabel} from ${formatValue(y[0])} to ${formatValue(y[1])}. ${ends.join(" ")}`;
}
