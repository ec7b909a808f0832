import { formatValue } from "./base/axis.js";
import { need } from "./base/check.js";
import { textWidth } from "./base/text.js";
import { type Canvas, canvasOf, type FigureOptions, framed } from "./frame.js";
import { element } from "./svg.js";

export interface ParallelData {
  /** Names of the axes, from left to right; the last one is the result. */
  readonly axes: readonly string[];
  /** A value for each axis; null: there is none, which has a place of its own. Numbers are finite, and results are numbers. */
  readonly lines: readonly (readonly (number | string | null)[])[];
  /** Default `minimize`. */
  readonly goal?: "minimize" | "maximize";
  /** Sentences below the figure. */
  readonly notes?: readonly string[];
}

/** A text, or as much of it as there is room for. */
function shortened(text: string, fontSize: number, width: number): string {
  if (textWidth(text, fontSize) <= width) return text;
  let kept = text;
  while (kept.length > 1 && textWidth(`${kept}\u2026`, fontSize) > width) kept = kept.slice(0, -1);
  return `${kept}\u2026`;
}

/** Share of lines that stand out. */
const shareOfBest = 0.1;
/** Of the results, those beyond this quantile are left out: a few bad ones would hide the rest. */
const shown = 0.9;
/** A logarithmic axis for positive numbers over such a range. */
const wide = 100;

/**
 * Many settings and their results: an axis for each, a line for each trial, the best tenth of them in color.
 * Numbers that are positive over more than a factor of 100 have a logarithmic axis; the worst tenth of the results is left
 * out. Notes tell both.
 *
 * @throws OptionError for fewer than two axes, no lines, lines of another length, or numbers that are not finite
 * @example
 * const lines = [[0.1, "adam", 0.3], [1, "sgd", 0.2]];
 * parallelCoordinates({ axes: ["learningRate", "optimizer", "loss"], lines });
 */
export function parallelCoordinates(data: ParallelData, options: FigureOptions = {}): SVGSVGElement {
  const { axes, lines, goal = "minimize", notes = [] } = data;
  need(axes?.length > 1, "parallelCoordinates: axes needs two names or more.");
  need(lines?.length > 0, "parallelCoordinates: lines is empty; give at least one.");
  for (const line of lines) {
    need(
      line.length === axes.length &&
        typeof line.at(-1) === "number" &&
        line.every((value) => typeof value !== "number" || Number.isFinite(value)),
      `parallelCoordinates: a line needs ${axes.length} values, numbers finite, the last a number; got [${line.map(valueText).join(", ")}].`,
    );
  }
  const canvas = canvasOf(options);
  const result = (line: ParallelData["lines"][number]) => line.at(-1) as number;
  const sign = goal === "minimize" ? 1 : -1;
  const sorted = [...lines].sort((a, b) => sign * (result(a) - result(b)));
  const kept = sorted.slice(0, Math.max(1, Math.ceil(shown * sorted.length)));
  const best = Math.max(1, Math.round(shareOfBest * kept.length));
  const scales = axes.map((name, i) =>
    scaleOf(
      name,
      kept.map((line) => line[i]),
    ),
  );
  const logs = scales.filter(({ isLog }) => isLog).map(({ name }) => name);
  const left = lines.length - kept.length;
  const top = kept[0];
  return framed(
    {
      name: `${axes.at(-1)} against ${axes.slice(0, -1).join(", ")}`,
      description:
        `${lines.length} lines over ${axes.join(", ")}. ` +
        `The best: ${axes.map((name, i) => `${name} ${valueText(top[i])}`).join(", ")}.`,
      legend: [],
      notes: [
        `In color: the best ${best} of ${kept.length}.`,
        ...(left > 0 ? [`Left out: the ${left} with the worst ${axes.at(-1)}.`] : []),
        ...(logs.length > 0 ? [`Logarithmic: ${logs.join(", ")}.`] : []),
        ...notes,
      ],
      draw: (width, height) => drawn(canvas, { width, height, scales, lines: kept, best }),
    },
    options,
  );
}

