import * as Plot from "@observablehq/plot";
import { type Axis, axisOf, formatValue, isDrawable } from "./base/axis.js";
import { need, needNames } from "./base/check.js";
import { canvasOf, type FigureOptions } from "./frame.js";
import { framedRows, type RowText, rowsWidth } from "./rows.js";

/** A layer's channels: the largest magnitude of the weights of each. */
export interface LayerRanges {
  readonly name: string;
  readonly before: readonly number[];
  readonly after: readonly number[];
}

export interface ChannelRangesData {
  /** From top to bottom. */
  readonly layers: readonly LayerRanges[];
  /** Default "largest weight of a channel". */
  readonly xLabel?: string;
  /** Sentences below the figure. */
  readonly notes?: readonly string[];
}

const sides = ["before", "after"] as const;

/**
 * How large the weights of each channel are, before and after a change: a row for each layer, a tick for each channel. At
 * the right is the largest channel divided by the smallest, before and after. Channels of zeros have no place on the
 * logarithmic axis: they are counted below.
 *
 * @throws OptionError without layers, for layers of the same name, or ranges that are negative or not finite
 * @example
 * const layers = [{ name: "conv", before: [0.02, 1.5], after: [0.3, 0.4] }];
 * channelRanges({ layers });
 */
export function channelRanges(data: ChannelRangesData, options: FigureOptions = {}): SVGSVGElement {
  const { layers, xLabel = "largest weight of a channel", notes = [] } = data;
  check(layers);
  const canvas = canvasOf(options);
  const { theme } = canvas;
  const color = { before: theme.series(1), after: theme.series(0) };
  const axis = axisOf(
    layers.flatMap(({ before, after }) => [...before, ...after]),
    { label: xLabel, log: true },
  );
  const rows = rowsOf(layers);
  return framedRows(
    canvas,
    {
      owner: "channelRanges",
      axis,
      rows,
      name: "Weight ranges",
      description: `${xLabel}, largest divided by smallest, before and after. ${rows.map(({ name, text }) => `${name}: ${text}.`).join(" ")}`,
      legend: sides.map((side) => ({ key: "tick", label: side, color: color[side] })),
      notes: [
        "At the right: the largest channel divided by the smallest, before → after.",
        ...zerosNote(layers),
        ...notes,
      ],
      marks(height) {
        const band = (height - 68) / layers.length;
        return [
          Plot.ruleY(rows, { y: "name", stroke: theme.grid }),
          ...sides.map((side, s) =>
            Plot.tickX(
              layers.flatMap(({ name, [side]: ranges }) => apart(ranges, axis).map((x) => ({ name, x }))),
              {
                x: "x",
                y: "name",
                stroke: color[side],
                strokeWidth: 1.4,
                strokeOpacity: 0.8,
                // Before above the middle of a row, after below it.
                insetTop: s === 0 ? 0.08 * band : 0.5 * band,
                insetBottom: s === 0 ? 0.5 * band : 0.08 * band,
              },
            ),
          ),
        ];
      },
    },
    { height: 190 + 36 * layers.length, ...options },
  );
}

/** A width in px, or as much more as names need to leave room for the ticks. */
export function channelRangesWidth(layers: ChannelRangesData["layers"], width = 640): number {
  return rowsWidth(rowsOf(layers), width);
}

function check(layers: ChannelRangesData["layers"]): void {
  need(layers?.length > 0, "channelRanges: layers is empty; give at least one.");
  needNames("channelRanges", layers);
  for (const layer of layers) {
    const wrong = sides.flatMap((side) => layer[side]).find((range) => !(range >= 0 && range < Infinity));
    need(
      wrong === undefined,
      `channelRanges: ranges of "${layer.name}" must be finite numbers of at least 0; got ${wrong}.`,
    );
  }
}

const rowsOf = (layers: ChannelRangesData["layers"]): readonly RowText[] =>
  layers.map(({ name, before, after }) => ({ name, text: `${spreadOf(before)} → ${spreadOf(after)}` }));

function spreadOf(ranges: readonly number[]): string {
  const shown = ranges.filter((range) => isDrawable(range, true));
  if (shown.length === 0) return "zeros";
  const [least, largest] = [shown.reduce((a, b) => Math.min(a, b)), shown.reduce((a, b) => Math.max(a, b))];
  return formatValue(largest / least);
}

function zerosNote(layers: ChannelRangesData["layers"]): readonly string[] {
  const [before, after] = sides.map(
    (side) => layers.flatMap((layer) => layer[side]).filter((range) => !isDrawable(range, true)).length,
  );
  return before + after === 0
    ? []
    : [`Channels of zeros, which have no place here: ${before} before, ${after} after.`];
}

/** Places on a logarithmic axis that one can tell apart. */
const PLACES = 300;

/** One of all values at each place, so that a wide layer has no more ticks than a reader sees. */
function apart(values: readonly number[], { domain: [lo, hi] }: Axis): readonly number[] {
  const scale = PLACES / Math.log(hi / lo);
  const kept = new Map<number, number>();
  for (const value of values) {
    if (isDrawable(value, true)) kept.set(Math.round(scale * Math.log(value / lo)), value);
  }
  return [...kept.values()];
}
