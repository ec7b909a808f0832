import { axisOf, isDrawable } from "./base/axis.js";
import type { Summary } from "./base/statistics.js";
import { textWidth } from "./base/text.js";
import { directLabels, labelSize, marksOf } from "./curves-marks.js";
import { describe, legendOf, notesOf } from "./curves-notes.js";
import { type CurvesData, checkCurves, type DrawnSeries, drawnSeries } from "./curves-series.js";
import { type Canvas, canvasOf, type FigureOptions, framed } from "./frame.js";
import { panel } from "./panel.js";

export type { CurveSeries, CurvesData } from "./curves-series.js";

/**
 * Values against steps or seconds: the mean over seeds and its spread, teleports, a target. On a logarithmic axis mean
 * and interval are those of the logarithms. A run is drawn up to its first value that is not finite, and a note says so.
 *
 * @param data series of runs
 * @throws OptionError for series without runs, lists of different lengths, or steps that decrease
 * @example
 * const runs = [{ steps: [0, 1, 2], values: [1, 0.5, 0.25] }];
 * const svg = curves({ series: [{ name: "SGD", runs }], logY: true }, { document: nodeDocument() });
 */
export function curves(data: CurvesData, options: FigureOptions = {}): SVGSVGElement {
  const parts = partsOf(data, canvasOf(options));
  return framed({ name: `${parts.yLabel} against ${parts.xLabel}`, ...parts }, options);
}

/** The parts of `curves` that its frame puts together. */
function partsOf(data: CurvesData, canvas: Canvas) {
  checkCurves(data);
  const { series, x = "steps", logX = false, logY = false, spread = "range", target } = data;
  const { window = 1, yLabel = "loss", teleportMark = "tick" } = data;
  const { xLabel = x === "steps" ? "step" : "seconds" } = data;
  const drawn = series.map((entry, i) =>
    drawnSeries(entry, { x, logX, logY, spread, window }, i, canvas.theme),
  );
  const names = series.map(({ name }) => name);
  const short = names.length <= 6 && names.every((name) => textWidth(name, labelSize) <= 170);
  const { labels = short && names.length > 1 ? "direct" : "legend" } = data;
  const xAxis = (count: number) =>
    axisOf(drawn.flatMap(placesOf), { label: xLabel, log: logX, count, whole: x === "steps" });
  const shown = target !== undefined && isDrawable(target, logY) ? [target] : [];
  const yAxis = axisOf([...drawn.flatMap(({ summary }) => valuesOf(summary, logY)), ...shown], {
    label: yLabel,
    log: logY,
    count: 6,
  });
  return {
    xLabel,
    yLabel,
    description: `${yLabel} against ${xLabel}. ${drawn.map(describe).join(" ")}`,
    legend: legendOf(drawn, { labels, teleportMark, target: shown }),
    notes: notesOf(drawn, { logY, spread, window, target, xLabel }),
    draw(width: number, height: number): SVGElement {
      const right =
        labels === "direct" ? 34 + Math.max(...names.map((name) => textWidth(name, labelSize))) : 20;
      const { group, ...places } = panel(canvas, {
        width,
        height,
        x: xAxis(Math.max(2, Math.round((width - right) / 80))),
        y: yAxis,
        right,
        marks: marksOf(drawn, { theme: canvas.theme, target: shown, teleportMark, yAxis }),
      });
      if (labels === "direct") group.append(...directLabels(drawn, canvas, places, width - right, height));
      return group;
    },
  };
}

const placesOf = ({ summary: { band, tails } }: DrawnSeries): number[] => [
  ...band.map(({ x }) => x),
  ...tails.flatMap(({ x }) => x),
];

const valuesOf = ({ band, tails }: Summary, log: boolean): number[] =>
  [...band.flatMap(({ low, mean, high }) => [low, mean, high]), ...tails.flatMap(({ y }) => y)].filter((v) =>
    isDrawable(v, log),
  );
