import { axisOf, formatValue, isDrawable } from "./base/axis.js";
import type { Summary } from "./base/statistics.js";
import { textWidth } from "./base/text.js";
import { directLabels, labelSize, marksOf } from "./curves-marks.js";
import {
  type CurvesData,
  checkCurves,
  type DrawnSeries,
  drawnSeries,
  type Settings,
} from "./curves-series.js";
import { type Canvas, canvasOf, type FigureOptions, framed } from "./frame.js";
import type { LegendEntry } from "./legend.js";
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
 * const svg = curves({ series: [{ name: "SGD", runs }], logY: true });
 */
export function curves(data: CurvesData, options: FigureOptions = {}): SVGSVGElement {
  const parts = partsOf(data, canvasOf(options));
  return framed({ name: `${parts.yLabel} against ${parts.xLabel}`, ...parts }, options);
}

/** The parts of `curves` that its frame puts together. */
function partsOf(data: CurvesData, canvas: Canvas) {
  checkCurves(data);
  const { series, x = "steps", logX = false, logY = false, spread = "range", target } = data;
  const { window = 1, yLabel = "loss", teleportMark = "tick", targetName = "target" } = data;
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
    legend: legendOf(drawn, { labels, teleportMark, target: shown, targetName }),
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

interface LegendSettings {
  readonly labels: "direct" | "legend";
  readonly teleportMark: "tick" | "dot";
  readonly target: readonly number[];
  readonly targetName: string;
}

/** Keys of what the curves show. */
function legendOf(
  drawn: readonly DrawnSeries[],
  { labels, teleportMark, target, targetName }: LegendSettings,
): LegendEntry[] {
  const lines = drawn.map(
    ({ series, color, dash }) => ({ key: "line", label: series.name, color, dash }) as const,
  );
  const teleport: LegendEntry =
    teleportMark === "tick"
      ? { key: "tick", label: "teleport", color: "currentColor" }
      : { key: "symbol", label: "teleport", color: "currentColor", symbol: "circle" };
  const hasTeleports = drawn.some(({ teleports }) => teleports.length > 0);
  const hasDiverged = drawn.some(({ summary }) => summary.diverged.length > 0);
  return [
    ...(labels === "legend" ? lines : []),
    ...(hasTeleports ? [teleport] : []),
    ...target.map(
      (value): LegendEntry => ({
        key: "line",
        label: `${targetName} ${formatValue(value)}`,
        color: "currentColor",
        dash: "6 4",
        width: 1.2,
      }),
    ),
    ...(hasDiverged
      ? [{ key: "symbol", label: "diverged", color: "currentColor", symbol: "cross" } as const]
      : []),
  ];
}

/** What the lines are, and what is missing from them. */
function notesOf(
  drawn: readonly DrawnSeries[],
  {
    logY,
    spread,
    window,
    target,
    xLabel,
  }: Pick<CurvesData, "target"> & Pick<Settings, "logY" | "spread" | "window"> & { xLabel: string },
): string[] {
  const counts = drawn.map(({ series: { runs, band } }) => band?.seeds ?? runs.length);
  const [fewest, most] = [Math.min(...counts), Math.max(...counts)];
  const runs = fewest === most ? `${most} runs` : `${fewest} to ${most} runs`;
  const band = { range: "; band: least to largest", interval: "; band: 95 % interval of the mean", none: "" };
  const left = drawn.reduce((sum, { summary }) => sum + summary.left, 0);
  const smooth = window > 1 ? `means of ${window} values` : "";
  const isMedian = drawn.some(({ series }) => series.band !== undefined);
  const middle = isMedian ? "median" : logY ? "geometric mean" : "mean";
  const mean = most > 1 ? `${middle} of ${runs}${band[isMedian ? "range" : spread]}` : "";
  return [
    ...(smooth || mean ? [`Line: ${[mean, smooth].filter(Boolean).join("; of ")}.`] : []),
    ...drawn.flatMap(({ series: { name, runs, band }, summary: { diverged } }) => {
      const first = formatValue(Math.min(...diverged.map(({ at }) => at)));
      const place = xLabel === "step" ? `step ${first}` : `${xLabel} ${first}`;
      if (band?.diverged)
        return [
          `${name}: ${band.diverged} of ${band.seeds} seeds diverged${diverged.length > 0 ? `, the median at ${place}` : ""}.`,
        ];
      if (diverged.length === 0) return [];
      return runs.length === 1
        ? [`${name} diverged at ${place}.`]
        : [`${name}: ${diverged.length} of ${runs.length} runs diverged, the first at ${place}.`];
    }),
    ...(drawn.some(({ summary }) => summary.tails.length > 0)
      ? ["Thin lines: single runs after the first of them has ended."]
      : []),
    ...(left > 0 ? [`Not on a logarithmic axis: ${left} ${left === 1 ? "value" : "values"} ≤ 0.`] : []),
    ...(target !== undefined && !isDrawable(target, logY)
      ? [`The target ${formatValue(target)} has no place on this axis.`]
      : []),
  ];
}

/** One sentence for a screen reader. */
function describe({ series, summary }: DrawnSeries): string {
  const last = summary.band.at(-1);
  const runs = series.runs.length === 1 ? "" : ` (mean of ${series.runs.length} runs)`;
  const end = last ? `ends at ${formatValue(last.mean)}${runs}` : "has no common range of its runs";
  const { length = 0 } = series.teleports ?? [];
  const jumps = length > 0 ? `, with ${length} teleports` : "";
  return `${series.name} ${end}${jumps}.`;
}
