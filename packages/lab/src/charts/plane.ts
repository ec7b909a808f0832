// The plane of two parameters on a canvas: levels, orbit, trajectories and their teleports.
import { type Axis, axisOf, formatValue, symbolPath, type Theme } from "isoloss-figures/base";
import { type Context, drawTickLabels, type Panel, type Size } from "./canvas.js";
import { drawAxes, isNear, scaleOf } from "./line-chart.js";

export type Point = readonly [number, number];

/** A teleport of a path. */
export interface PlaneJump {
  readonly step: number;
  /** Index of the first point after it. */
  readonly index: number;
  readonly from: Point;
  readonly to: Point;
}

export interface PlanePath {
  readonly name: string;
  readonly color: string;
  readonly dash: readonly number[];
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  readonly jumps: readonly PlaneJump[];
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

export function planeLayout(
  { x, y, xLabel = "x", yLabel = "y" }: Pick<PlaneData, "x" | "y" | "xLabel" | "yLabel">,
  { width, height }: Size,
): Panel {
  const [left, right, top, bottom] = [40, width - 12, 22, height - 42];
  const axis = (label: string, domain: Point, count: number): Axis => axisOf([], { label, domain, count });
  const [xAxis, yAxis] = [
    axis(xLabel, x, Math.max(3, Math.round((right - left) / 80))),
    axis(yLabel, y, Math.max(3, Math.round((bottom - top) / 60))),
  ];
  return {
    width,
    height,
    x: xAxis,
    y: yAxis,
    left,
    right,
    top,
    bottom,
    toX: scaleOf(xAxis, left, right),
    toY: scaleOf(yAxis, bottom, top),
  };
}

/** The point of the plane at a place on the canvas. */
export function pointAt(layout: Panel, px: number, py: number): Point {
  const { x, y, left, right, top, bottom } = layout;
  const along = ({ domain: [a, b] }: Axis, t: number) => a + (b - a) * Math.max(0, Math.min(1, t));
  return [along(x, (px - left) / (right - left)), along(y, (bottom - py) / (bottom - top))];
}

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
    disc(context, toX(data.marked[0]), toY(data.marked[1]), 5.5, {
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
  trace(context, curve, curve.x.length, panel);
  context.stroke();
  context.globalAlpha = 1;
}

function drawOrbit(context: Context, curve: Curve, panel: Panel, theme: Theme): void {
  context.strokeStyle = theme.ink;
  context.globalAlpha = 0.75;
  context.lineWidth = 1.5;
  context.setLineDash([1.5, 5]);
  trace(context, curve, curve.x.length, panel);
  context.stroke();
  context.setLineDash([]);
  context.globalAlpha = 1;
}

/** How far outside of the panel lines are drawn: their width. */
const margin = 10;

/**
 * The part of a segment that can be seen, by Liang and Barsky (1984), with ends that are the same objects where nothing is cut
 * off. What is far outside would be dashed all the same, in tens of thousands of pieces.
 */
function visible(
  a: Point,
  b: Point,
  { left, right, top, bottom }: Panel,
): readonly [Point, Point] | undefined {
  let [from, to] = [0, 1];
  for (const [axis, low, high] of [
    [0, left - margin, right + margin],
    [1, top - margin, bottom + margin],
  ]) {
    const length = b[axis] - a[axis];
    const [near, far] = [low - a[axis], high - a[axis]];
    if (length === 0 && (near > 0 || far < 0)) return undefined;
    if (length === 0) continue;
    from = Math.max(from, Math.min(near / length, far / length));
    to = Math.min(to, Math.max(near / length, far / length));
  }
  if (from > to) return undefined;
  const at = (t: number): Point => [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])];
  return [from === 0 ? a : at(from), to === 1 ? b : at(to)];
}

