// Curves on a canvas, with the axes of the figures.
import {
  type Axis,
  type AxisOptions,
  axisOf,
  formatValue,
  isDrawable,
  type Theme,
} from "isoloss-figures/base";
import { type Context, drawDisc, drawTickLabels, type Panel, panelOf, type Size } from "./canvas.js";

export interface LineSeries {
  readonly name: string;
  readonly color: string;
  readonly dash: readonly number[];
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  /** What the axes have room for, of a run that is shown in part; default the points. */
  readonly extent?: { readonly x: ArrayLike<number>; readonly y: ArrayLike<number> } | undefined;
  /** What several runs have: between these values along an axis, at each point. */
  readonly band?:
    | { readonly along: "x" | "y"; readonly low: ArrayLike<number>; readonly high: ArrayLike<number> }
    | undefined;
  /** Indices of points at which there was a teleport. */
  readonly teleports: ArrayLike<number>;
  /** A point that is pointed at elsewhere on the screen. */
  readonly marked?: { readonly at: number; readonly color: string } | undefined;
  /** Whether the run ended because its numbers were no longer finite. */
  readonly diverged: boolean;
}

export interface LineChartData {
  readonly series: readonly LineSeries[];
  /** What the runs are of, where that is not in their names: axes of other runs begin anew. */
  readonly of?: string | undefined;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly logX: boolean;
  readonly logY: boolean;
  /** No ticks between whole numbers, as for steps. */
  readonly whole: boolean;
  /** What is to say of the series, below the chart. */
  readonly notes?: readonly string[] | undefined;
  /** What else is to say of a place along x. */
  readonly more?: ((x: number) => string) | undefined;
  /** The range of y; default that of the data. */
  readonly yDomain?: readonly [number, number] | undefined;
  /** A part of the range of y with a meaning of its own, which is shaded and named. */
  readonly shade?: { readonly y: readonly [number, number]; readonly label: string } | undefined;
}

/** Whether a line of a length in px has dashes: those of a longer one run into each other, and take seconds to draw. */
export const isDashed = (length: number): boolean => length < 20_000;

/**
 * Places of axes and values; the axes fit the data.
 *
 * @param before axes of the same runs that go on: they stay where they suffice
 */
export function layoutOf(
  data: LineChartData,
  { width, height }: Size,
  before?: Pick<Panel, "x" | "y">,
): Panel {
  const { series, xLabel, yLabel, logX, logY, whole, yDomain } = data;
  const [left, right, top, bottom] = [58, width - 14, 26, height - 40];
  const fitted = (values: readonly number[], options: AxisOptions, held: Axis | undefined): Axis => {
    const axis = axisOf(values, options);
    return axisOf([], { ...options, domain: options.domain ?? heldDomain(held, axis, values) });
  };
  const valuesOf = (s: LineSeries, along: "x" | "y", log: boolean) => [
    ...rangeOf((s.extent ?? s)[along], log),
    ...(s.band?.along === along ? [...rangeOf(s.band.low, log), ...rangeOf(s.band.high, log)] : []),
  ];
  const x = fitted(
    series.flatMap((s) => valuesOf(s, "x", logX)),
    { label: xLabel, log: logX, count: Math.max(2, Math.round((right - left) / 80)), whole },
    before?.x,
  );
  // A run that diverged would press the others flat: it leaves the panel, where there are others.
  const lasting = series.filter(({ diverged }) => !diverged);
  const y = fitted(
    (lasting.length > 0 ? lasting : series).flatMap((s) => valuesOf(s, "y", logY)),
    {
      label: yLabel,
      log: logY,
      count: Math.max(3, Math.round((bottom - top) / 40)),
      ...(yDomain ? { domain: yDomain } : {}),
    },
    before?.y,
  );
  return panelOf({ width, height }, { x, y }, { left, right, top, bottom });
}

/** Share of an axis that what is drawn has to take, so that the axis stays. */
const leastShare = 1 / 3;
/** What an axis that has become too short gets in addition, as a share of what is drawn. */
const addedShare = 0.5;

/**
 * The range of an axis after another one: the same while the values are in it and are not much less than it; else room for more is
 * added where they are not. An axis that always fits its data moves every curve in every frame.
 *
 * @param fitting the axis that fits the values, with a margin of its own
 */
function heldDomain(
  before: Axis | undefined,
  { log, domain }: Axis,
  values: readonly number[],
): readonly [number, number] {
  const drawn = values.filter((value) => isDrawable(value, log));
  if (before?.log !== log || drawn.length === 0) return domain;
  const forward = log ? Math.log : (v: number) => v;
  const [a, b, low, high] = [...before.domain, ...domain].map(forward);
  if (high - low < leastShare * (b - a)) return domain;
  const room = addedShare * (high - low);
  const ends = [
    forward(Math.min(...drawn)) < a ? low - room : a,
    forward(Math.max(...drawn)) > b ? high + room : b,
  ];
  const [from, to] = log ? ends.map(Math.exp) : ends;
  return isDrawable(from, log) && isDrawable(to, log) ? [from, to] : domain;
}

