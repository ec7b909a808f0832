import { htmlTable } from "../run/report-html.js";
import { figure } from "./number-text.js";
import { type RatesResult, rateText } from "./rates.js";
import { ratioText, type ToTarget } from "./to-target.js";

const lossText = (loss: number | null): string => (loss === null ? "diverged" : figure(loss, 5));

const medianText = (ratio: number | null): string => (ratio === null ? "-" : figure(ratio, 3));

const cells = (c: ToTarget): string[] => [
  lossText(c.lastLoss),
  `${c.reached} of ${c.seeds}`,
  ratioText(c.steps),
  medianText(c.medianSteps),
  ratioText(c.seconds),
  medianText(c.medianSeconds),
  ratioText(c.equalTime),
];

/** A comparison at tuned rates as HTML tables: the grid, and the ratios. */
export function rateTables(rates: RatesResult): string[] {
  const { baseline, tuned, sameRate, references } = rates;
  const names = Object.keys(rates.grid[0]?.losses ?? {});
  return [
    htmlTable({
      caption: "Mean last loss of the tuning seeds at each learning rate",
      columns: ["learning rate", ...names],
      rows: rates.grid.map((g) => [rateText(g), ...names.map((name) => lossText(g.losses[name]))]),
    }),
    htmlTable({
      caption:
        `To the final loss of ${baseline} at its tuned rate ${rateText(rates)}, on fresh seeds: shares of ${baseline}'s ` +
        `steps and wall-clock time, teleports included, and the loss at equal wall-clock as a share of ${baseline}'s; with ` +
        `95 % intervals; below 1 is better`,
      columns: [
        "variant",
        "tuned rate",
        "rate",
        "last loss",
        "came there",
        "steps",
        "median",
        "seconds",
        "median",
        "loss",
      ],
      rows: [
        ...Object.keys(tuned).flatMap((name) => [
          [name, "its own", rateText(tuned[name]), ...cells(tuned[name])],
          [name, `${baseline}'s`, rateText(sameRate[name]), ...cells(sameRate[name])],
        ]),
        ...Object.entries(references).map(([name, c]) => [name, "none", "-", ...cells(c)]),
      ],
    }),
  ];
}
