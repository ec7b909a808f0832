import * as Plot from "@observablehq/plot";
import { axisOf, formatValue, isDrawable } from "./base/axis.js";
import { need, needNames } from "./base/check.js";
import { canvasOf, type FigureOptions } from "./frame.js";
import { framedRows, type RowText, rowsWidth } from "./rows.js";

export interface ValueRow {
  readonly name: string;
  /** Not finite where there is none. */
  readonly value: number;
  /** Printed where the value is not finite; default "none". */
  readonly missing?: string;
}

export interface ValueBarsData {
  readonly values: readonly ValueRow[];
  /** Name of the row that stands out, such as the one that was chosen. */
  readonly chosen?: string;
  readonly xLabel: string;
  /** Sentences below the figure. */
  readonly notes?: readonly string[];
}

/**
 * A number for each of several choices, such as the error that was measured, as bars from 0.
 *
 * @throws OptionError without rows, for rows of the same name, or a chosen one that there is not
 * @example
 * const values = [{ name: "per tensor", value: 21.5 }, { name: "per channel", value: 30.2 }];
 * valueBars({ values, chosen: "per channel", xLabel: "SQNR in dB" });
 */
export function valueBars(data: ValueBarsData, options: FigureOptions = {}): SVGSVGElement {
  const { values, chosen, xLabel, notes = [] } = data;
  need(values?.length > 0, "valueBars: values is empty; give at least one row.");
  needNames("valueBars", values);
  need(
    chosen === undefined || values.some(({ name }) => name === chosen),
    `valueBars: chosen must be the name of a row; got ${JSON.stringify(chosen)}.`,
  );
  const canvas = canvasOf(options);
  const { theme } = canvas;
  const shown = values.filter(({ value }) => isDrawable(value, false));
  const axis = axisOf([0, ...shown.map(({ value }) => value)], { label: xLabel });
  const rows = rowsOf(values);
  const colorOf = ({ name }: ValueRow) => (name === chosen ? theme.series(0) : theme.muted);
  return framedRows(
    canvas,
    {
      owner: "valueBars",
      axis,
      rows,
      name: xLabel,
      description: `${xLabel}. ${rows.map(({ name, text }) => `${name}: ${text}${name === chosen ? ", chosen" : ""}.`).join(" ")}`,
      legend:
        chosen === undefined
          ? []
          : [{ key: "symbol", label: "chosen", color: theme.series(0), symbol: "square" }],
      notes,
      marks: () => [
        ...shown.map((row) =>
          Plot.barX([row], {
            x1: 0,
            x2: "value",
            y: "name",
            fill: colorOf(row),
            insetTop: 4,
            insetBottom: 4,
          }),
        ),
        Plot.ruleX([0], { stroke: "currentColor" }),
      ],
    },
    { height: 130 + 28 * values.length, ...options },
  );
}

/** A width in px, or as much more as names and numbers need to leave room for the bars. */
export function valueBarsWidth(values: ValueBarsData["values"], width = 640): number {
  return rowsWidth(rowsOf(values), width);
}

const rowsOf = (values: ValueBarsData["values"]): readonly RowText[] =>
  values.map(({ name, value, missing = "none" }) => ({
    name,
    text: Number.isFinite(value) ? formatValue(value) : missing,
  }));
