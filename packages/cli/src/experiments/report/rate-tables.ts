import { resultName } from "isoloss/metrics";
import { htmlTable } from "../../run/report-html.js";
import { formatNumber } from "../results/format-number.js";
import { finalLossMetric } from "../results/loss-curve.js";
import {
  differenceText,
  isTooNoisy,
  ratioText,
  shownRatios,
  type ToTarget,
  timeOf,
} from "../results/to-target.js";
import {
  hasTeleports,
  intervalsText,
  labelOf,
  type RatesComparison,
  rangeText,
  rateText,
  validationText,
} from "./rates.js";

const lossText = (loss: number | null): string => (loss === null ? "diverged" : formatNumber(loss, 5));

const medianText = (ratio: number | null): string => (ratio === null ? "-" : formatNumber(ratio, 3));

/** A heading, and what stands below it. */
type Column = readonly [string, (c: ToTarget) => string];

const when = (isShown: boolean, column: Column): readonly Column[] => (isShown ? [column] : []);

/**
 * A comparison at tuned rates as HTML tables: the ratios at each variant's own rate, those at the baseline's, and the grid that
 * the rates were chosen from.
 */
export function rateTables(rates: RatesComparison) {
  const { baseline, tuned, sameRate, references } = rates;
  // The first rates are those that all variants have.
  const names = Object.keys(rates.grid[0]?.losses ?? {});
  const own = [
    ...Object.entries(tuned).map(
      ([name, c]): Row => [
        // Of a choice with what was chosen.
        labelOf(c.variant === undefined ? name : `${name}: ${c.variant}`, rates),
        rateText(c),
        c,
      ],
    ),
    ...Object.entries(references).map(([name, c]): Row => [labelOf(name, rates), "-", c]),
  ];
  const others = Object.entries(sameRate).map(([name, c]): Row => [name, rateText(c), c]);
  return {
    baseline,
    grid: htmlTable({
      caption: `Mean ${rates.by === "loss" ? "final" : "validation"} loss of the tuning seeds at each learning rate`,
      columns: ["learning rate", ...names],
      rows: rates.grid.map((g) => [
        rateText(g),
        ...names.map((name) => (name in g.losses ? lossText(g.losses[name]) : "")),
      ]),
    }),
    comparison: ratioTable(own, rates),
    ...(others.length > 0 ? { sameRate: ratioTable(others, rates, { isTimed: false }) } : {}),
  };
}

type Row = readonly [name: string, rate: string, ToTarget];

/** @param isTimed whether with times: those of runs that take part in no repetition are left out */
function ratioTable(
  compared: readonly Row[],
  rates: RatesComparison,
  { isTimed = true }: { readonly isTimed?: boolean } = {},
): string {
  const { baseline, clock, level, repeats } = rates;
  const rows = compared.map(([name, rate, c]): Row => [name, rate, shownRatios(c)]);
  const noisy = new Map(compared.map(([, , c], i) => [rows[i][2], timeOf(c, clock) === "too noisy"]));
  // Where every run reached the loss, the medians say no more than the means; where none has a ratio, they are all there is.
  const hasMedians = rows.some(([, , c]) => c.steps === null && c.medianSteps !== null);
  const hasRatios = !hasMedians || rows.some(([, , c]) => c.steps !== null);
  const hasIntervals = rows.some(([, , c]) =>
    [c.steps, c.seconds, c.equalSteps, c.equalTime].some((ratio) => ratio?.interval),
  );
  const hasTest = rows.some(([, , c]) => c.test !== null);
  const hasValidation = !hasTest && rows.some(([, , c]) => c.validation !== null);
  const hasAccuracy = rows.some(([, , c]) => c.accuracy !== null);
  const columns: readonly Column[] = [
    [resultName(finalLossMetric).label, (c) => lossText(c.finalLoss)],
    ["reached", (c) => `${c.reached} of ${c.seeds}`],
    ...when(hasRatios, ["steps", (c) => ratioText(c.steps)]),
    ...when(hasMedians, ["median steps", (c) => medianText(c.medianSteps)]),
    ...when(hasRatios && isTimed, ["time", (c) => (noisy.get(c) ? "too noisy" : ratioText(c.seconds))]),
    ...when(hasMedians && isTimed, ["median time", (c) => medianText(c.medianSeconds)]),
    ["loss at equal steps", (c) => ratioText(c.equalSteps)],
    ...when(isTimed, [
      "loss at equal seconds",
      (c) => (isTooNoisy(clock) ? "too noisy" : ratioText(c.equalTime)),
    ]),
    ...when(hasValidation, ["validation loss", (c) => ratioText(c.validation)]),
    ...when(hasTest, ["test loss", (c) => ratioText(c.test)]),
    ...when(hasAccuracy, ["accuracy, points", (c) => differenceText(c.accuracy)]),
  ];
  const included = hasTeleports(rates) ? ", teleports included" : "";
  const timing = [
    ...(isTimed && repeats > 1 ? [`Each time is the least of ${repeats}`] : []),
    ...(isTimed && clock !== null
      ? [`${baseline} took ${rangeText(clock)} times its own time, timed again`]
      : []),
  ];
  return htmlTable({
    caption:
      `To the final loss of ${baseline} at its tuned rate ${rateText(rates)}, on fresh seeds: shares of ${baseline}'s ` +
      `steps${isTimed ? ` and wall-clock time${included}` : ""}, and of its loss after as many steps${isTimed ? " and seconds" : ""}` +
      `${hasValidation ? `, and of its validation loss${validationText(rates).replace(/,$/, "")}` : ""}` +
      `${hasTest ? ", and of its loss on test rows, of its own for each seed" : ""}${hasIntervals ? `; with ${intervalsText(level)}` : ""}; below 1 is better` +
      timing.map((text) => `. ${text}`).join(""),
    columns: ["variant", "rate", ...columns.map(([name]) => name)],
    rows: rows.map(([name, rate, c]) => [name, rate, ...columns.map(([, cell]) => cell(c))]),
  });
}
