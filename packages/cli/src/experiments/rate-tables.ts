import { htmlTable } from "../run/report-html.js";
import { figure } from "./number-text.js";
import { type RatesResult, rateText } from "./rates.js";
import { ratioText, type ToTarget } from "./to-target.js";

const lossText = (loss: number | null): string => (loss === null ? "diverged" : figure(loss, 5));

const medianText = (ratio: number | null): string => (ratio === null ? "-" : figure(ratio, 3));

/** A comparison at tuned rates as HTML tables: the ratios, and the grid that the rates were chosen from. */
export function rateTables(rates: RatesResult) {
  const { baseline, tuned, sameRate, references } = rates;
  const names = Object.keys(rates.grid[0]?.losses ?? {});
  const rows: readonly (readonly [string, string, ToTarget])[] = [
    ...Object.keys(tuned).flatMap((name) => [
      [name, `${rateText(tuned[name])} (its own)`, tuned[name]] as const,
      [name, `${rateText(sameRate[name])} (${baseline}'s)`, sameRate[name]] as const,
    ]),
    ...Object.entries(references).map(([name, c]) => [name, "-", c] as const),
  ];
  // Where every run came there, the medians say no more than the means.
  const hasMedians = rows.some(([, , c]) => c.steps === null && c.medianSteps !== null);
  const hasValidation = rows.some(([, , c]) => c.validation !== null);
  const columns: readonly (readonly [string, (c: ToTarget) => string])[] = [
    ["last loss", (c) => lossText(c.lastLoss)],
    ["came there", (c) => `${c.reached} of ${c.seeds}`],
    ["steps", (c) => ratioText(c.steps)],
    ...(hasMedians ? [["median", (c: ToTarget) => medianText(c.medianSteps)] as const] : []),
    ["time", (c) => ratioText(c.seconds)],
    ...(hasMedians ? [["median", (c: ToTarget) => medianText(c.medianSeconds)] as const] : []),
    ["loss at equal time", (c) => ratioText(c.equalTime)],
    ...(hasValidation ? [["validation loss", (c: ToTarget) => ratioText(c.validation)] as const] : []),
  ];
  return {
    baseline,
    grid: htmlTable({
      caption: "Mean last loss of the tuning seeds at each learning rate",
      columns: ["learning rate", ...names],
      rows: rates.grid.map((g) => [rateText(g), ...names.map((name) => lossText(g.losses[name]))]),
    }),
    comparison: htmlTable({
      caption:
        `To the final loss of ${baseline} at its tuned rate ${rateText(rates)}, on fresh seeds: shares of ${baseline}'s ` +
        `steps and wall-clock time, teleports included, of its loss at the time at which it ends` +
        `${hasValidation ? ", and of its last validation loss" : ""}; with 95 % intervals; below 1 is better`,
      columns: ["variant", "rate", ...columns.map(([name]) => name)],
      rows: rows.map(([name, rate, c]) => [name, rate, ...columns.map(([, cell]) => cell(c))]),
    }),
  };
}