interface Scale {
  readonly name: string;
  readonly isLog: boolean;
  /** From 0 at the bottom to 1. */
  place(value: number | string | null): number;
  readonly ticks: readonly { readonly at: number; readonly text: string }[];
}

/** Room for "none" below the numbers of an axis. */
const below = 0.12;

/** A scale of numbers from the least to the largest; of anything else, a place for each value, numbers first. */
function scaleOf(name: string, values: readonly (number | string | null)[]): Scale {
  const numbers = values.filter((value) => typeof value === "number");
  const hasNone = values.includes(null);
  if (numbers.length === 0 || values.some((value) => typeof value === "string")) {
    const texts = values.filter((value) => typeof value !== "number").map(valueText);
    const names = [...new Set([...numbers.sort((a, b) => a - b).map(formatValue), ...texts.sort()])];
    const at = (k: number) => (k + 0.5) / names.length;
    return {
      name,
      isLog: false,
      place: (value) => at(names.indexOf(valueText(value))),
      ticks: names.map((text, k) => ({ at: at(k), text: shortened(text, 11, 90) })),
    };
  }
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const isLog = low > 0 && high / low > wide;
  const scaled = (x: number) => (isLog ? Math.log(x) : x);
  const span = scaled(high) - scaled(low);
  const floor = hasNone ? below : 0;
  const place = (value: number | string | null) =>
    value === null
      ? 0
      : floor + (1 - floor) * (span === 0 ? 0.5 : (scaled(Number(value)) - scaled(low)) / span);
  const marked =
    span === 0 ? [low] : [low, isLog ? Math.sqrt(low) * Math.sqrt(high) : (low + high) / 2, high];
  const ticks = marked.map((x) => ({ at: place(x), text: formatValue(x) }));
  return { name, isLog, place, ticks: [...(hasNone ? [{ at: 0, text: "none" }] : []), ...ticks] };
}

const valueText = (value: number | string | null): string =>
  typeof value === "number" ? formatValue(value) : (value ?? "none");

function drawn(
  { document, theme }: Canvas,
  {
    width,
    height,
    scales,
    lines,
    best,
  }: {
    readonly width: number;
    readonly height: number;
    readonly scales: readonly Scale[];
    readonly lines: ParallelData["lines"];
    readonly best: number;
  },
): SVGElement {
  const [leftEdge, rightEdge, above, bottom] = [50, 70, 24, 8];
  const x = (i: number) => leftEdge + (i * (width - leftEdge - rightEdge)) / (scales.length - 1);
  const y = (at: number) => height - bottom - at * (height - above - bottom);
  const path = (line: ParallelData["lines"][number]) =>
    `M${line.map((value, i) => `${x(i)},${y(scales[i].place(value))}`).join("L")}`;
  const step = (width - leftEdge - rightEdge) / (scales.length - 1);
  const axis = ({ name, ticks }: Scale, i: number) => [
    element(document, "line", { x1: x(i), x2: x(i), y1: y(0), y2: y(1), stroke: theme.muted }),
    element(
      document,
      "text",
      { x: x(i), y: 12, "text-anchor": "middle", "font-size": 12 },
      shortened(name, 12, Math.max(40, step - 6)),
    ),
    ...ticks.map(({ at, text }) =>
      element(document, "text", { x: x(i) + 4, y: y(at) + 4, "font-size": 11, fill: theme.muted }, text),
    ),
  ];
  // The best are drawn last, above the others.
  const strokes = [...lines.keys()].reverse().map((k) =>
    element(document, "path", {
      d: path(lines[k]),
      fill: "none",
      stroke: k < best ? theme.series(0) : theme.muted,
      "stroke-opacity": k < best ? 0.9 : 0.25,
      "stroke-width": k < best ? 1.8 : 1,
    }),
  );
  return element(document, "g", {}, ...strokes, ...scales.flatMap(axis));
}