/** A line through the finite points, as far as it can be seen. */
function trace(
  context: Context,
  { x, y }: Curve,
  count: number,
  panel: Panel,
  breaks: ReadonlyMap<number, { readonly from: Point; readonly to: Point }> = new Map(),
): void {
  context.beginPath();
  /** The end of the line so far, and where the pen is. */
  let end: Point | undefined;
  let pen: Point | undefined;
  const lineTo = (to: Point) => {
    const seen = end && visible(end, to, panel);
    end = to;
    if (!seen) return;
    if (pen !== seen[0]) context.moveTo(...seen[0]);
    context.lineTo(...seen[1]);
    pen = seen[1];
  };
  for (let i = 0; i < count; i++) {
    const jump = breaks.get(i);
    if (jump) {
      lineTo([panel.toX(jump.from[0]), panel.toY(jump.from[1])]);
      end = undefined;
    }
    const point: Point = [panel.toX(x[i]), panel.toY(y[i])];
    if (!point.every(Number.isFinite)) end = undefined;
    else if (end && i < count - 1 && isNear(end, point)) continue;
    else lineTo(point);
  }
}

function drawPath(context: Context, path: PlanePath, panel: Panel, theme: Theme): void {
  const { x, y, color, dash, jumps, shown } = path;
  trace(context, path, shown, panel, new Map(jumps.map((jump) => [jump.index, jump])));
  context.strokeStyle = theme.paper;
  context.globalAlpha = 0.7;
  context.lineWidth = 4.5;
  context.stroke();
  context.globalAlpha = 1;
  context.strokeStyle = color;
  context.lineWidth = 2;
  context.setLineDash([...dash]);
  context.stroke();
  context.setLineDash([]);
  const at = (i: number) => [panel.toX(x[i]), panel.toY(y[i])] as const;
  if (x.length <= mostDots) {
    for (let i = 0; i < shown; i++) disc(context, ...at(i), 2.4, { fill: color });
  }
  if (shown > 0) disc(context, ...at(shown - 1), 4.5, { fill: color, stroke: theme.paper, width: 1.5 });
}

function drawJumps(
  context: Context,
  { color, jumps, shown }: PlanePath,
  { toX, toY }: Panel,
  theme: Theme,
): void {
  const drawn = jumps.filter(({ index }) => index < shown);
  for (const { from, to } of drawn) {
    const [ax, ay, bx, by] = [toX(from[0]), toY(from[1]), toX(to[0]), toY(to[1])];
    for (const isHalo of [true, false]) {
      context.strokeStyle = isHalo ? theme.paper : color;
      context.globalAlpha = isHalo ? 0.7 : 1;
      context.lineWidth = isHalo ? 4.5 : 1.8;
      context.setLineDash(isHalo ? [] : [5, 4]);
      context.beginPath();
      context.moveTo(ax, ay);
      context.lineTo(bx, by);
      context.stroke();
    }
    context.setLineDash([]);
    arrowHead(context, Math.atan2(by - ay, bx - ax), bx, by, color);
  }
  if (drawn.length > mostLabels) return;
  context.font = "600 12px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  const placed: Point[] = [];
  for (const { to, step } of drawn) {
    const [px, py] = [toX(to[0]), toY(to[1]) - 12];
    if (placed.some(([qx, qy]) => Math.abs(px - qx) < 30 && Math.abs(py - qy) < 16)) continue;
    placed.push([px, py]);
    const text = String(step);
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

function disc(
  context: Context,
  x: number,
  y: number,
  r: number,
  { fill, stroke, width = 1 }: { readonly fill: string; readonly stroke?: string; readonly width?: number },
): void {
  if (!(Math.abs(x) < 1e6 && Math.abs(y) < 1e6)) return;
  context.fillStyle = fill;
  context.beginPath();
  context.arc(x, y, r, 0, 2 * Math.PI);
  context.fill();
  if (stroke === undefined) return;
  context.strokeStyle = stroke;
  context.lineWidth = width;
  context.stroke();
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
    const steps = jumps.map(({ step }) => step).join(", ");
    return `${name} ends at (${formatValue(path.x[last])}, ${formatValue(path.y[last])})${steps && ` with teleports before steps ${steps}`}.`;
  });
  return `The plane for ${xLabel} from ${formatValue(x[0])} to ${formatValue(x[1])} and ${yLabel} from ${formatValue(y[0])} to ${formatValue(y[1])}. ${ends.join(" ")}`;
}
