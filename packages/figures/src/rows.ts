// Figures with a row for each name: the names at the left, a number line, texts at the right.
import * as Plot from "@observablehq/plot";
import type { Axis } from "./base/axis.js";
import { need } from "./base/check.js";
import { textWidth } from "./base/text.js";
import { type Canvas, type Contents, type FigureOptions, framed } from "./frame.js";
import { axisBelow, groupOf } from "./panel.js";

export interface RowText {
  readonly name: string;
  /** At the right. */
  readonly text: string;
}

export interface RowsContents extends Omit<Contents, "draw"> {
  /** The figure, for messages. */
  readonly owner: string;
  readonly axis: Axis;
  /** From top to bottom. */
  readonly rows: readonly RowText[];
  /** Their `y` is a name. @param height of all rows and the axis, in px */
  marks(height: number): readonly Plot.Markish[];
}

/**
 * A figure of rows.
 *
 * @throws OptionError if names and texts leave no room between them
 */
export const framedRows = (canvas: Canvas, contents: RowsContents, options: FigureOptions): SVGSVGElement =>
  framed({ ...contents, draw: (width, height) => drawn(canvas, contents, width, height) }, options);

function drawn(
  { document, theme }: Canvas,
  { owner, axis, rows, marks }: RowsContents,
  width: number,
  height: number,
): SVGElement {
  const { left, right } = marginsOf(rows);
  need(
    width >= rowsWidth(rows, 0),
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
      ...marks(height),
      Plot.text(rows, {
        y: "name",
        text: "text",
        frameAnchor: "right",
        textAnchor: "start",
        dx: 10,
        fontSize: 12,
      }),
      axisBelow(axis),
      Plot.axisY({ label: null, tickSize: 0, fontSize: 13 }),
    ],
  });
  return groupOf(document, plot);
}

/** A width in px, or as much more as rows need to have room. */
export function rowsWidth(rows: readonly RowText[], width: number): number {
  const { left, right } = marginsOf(rows);
  return Math.max(width, Math.ceil(left + right) + 100);
}

const marginsOf = (rows: readonly RowText[]): { readonly left: number; readonly right: number } => ({
  left: 24 + Math.max(...rows.map(({ name }) => textWidth(name, 13))),
  // In many fonts a minus sign is as wide as a large letter.
  right: 24 + Math.max(...rows.map(({ text }) => textWidth(text.replaceAll("−", "M"), 12))),
});
