import { need } from "./check.js";

/** One axis: its range and its ticks. */
export interface Axis {
  readonly label: string;
  readonly log: boolean;
  readonly domain: readonly [number, number];
  readonly ticks: readonly number[];
  readonly tickLabels: readonly string[];
}

/** Beyond these the arithmetic of an axis overflows: such a loss counts as divergence. */
const largest = 1e305;
const smallest = 1e-305;

/** Whether a value can be drawn on a linear or logarithmic axis. */
export function isDrawable(value: number, log: boolean): boolean {
  return Math.abs(value) <= largest && (!log || value >= smallest);
}

/**
 * An axis for values, with a margin of 4 % of its length at both ends; a constant has a range around it.
 *
 * @param values those without a place on the axis are left out; of none, the range is 0 to 1 (logarithmic: 1 to 10)
 */
export function axisOf(
  values: Iterable<number>,
  { label, log = false, count = 6, whole = false, domain }: AxisOptions,
): Axis {
  const [lo, hi] = domain ?? padded(values, log, whole);
  need(
    isDrawable(lo, log) && isDrawable(hi, log) && lo < hi,
    `The range of "${label}" must be two ${log ? "positive " : ""}numbers, the smaller first; got ${lo}, ${hi}.`,
  );
  const ticks = log ? logTicks(lo, hi, count) : linearTicks(lo, hi, count, whole ? 1 : 0);
  return { label, log, domain: [lo, hi], ticks, tickLabels: log ? logLabels(ticks) : linearLabels(ticks) };
}

/** Axes for points of a plane: see {@link axisOf}. */
export function axesOf(
  points: readonly { readonly x: number; readonly y: number }[],
  {
    xLabel,
    yLabel,
    logX,
    logY,
  }: Readonly<Record<"xLabel" | "yLabel", string> & Record<"logX" | "logY", boolean>>,
): { readonly x: Axis; readonly y: Axis } {
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  return { x: axisOf(xs, { label: xLabel, log: logX }), y: axisOf(ys, { label: yLabel, log: logY }) };
}

export interface AxisOptions {
  readonly label: string;
  readonly log?: boolean;
  /** About how many ticks. */
  readonly count?: number;
  /** No ticks between whole numbers, as for steps. */
  readonly whole?: boolean;
  /** The range, instead of one from the values. */
  readonly domain?: readonly [number, number];
}

function padded(values: Iterable<number>, log: boolean, whole: boolean): [number, number] {
  let [lo, hi] = [Infinity, -Infinity];
  for (const v of values) {
    if (!isDrawable(v, log)) continue;
    lo = Math.min(lo, v);
    hi = Math.max(hi, v);
  }
  if (lo > hi) return log ? [1, 10] : [0, 1];
  if (log) {
    const [a, b] = [Math.log10(lo), Math.log10(hi)];
    const pad = b - a < 1e-9 ? 0.3 : 0.04 * (b - a);
    return [Math.max(smallest, 10 ** (a - pad)), Math.min(largest, 10 ** (b + pad))];
  }
  const scale = Math.max(Math.abs(lo), Math.abs(hi));
  const pad = hi - lo <= 1e-9 * scale ? 0.1 * scale || (whole ? 0.5 : 1) : 0.04 * (hi - lo);
  return [Math.max(-largest, lo - pad), Math.min(largest, hi + pad)];
}

function linearTicks(lo: number, hi: number, count: number, least = 0): number[] {
  const rough = (hi - lo) / count;
  const step = Math.max(least, roundUp(rough * 0.999, [1, 2, 5]));
  const first = Math.ceil(lo / step - 1e-9);
  const last = Math.floor(hi / step + 1e-9);
  // Without its sum's rounding error 3 times 0.1 is a tick at 0.3; adding 0 turns -0 into 0.
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)) + 0);
}

/** The least of the mantissas times a power of ten that is at least `value`. */
function roundUp(value: number, mantissas: readonly number[]): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * (mantissas.find((m) => m * power >= value) ?? 10);
}

function logTicks(lo: number, hi: number, count: number): number[] {
  const inside = (v: number) => v >= lo * (1 - 1e-9) && v <= hi * (1 + 1e-9);
  const first = Math.floor(Math.log10(lo));
  const last = Math.ceil(Math.log10(hi));
  const decades = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const powers = decades.map((d) => Number(`1e${d}`)).filter(inside);
  if (powers.length >= 3) {
    const every = Math.max(1, roundUp((0.8 * (powers.length - 1)) / count, [1, 2, 3, 5]));
    return powers.filter((v) => Math.round(Math.log10(v)) % every === 0);
  }
  const finer = decades.flatMap((d) => [1, 2, 5].map((m) => Number(`${m}e${d}`))).filter(inside);
  return finer.length >= 3 ? finer : linearTicks(lo, hi, 5);
}

function linearLabels(ticks: readonly number[]): string[] {
  const scale = Math.max(...ticks.map(Math.abs));
  const step = ticks.length > 1 ? ticks[1] - ticks[0] : scale;
  if (scale !== 0 && (scale >= 1e6 || scale < 1e-3)) return ticks.map(scientific);
  const decimals = Math.min(12, Math.max(0, ...ticks.map((v) => decimalsOf(v, step))));
  return ticks.map((v) => minus(v.toFixed(decimals)));
}

function decimalsOf(value: number, step: number): number {
  const most = Math.max(0, 2 - Math.floor(Math.log10(step || 1)));
  return (
    value
      .toFixed(Math.min(12, most))
      .replace(/\.?0+$/, "")
      .split(".")[1] ?? ""
  ).length;
}

function logLabels(ticks: readonly number[]): string[] {
  const plain = ticks.every((v) => v >= 1e-3 && v <= 1e4);
  return ticks.map((v) => (plain ? minus(String(v)) : scientific(v)));
}

const digits = "⁰¹²³⁴⁵⁶⁷⁸⁹";

function scientific(value: number): string {
  if (value === 0) return "0";
  const [mantissa, exponent] = value.toExponential().split("e");
  const power = `10${exponent
    .replace("+", "")
    .replace("-", "⁻")
    .replace(/\d/g, (d) => digits[Number(d)])}`;
  if (mantissa === "1") return power;
  if (mantissa === "-1") return `−${power}`;
  return `${minus(mantissa)}×${power}`;
}

const minus = (text: string): string => text.replace("-", "−");

/** A number as text of about three digits, for labels and descriptions. */
export function formatValue(value: number): string {
  if (!Number.isFinite(value)) return minus(String(value));
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e5 || size < 1e-3)) return scientific(Number(value.toPrecision(3)));
  return minus(String(Number(value.toPrecision(3))));
}
