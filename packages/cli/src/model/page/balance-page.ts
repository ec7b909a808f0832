import type { BalancedModel } from "../../commands/model-balance.js";
import { formatNumber } from "../../experiments/results/format-number.js";
import { htmlTable } from "../../run/report-html.js";
import type { ImbalanceFigures } from "../imbalance.js";
import type { Changed } from "./changed.js";
import { unitsSection } from "./units-section.js";
import { weightsSection } from "./weights-section.js";
import { writePage } from "./write-page.js";

type What = readonly [name: string, value: (figures: ImbalanceFigures) => number | null];

const rows: readonly What[] = [
  ["largest factor of a group", ({ factor }) => factor],
  ["largest sigma of a group", ({ sigma }) => sigma],
  ["bits lost with one scale for a tensor", ({ lostBits }) => lostBits?.now ?? null],
  ["weights above the range of float16", ({ float16 }) => float16.now.overflows],
  ["weights below it", ({ float16 }) => float16.now.subnormals],
];

/** The page of `isoloss model balance --report`. */
export async function writeBalancePage(
  page: string,
  { file, out, bytes, sizes }: Changed,
  { by, changed, before, after, checked }: BalancedModel & { readonly checked: string },
): Promise<void> {
  const number = (value: number | null) => (value === null ? "not measured" : formatNumber(value, 3));
  await writePage(page, {
    title: `${file.path}, balanced`,
    conclusion:
      changed === 0 ? "There was nothing to change." : `Written to ${out}: balanced by ${by}. ${checked}`,
    sections: [
      {
        heading: "Imbalance",
        text: `Before: ${before.advice}\n\nAfter: ${after.advice}`,
        tables: [
          htmlTable({
            columns: ["measure", "before", "after"],
            rows: rows.map(([name, of]) => [name, number(of(before)), number(of(after))]),
          }),
          htmlTable({
            caption:
              "Factor: by how much balancing would still scale the units of a group, all alike; sigma: how differently",
            columns: ["weights", "units", "factor before", "factor after", "sigma before", "sigma after"],
            rows: before.groups.map(({ parameters, size, factor, sigma }, i) => [
              ...[parameters.join(", "), size],
              ...[number(factor), number(after.groups[i].factor)],
              ...[number(sigma), number(after.groups[i].sigma)],
            ]),
          }),
        ],
      },
      ...weightsSection(file.bytes, bytes, "What the model computes is the same before and after."),
      unitsSection(file, sizes, {
        kinds: ["scaling", "linear"],
        text: "What these groups do to the weights keeps what the model computes.",
      }),
    ],
  });
}
