import { formatValue, isDrawable } from "./base/axis.js";
import type { CurvesData, DrawnSeries, Settings } from "./curves-series.js";
import type { LegendEntry } from "./legend.js";

interface LegendSettings {
  readonly labels: "direct" | "legend";
  readonly teleportMark: "tick" | "dot";
  readonly target: readonly number[];
}

/** Keys of what the curves show. */
export function legendOf(
  drawn: readonly DrawnSeries[],
  { labels, teleportMark, target }: LegendSettings,
): LegendEntry[] {
  const lines = drawn.map(
    ({ series, color, dash }): LegendEntry => ({
      label: series.name,
      key: { kind: "line", color, dash },
    }),
  );
  const teleport: LegendEntry = {
    label: "teleport",
    key:
      teleportMark === "tick"
        ? { kind: "tick", color: "currentColor" }
        : { kind: "symbol", color: "currentColor", symbol: "circle" },
  };
  const hasTeleports = drawn.some(({ teleports }) => teleports.length > 0);
  const hasDiverged = drawn.some(({ summary }) => summary.diverged.length > 0);
  return [
    ...(labels === "legend" ? lines : []),
    ...(hasTeleports ? [teleport] : []),
    ...target.map(
      (value): LegendEntry => ({
        label: `target ${formatValue(value)}`,
        key: { kind: "line", color: "currentColor", dash: "6 4", width: 1.2 },
      }),
    ),
    ...(hasDiverged
      ? [{ label: "diverged", key: { kind: "symbol", color: "currentColor", symbol: "cross" } } as const]
      : []),
  ];
}

/** What the lines are, and what is missing from them. */
export function notesOf(
  drawn: readonly DrawnSeries[],
  {
    logY,
    spread,
    window,
    target,
    xLabel,
  }: Pick<CurvesData, "target"> & Pick<Settings, "logY" | "spread" | "window"> & { xLabel: string },
): string[] {
  const counts = drawn.map(({ series }) => series.runs.length);
  const [fewest, most] = [Math.min(...counts), Math.max(...counts)];
  const runs = fewest === most ? `${most} runs` : `${fewest} to ${most} runs`;
  const band = { range: "; band: least to largest", interval: "; band: 95 % interval of the mean", none: "" };
  const left = drawn.reduce((sum, { summary }) => sum + summary.left, 0);
  const smooth = window > 1 ? `means of ${window} values` : "";
  const mean = most > 1 ? `${logY ? "geometric mean" : "mean"} of ${runs}${band[spread]}` : "";
  return [
    ...(smooth || mean ? [`Line: ${[mean, smooth].filter(Boolean).join("; of ")}.`] : []),
    ...drawn.flatMap(({ series, summary: { diverged } }) => {
      if (diverged.length === 0) return [];
      const first = formatValue(Math.min(...diverged.map(({ at }) => at)));
      const place = xLabel === "step" ? `step ${first}` : `${xLabel} ${first}`;
      return series.runs.length === 1
        ? [`${series.name} diverged at ${place}.`]
        : [
            `${series.name}: ${diverged.length} of ${series.runs.length} runs diverged, the first at ${place}.`,
          ];
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
export function describe({ series, summary, teleports }: DrawnSeries): string {
  const last = summary.band.at(-1);
  const runs = series.runs.length === 1 ? "" : ` (mean of ${series.runs.length} runs)`;
  const end = last ? `ends at ${formatValue(last.mean)}${runs}` : "has no common range of its runs";
  const jumps = teleports.length > 0 ? `, with ${teleports.length} teleports` : "";
  return `${series.name} ${end}${jumps}.`;
}
