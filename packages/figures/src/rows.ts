// Figures with a row for each name: the names at the left, a number line, texts at the right.
import * as Plot from "@observablehq/plot";
import type { Axis } from "./base/axis.js";
import { need } from "./base/check.js";
import { textWidth } from "./base/text.js";
import type { Canvas } from "./frame.js";
import { groupOf } from "./panel.js";

export interface RowText {
  readonly name: string;
  /** At the right. */
  readonly text: string;
}

export interface RowsOptions {
  /** The figure, for messages. */
  readonly owner: string;
  readonly width: number;
  readonly height: number;
  readonly axis: Axis;
  /** From top to bottom. */
  readonly rows: readonly RowText[];
  /** Their `y` is a name. */
  readonly marks: readonly Plot.Markish[];
}

/**
 * Draws rows.
 *
 * @throws OptionError if names and texts leave no room between them
 */
export function drawRows({ document, theme }: Canvas, options: RowsOptions): SVGElement {
  const { owner, width, height, axis, rows, marks } = options;
  const { left, right } = marginsOf(rows);
  need(
    width >= leastRowsWidth(rows),
    `${owner}: at a width of ${width} px no room is left beside the names; choose a larger width or shorter names.`,
  );
  const plot = Plot.plot({
    document,
    width,
    height,
    marginTop: 24,
    marginLeft: left,
    marginRight: right,
    marginBottom: 44,
    x: { type: axis.log ? "log" : "linear", domain: axis.domain, label: null },
    y: { type: "band", domain: rows.map(({ name }) => name), label: null },
    marks: [
      Plot.gridX(axis.ticks, { stroke: theme.grid, strokeOpacity: 1 }),
      ...marks,
      Plot.text(rows, {
        y: "name",
        text: "text",
        frameAnchor: "right",
        textAnchor: "start",
        dx: 10,
        fontSize: 12,
      }),
      Plot.axisX(axis.ticks, {
        text: (_: unknown, i: number) => axis.tickLabels[i],
        label: axis.label,
        labelAnchor: "center",
        labelArrow: false,
        labelOffset: 38,
        fontSize: 12,
        tickSize: 5,
      }),
      Plot.axisY({ label: null, tickSize: 0, fontSize: 13 }),
    ],
  });
  return groupOf(document, plot);
}

/** The least width in px at which rows have room. */
export function leastRowsWidth(rows: readonly RowText[]): number {
  const { left, right } = marginsOf(rows);
  return Math.ceil(left + right) + 100;
}

const marginsOf = (rows: readonly RowText[]): { readonly left: number; readonly right: number } => ({
  left: 24 + Math.max(...rows.map(({ name }) => textWidth(name, 13))),
  // In many fonts a minus sign is as wide as a large letter.
  right: 24 + Math.max(...rows.map(({ text }) => textWidth(text.replaceAll("−", "M"), 12))),
});
