import { resultName } from "isoloss/metrics";
import { htmlTable } from "../../run/report-html.js";
import { formatNumber } from "../results/format-number.js";
import { finalLossMetric } from "../results/loss-curve.js";
import { differenceText, ratioText, shownRatios, type ToTarget } from "../results/to-target.js";
import { type RateComparison, type RatesResult, rateText } from "./rates.js";

const lossText = (loss: number | null): string => (loss === null ? "diverged" : formatNumber(loss, 5));

const medianText = (ratio: number | null): string => (ratio === null ? "-" : formatNumber(ratio, 3));

/** The name of a variant or of a choice, with what was chosen. */
const namesOf = (name: string, { variant }: RateComparison): string =>
  variant === undefined ? name : `${name}: ${variant}`;

/** A heading, and what stands below it. */
type Column = readonly [string, (c: ToTarget) => string];

const when = (isShown: boolean, column: Column): readonly Column[] => (isShown ? [column] : []);

/** A comparison at tuned rates as HTML tables: the ratios, and the grid that the rates were chosen from. */
export function rateTables(rates: RatesResult) {
  const { baseline, tuned, sameRate, references } = rates;
  // The first rates are those that all variants have.
  const names = Object.keys(rates.grid[0]?.losses ?? {});
  const rows: readonly (readonly [string, string, ToTarget])[] = [
    ...Object.keys(tuned).flatMap((name) => [
      [namesOf(name, tuned[name]), `${rateText(tuned[name])} (its own)`, shownRatios(tuned[name])] as const,
      ...(name in sameRate
        ? [[name, `${rateText(sameRate[name])} (${baseline}'s)`, shownRatios(sameRate[name])] as const]
        : []),
    ]),
    ...Object.entries(references).map(([name, c]) => [name, "-", shownRatios(c)] as const),
  ];
  // Where every run reached the loss, the medians say no more than the means; where none has a ratio, they are all there is.
  const hasMedians = rows.some(([, , c]) => c.steps === null && c.medianSteps !== null);
  const hasRatios = !hasMedians || rows.some(([, , c]) => c.steps !== null);
  const hasIntervals = rows.some(([, , c]) =>
    [c.steps, c.seconds, c.equalTime].some((ratio) => ratio?.interval),
  );
  const hasTest = rows.some(([, , c]) => c.test !== null);
  const hasValidation = !hasTest && rows.some(([, , c]) => c.validation !== null);
  const hasAccuracy = rows.some(([, , c]) => c.accuracy !== null);
  const columns: readonly Column[] = [
    [resultName(finalLossMetric).label, (c) => lossText(c.finalLoss)],
    ["reached", (c) => `${c.reached} of ${c.seeds}`],
    ...when(hasRatios, ["steps", (c) => ratioText(c.steps)]),
    ...when(hasMedians, ["median steps", (c) => medianText(c.medianSteps)]),
    ...when(hasRatios, ["time", (c) => ratioText(c.seconds)]),
    ...when(hasMedians, ["median time", (c) => medianText(c.medianSeconds)]),
    ["loss at equal time", (c) => ratioText(c.equalTime)],
    ...when(hasValidation, ["validation loss", (c) => ratioText(c.validation)]),
    ...when(hasTest, ["test loss", (c) => ratioText(c.test)]),
    ...when(hasAccuracy, ["accuracy, points", (c) => differenceText(c.accuracy)]),
  ];
  return {
    baseline,
    grid: htmlTable({
      caption: "Mean final loss of the tuning seeds at each learning rate",
      columns: ["learning rate", ...names],
      rows: rates.grid.map((g) => [
        rateText(g),
        ...names.map((name) => (name in g.losses ? lossText(g.losses[name]) : "")),
      ]),
    }),
    comparison: htmlTable({
      caption:
        `To the final loss of ${baseline} at its tuned rate ${rateText(rates)}, on fresh seeds: shares of ${baseline}'s ` +
        `steps and wall-clock time, teleports included, of its loss at the time at which it ends` +
        `${hasValidation ? ", and of its last validation loss, on the same rows for all seeds" : ""}` +
        `${hasTest ? ", and of its loss on test rows, of its own for each seed" : ""}${hasIntervals ? "; with 95 % intervals" : ""}; below 1 is better`,
      columns: ["variant", "rate", ...columns.map(([name]) => name)],
      rows: rows.map(([name, rate, c]) => [name, rate, ...columns.map(([, cell]) => cell(c))]),
    }),
  };
}
