// What the chart of float16 draws: how large the values inside a model are, before and after.
import { themeOf } from "isoloss-figures/base";
import type { ValueChange } from "isoloss-onnx";
import type { LineChartData, LineSeries } from "../../charts/line-chart.js";

/** The least normal and the largest number of float16. */
const limits = [2 ** -14, 65504] as const;

export function rangesOf(values: readonly ValueChange[], theme: "light" | "dark"): LineChartData {
  const series = (["before", "after"] as const).flatMap((side, color) =>
    (["largest", "typical"] as const).map((size): LineSeries => {
      const places = [...values.keys()].filter((i) => {
        const own = values[i][side]?.[size] ?? 0;
        return own > 0 && own < Number.POSITIVE_INFINITY;
      });
      return {
        name: `${size} ${side}`,
        color: themeOf(theme).series(color),
        dash: size === "largest" ? [] : [3, 3],
        x: places.map((i) => i + 1),
        y: places.map((i) => values[i][side]?.[size] ?? 0),
        teleports: [],
        diverged: false,
      };
    }),
  );
  const shown = series.filter(({ y }) => y.length > 0);
  const ends = [...limits, ...shown.flatMap(({ y }) => [...(y as readonly number[])])];
  return {
    series: shown,
    xLabel: "value, in the order of the operators",
    yLabel: "magnitude",
    logX: false,
    logY: true,
    whole: true,
    more: (x) => {
      const { name, operator } = values[Math.min(Math.max(Math.round(x), 1), values.length) - 1];
      return `${name} (${operator ?? "input"})`;
    },
    yDomain: [Math.min(...ends) / 4, 4 * Math.max(...ends)],
    shade: { y: limits, label: "normal numbers of float16" },
  };
}