/** The ends of what can be drawn: all that an axis needs of a curve. */
function rangeOf(values: ArrayLike<number>, log: boolean): number[] {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    if (!isDrawable(values[i], log)) continue;
    low = Math.min(low, values[i]);
    high = Math.max(high, values[i]);
  }
  return low <= high ? [low, high] : [];
}

/** What is to say of the series, and which have values that could not be drawn. */
export function notesOf({ series, logX, logY, notes = [] }: LineChartData): readonly string[] {
  const isCut = (values: ArrayLike<number>, log: boolean) => log && [].some.call(values, (v) => v <= 0);
  const cut = series.filter(({ x, y }) => isCut(x, logX) || isCut(y, logY));
  const names = cut.map(({ name }) => name).join(", ");
  return names ? [...notes, `Values of 0 have no place on a logarithmic axis: ${names}.`] : notes;
}

export function drawLineChart(
  context: Context,
  { series, logX, logY, shade }: LineChartData,
  layout: Panel,
  theme: Theme,
  cursor?: number,
): void {
  const { toX, toY, left, right, top, bottom } = layout;
  context.clearRect(0, 0, layout.width, layout.height);
  if (shade) drawShade(context, shade, layout, theme);
  drawAxes(context, layout, theme);
  context.save();
  context.beginPath();
  context.rect(left, top - 6, right - left + 8, bottom - top + 6);
  context.clip();
  for (const one of series) drawBand(context, one, layout);
  for (const { x, y, color, dash, teleports, marked, diverged } of series) {
    const isShown = (i: number) => isDrawable(y[i], logY) && isDrawable(x[i], logX);
    context.strokeStyle = color;
    context.lineWidth = 2;
    context.lineJoin = "round";
    context.beginPath();
    const last = y.length - 1;
    let pen: readonly [number, number] | undefined;
    let length = 0;
    // Two points a pixel show all that there is to see.
    for (const i of thinned(y, 2 * (right - left))) {
      if (!isShown(i)) {
        pen = undefined;
        continue;
      }
      const to = [toX(x[i]), toY(y[i])] as const;
      if (pen && i < last && isNear(...pen, ...to)) continue;
      if (pen) length += Math.hypot(to[0] - pen[0], to[1] - pen[1]);
      if (pen) context.lineTo(...to);
      else context.moveTo(...to);
      pen = to;
    }
    if (isDashed(length)) context.setLineDash([...dash]);
    context.stroke();
    context.setLineDash([]);
    // Teleports as ticks above and below the curve, one a pixel.
    context.lineWidth = 1.5;
    context.beginPath();
    let tick = Number.NaN;
    for (let k = 0; k < teleports.length; k++) {
      const i = teleports[k];
      if (!isShown(i) || Math.round(toX(x[i])) === tick) continue;
      tick = Math.round(toX(x[i]));
      context.moveTo(toX(x[i]), toY(y[i]) - 5);
      context.lineTo(toX(x[i]), toY(y[i]) + 5);
    }
    context.stroke();
    if (marked && isShown(marked.at)) dot(context, toX(x[marked.at]), toY(y[marked.at]), marked.color, theme);
    if (diverged && last >= 0 && isShown(last)) cross(context, toX(x[last]), Math.max(top + 6, toY(y[last])));
  }
  context.restore();
  if (cursor !== undefined) drawCursor(context, { series, logX, logY }, layout, theme, cursor);
}

/** Pixels beyond every panel. */
const far = 1e5;

/** What lies between the ends of a band, along the points of its curve that are drawn; without an end it leaves the panel. */
function drawBand(
  context: Context,
  { x, y, band, color }: LineSeries,
  { toX, toY, left, right }: Panel,
): void {
  if (band === undefined) return;
  const { along, low, high } = band;
  const place = (i: number, end: ArrayLike<number>) =>
    along === "x" ? ([toX(end[i]), toY(y[i])] as const) : ([toX(x[i]), toY(end[i])] as const);
  const parts: number[][] = [[]];
  for (const i of thinned(y, right - left)) {
    const [[ax, ay], [bx, by]] = [place(i, low), place(i, high)];
    // Two ends that are infinite on the same side differ by NaN: nothing is between them.
    if (Number.isFinite(ax + bx) && !Number.isNaN(by - ay)) parts[0].push(i);
    else parts.unshift([]);
  }
  // Infinite ends are far outside.
  const corner = ([toLeft, toTop]: readonly [number, number]) =>
    context.lineTo(toLeft, Math.min(Math.max(toTop, -far), far));
  context.globalAlpha = 0.2;
  context.fillStyle = color;
  for (const part of parts.reverse()) {
    context.beginPath();
    for (const i of part) corner(place(i, low));
    for (const i of part.reverse()) corner(place(i, high));
    context.fill();
  }
  context.globalAlpha = 1;
}

/** Steps of less than half a pixel: a long run has many that nobody sees. */
export const isNear = (ax: number, ay: number, bx: number, by: number, apart = 0.5): boolean =>
  Math.abs(ax - bx) + Math.abs(ay - by) < apart;

