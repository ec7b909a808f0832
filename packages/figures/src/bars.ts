import * as Plot from "@observablehq/plot";
import { axisOf, formatValue, isDrawable } from "./base/axis.js";
import { need, needNames } from "./base/check.js";
import { canvasOf, type FigureOptions } from "./frame.js";
import { framedRows, type RowText, rowsWidth } from "./rows.js";

export interface RatioRow {
  readonly name: string;
  /** Not finite where there is none, such as for a run that did not reach its target. */
  readonly ratio: number;
  /** The ends of its confidence interval. */
  readonly low?: number;
  readonly high?: number;
  /** Printed where there is no ratio; default "not reached". */
  readonly missing?: string;
}

export interface BarsData {
  readonly ratios: readonly RatioRow[];
  /** Default 1: no difference. */
  readonly reference?: number;
  /** On which side of the reference the numerator wins; default `lower`. */
  readonly better?: "lower" | "higher";
  readonly xLabel?: string;
  /** Default true: halves and doubles are equally far from 1. */
  readonly log?: boolean;
  /** Level of the intervals; default 0.95. */
  readonly level?: number;
}

/**
 * Ratios, such as steps of teleported to tuned plain training, as dots with intervals beside a line at 1. A row's dot is
 * hollow if its interval contains the reference.
 *
 * @throws OptionError without rows, or for an interval that does not contain its ratio
 * @example
 * const ratios = [{ name: "GD", ratio: 0.27, low: 0.2, high: 0.36 }];
 * const svg = bars({ ratios, xLabel: "steps, teleported / plain" });
 */
export function bars(data: BarsData, options: FigureOptions = {}): SVGSVGElement {
  const { ratios, reference = 1, better = "lower", log = true, level = 0.95 } = data;
  const { xLabel = "ratio, teleported / plain" } = data;
  check(data);
  const canvas = canvasOf(options);
  const { theme } = canvas;
  const shown = ratios.filter(({ ratio }) => isDrawable(ratio, log));
  const isClear = ({ low, high }: RatioRow) =>
    low !== undefined && high !== undefined && (high < reference || low > reference);
  const wins = ({ ratio }: RatioRow) => (better === "lower" ? ratio < reference : ratio > reference);
  const colorOf = (row: RatioRow) => (isClear(row) ? theme.series(wins(row) ? 0 : 1) : "currentColor");
  const axis = axisOf(
    [reference, ...shown.flatMap(({ ratio, low = ratio, high = ratio }) => [low, ratio, high])],
    {
      label: xLabel,
      log,
    },
  );
  const rows = rowsOf(ratios);
  const sides = better === "lower" ? ["better", "worse"] : ["worse", "better"];
  const intervals = shown.filter(({ low, high }) => low !== undefined && high !== undefined);
  const [lowest, highest] = axis.domain;
  return framedRows(
    canvas,
    {
      owner: "bars",
      axis,
      rows,
      name: "Ratios",
      description: `${xLabel}. ${rows.map(({ name, text }) => `${name}: ${text}.`).join(" ")}`,
      legend: [
        { key: "symbol", label: "better", color: theme.series(0), symbol: "circle" },
        { key: "symbol", label: "worse", color: theme.series(1), symbol: "circle" },
        {
          key: "symbol",
          label: `interval contains ${formatValue(reference)}`,
          color: "currentColor",
          symbol: "circle",
          hollow: true,
        },
      ],
      notes:
        intervals.length > 0
          ? [`Whiskers: ${Number((100 * level).toPrecision(4))} % confidence intervals.`]
          : [],
      marks: () => [
        Plot.ruleX([reference], { stroke: "currentColor", strokeWidth: 1.4, strokeDasharray: "5 4" }),
        ...sides.map((side, i) =>
          Plot.text([reference], {
            x: (v) => v,
            frameAnchor: "top",
            dy: -12,
            dx: i === 0 ? -8 : 8,
            textAnchor: i === 0 ? "end" : "start",
            text: () => (i === 0 ? `← ${side}` : `${side} →`),
            fontSize: 12,
            fill: theme.muted,
          }),
        ),
        ...intervals.map((row) =>
          Plot.ruleY([row], {
            y: "name",
            x1: Math.max(lowest, row.low ?? row.ratio),
            x2: Math.min(highest, row.high ?? row.ratio),
            stroke: colorOf(row),
            strokeWidth: 2.2,
          }),
        ),
        ...shown.map((row) =>
          Plot.dot([row], {
            x: "ratio",
            y: "name",
            r: 5.5,
            fill: isClear(row) ? colorOf(row) : theme.paper,
            stroke: isClear(row) ? theme.paper : colorOf(row),
            strokeWidth: isClear(row) ? 1 : 2,
          }),
        ),
      ],
    },
    { height: 150 + 34 * ratios.length, ...options },
  );
}

function check({ ratios, reference = 1, better = "lower", log = true }: BarsData): void {
  need(ratios?.length > 0, "bars: ratios is empty; give at least one row.");
  needNames("bars", ratios);
  need(
    isDrawable(reference, log),
    `bars: reference must be a finite${log ? " positive" : ""} number; got ${reference}.`,
  );
  need(
    better === "lower" || better === "higher",
    `bars: better must be lower or higher; got ${JSON.stringify(better)}.`,
  );
  for (const { name, ratio, low = ratio, high = ratio } of ratios) {
    need(
      !Number.isFinite(ratio) || (low <= ratio && ratio <= high),
      `bars: the interval [${low}, ${high}] of "${name}" must contain its ratio ${ratio}.`,
    );
    need(
      !log || !(ratio <= 0),
      `bars: the ratio of "${name}" is ${ratio}; on a logarithmic axis it must be > 0 (log: false takes any).`,
    );
  }
}

/** A width in px, or as much more as names and numbers need to leave room for the dots. */
export function barsWidth(ratios: BarsData["ratios"], width = 640): number {
  return rowsWidth(rowsOf(ratios), width);
}

const rowsOf = (ratios: BarsData["ratios"]): readonly RowText[] =>
  ratios.map((row) => ({ name: row.name, text: textOf(row) }));

function textOf({ ratio, low, high, missing = "not reached" }: RatioRow): string {
  if (!Number.isFinite(ratio)) return missing;
  const interval = low !== undefined && high !== undefined;
  return formatValue(ratio) + (interval ? ` [${formatValue(low)}, ${formatValue(high)}]` : "");
}
