import { type LineChartData, nearestIndex } from "./line-chart.js";

export interface NumberRows {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const mostRows = 200;

/** What a chart shows as a table, of at most 200 places. */
export function numberRows({ series, xLabel }: LineChartData): NumberRows {
  const longest = series.reduce<ArrayLike<number>>((a, { x }) => (x.length > a.length ? x : a), []);
  const every = Math.max(1, Math.ceil(longest.length / mostRows));
  const places: number[] = [];
  for (let i = 0; i < longest.length; i += every) places.push(longest[i]);
  if (longest.length > 0 && (longest.length - 1) % every > 0) places.push(longest[longest.length - 1]);
  const format = (v: number | undefined) => (v === undefined ? "" : String(Number(v.toPrecision(6))));
  return {
    head: [xLabel, ...series.map(({ name }) => name)],
    rows: places.map((place) => [
      format(place),
      ...series.map(({ x, y }) => (place > x[x.length - 1] ? "" : format(y[nearestIndex(x, place)]))),
    ]),
  };
}