function drawShade(
  context: Context,
  { y, label }: NonNullable<LineChartData["shade"]>,
  { toY, left, right }: Panel,
  theme: Theme,
): void {
  const [low, high] = y.map(toY);
  context.fillStyle = theme.grid;
  context.globalAlpha = 0.6;
  context.beginPath();
  context.rect(left, high, right - left, low - high);
  context.fill();
  context.globalAlpha = 1;
  context.fillStyle = theme.muted;
  context.font = "12px system-ui, sans-serif";
  context.textAlign = "left";
  context.textBaseline = "bottom";
  context.fillText(label, left + 6, low - 4);
}

function cross(context: Context, x: number, y: number): void {
  context.lineWidth = 2;
  context.beginPath();
  for (const side of [-5, 5]) {
    context.moveTo(x - 5, y - side);
    context.lineTo(x + 5, y + side);
  }
  context.stroke();
}

export function drawAxes(context: Context, panel: Panel, theme: Theme): void {
  const { x, y, left, right, top, bottom, toX, toY } = panel;
  context.lineWidth = 1;
  context.strokeStyle = theme.grid;
  context.beginPath();
  for (const tick of y.ticks) {
    context.moveTo(left, Math.round(toY(tick)) + 0.5);
    context.lineTo(right, Math.round(toY(tick)) + 0.5);
  }
  for (const tick of x.ticks) {
    context.moveTo(Math.round(toX(tick)) + 0.5, top);
    context.lineTo(Math.round(toX(tick)) + 0.5, bottom);
  }
  context.stroke();
  drawTickLabels(context, panel, theme);
  context.textAlign = "right";
  context.textBaseline = "alphabetic";
  context.fillText(x.label, right, bottom + 36);
  context.textAlign = "left";
  context.textBaseline = "top";
  context.fillText(y.label, 4, top - 22);
}

/** Index of the point of a curve that is nearest to a place along x; its x increase. */
export function nearestIndex(x: ArrayLike<number>, value: number): number {
  let [low, high] = [0, x.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (x[middle] <= value) low = middle;
    else high = middle;
  }
  return high >= 0 && value - x[low] > x[high] - value ? high : low;
}

function drawCursor(
  context: Context,
  { series, logX, logY }: Pick<LineChartData, "series" | "logX" | "logY">,
  { toX, toY, top, bottom }: Panel,
  theme: Theme,
  cursor: number,
): void {
  if (!isDrawable(cursor, logX)) return;
  const at = Math.round(toX(cursor)) + 0.5;
  context.strokeStyle = theme.muted;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(at, top);
  context.lineTo(at, bottom);
  context.stroke();
  for (const { x, y, color } of series) {
    const i = nearestIndex(x, cursor);
    if (!(isDrawable(y[i], logY) && isDrawable(x[i], logX))) continue;
    dot(context, toX(x[i]), toY(y[i]), color, theme);
  }
}

/** A point of a curve. */
const dot = (context: Context, x: number, y: number, color: string, { paper }: Theme): void =>
  drawDisc(context, x, y, 4, { fill: color, stroke: paper, width: 1.5 });

/** The values at a place along x, in words. */
export function readingOf({ series, xLabel, more }: LineChartData, cursor: number): string {
  const values = series.map(({ name, x, y }) => {
    const value = y[nearestIndex(x, cursor)];
    return `${name} ${value === undefined ? "no value" : formatValue(value)}`;
  });
  return `${xLabel} ${formatValue(cursor)}: ${[...values, ...(more ? [more(cursor)] : [])].join("; ")}`;
}

/** What a chart shows, in sentences. */
export function describeChart({ series, xLabel, yLabel }: LineChartData): string {
  const ends = series.map(({ name, y, x, diverged }) => {
    const last = y.length - 1;
    if (last < 0) return `${name} has no values.`;
    return `${name} goes from ${formatValue(y[0])} to ${formatValue(y[last])} at ${xLabel} ${formatValue(x[last])}${diverged ? ", where it diverged" : ""}.`;
  });
  return `${yLabel} against ${xLabel}. ${ends.join(" ")}`;
}

/** Indices of at most about `most` points of a curve. Of neighbors the smallest and the largest stay: spikes remain visible. */
export function thinned(y: ArrayLike<number>, most: number): number[] {
  const n = y.length;
  if (n <= most) return Array.from({ length: n }, (_, i) => i);
  const kept: number[] = [];
  const bins = Math.max(1, Math.floor(most / 2));
  for (let b = 0; b < bins; b++) {
    const [from, to] = [Math.floor((b * n) / bins), Math.floor(((b + 1) * n) / bins)];
    let [low, high] = [from, from];
    for (let i = from; i < to; i++) {
      if (y[i] < y[low]) low = i;
      if (y[i] > y[high]) high = i;
    }
    kept.push(Math.min(low, high));
    if (low !== high) kept.push(Math.max(low, high));
  }
  if (kept[0] !== 0) kept.unshift(0);
  if (kept.at(-1) !== n - 1) kept.push(n - 1);
  return kept;
}
