// The runs of the paper's regression, as a chart and a table.
import { formatValue, themeOf } from "isoloss-figures/base";
import { none } from "../../app/format.js";
import type { LineChartData } from "../../charts/line-chart.js";

/** What is compared, and what docs/studies/regression-gd.md has: the mean of the last losses of five seeds. */
export const regressions = {
  plain: { title: "plain", published: 1.928, dash: [] },
  released: { title: "teleport as released", published: 1.581, dash: [] },
  exact: { title: "the same ascent, exact action", published: 1.848, dash: [8, 4] },
  level: { title: "level set", published: 1.768, dash: [3, 3] },
} as const satisfies Record<
  string,
  { readonly title: string; readonly published: number; readonly dash: readonly number[] }
>;

export type RegressionName = keyof typeof regressions;
export const regressionNames = Object.keys(regressions) as RegressionName[];

/** The losses of one seed's run. */
export interface Regressed {
  readonly name: RegressionName;
  readonly seed: number;
  readonly loss: Float64Array;
}

const of = (runs: readonly Regressed[], name: RegressionName) => runs.filter((run) => run.name === name);
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** Mean losses of the seeds, between the least and the largest. */
export function regressionCurves(runs: readonly Regressed[], theme: "light" | "dark"): LineChartData {
  const series = regressionNames.flatMap((name, k) => {
    const own = of(runs, name);
    if (own.length === 0) return [];
    const { title, dash } = regressions[name];
    const at = (pick: (values: readonly number[]) => number) =>
      own[0].loss.map((_, t) => pick(own.map(({ loss }) => loss[t])));
    return {
      name: title,
      color: themeOf(theme).series(k),
      dash,
      x: own[0].loss.map((_, t) => t),
      y: at(mean),
      band: { along: "y" as const, low: at((v) => Math.min(...v)), high: at((v) => Math.max(...v)) },
      teleports: name === "plain" ? [] : [5],
      diverged: false,
    };
  });
  const axes = { xLabel: "step", yLabel: "loss", logX: false, logY: true, whole: true };
  return { series, of: String(runs.length), ...axes };
}

/** A row of the table: the mean of the last losses, beside the published one. */
export function regressionRow(runs: readonly Regressed[], name: RegressionName) {
  const own = of(runs, name);
  const { title, published } = regressions[name];
  const last = own.length === 0 ? none : formatValue(mean(own.map(({ loss }) => loss[loss.length - 1])));
  return { name: title, cells: [String(own.length), last, String(published)] };
}
