import type { PrunedModel } from "../../commands/model-prune.js";
import { htmlTable, type ReportSection } from "../../run/report-html.js";
import { keptTable, prunedSummary, prunedTable } from "../pruned-text.js";
import type { Changed } from "./changed.js";
import { choicesSection } from "./choices-section.js";
import { unitsSection } from "./units-section.js";
import { weightsSection } from "./weights-section.js";
import { writePage } from "./write-page.js";

/** The page of `isoloss model prune --report`. */
export async function writePrunePage(
  page: string,
  { file, out, bytes, sizes }: Changed,
  document: PrunedModel,
): Promise<void> {
  const { table, balanced, by } = document;
  await writePage(page, {
    title: `${file.path}, pruned`,
    conclusion: `Written to ${out}: ranked by weights ${balanced ? "after balance" : "as they are"}.`,
    lead: prunedSummary(document, file.path),
    sections: [
      choicesSection(
        table.map(({ ranked, sqnr, broken }) => ({ name: ranked, sqnr, broken })),
        balanced ? "balanced" : "as they are",
        {
          text: "The least weights depend on the scales of units, which what the model computes does not. So they are ranked after balancing and as they are, and the better one is written: the column chosen by is of the examples that chose, the others of other examples. Same largest: how often the largest output stays at its place. Train the new model further.",
          table: prunedTable(document),
        },
      ),
      ...weightsSection(file.bytes, bytes, weightsText(document)),
      by === "units"
        ? groupsSection(document)
        : unitsSection(file, sizes, {
            kinds: ["scaling"],
            text: "The units that are balanced before the weights are ranked.",
          }),
    ],
  });
}

function weightsText({ by }: PrunedModel): string {
  if (by === "units") return "Units that went have no weights after; the others keep theirs.";
  return `Pruning may leave some without weights.`;
}

const groupsSection = (document: PrunedModel): ReportSection => ({
  heading: "Units that move together",
  text: "The units of a group can be permuted with one another. Removing one removes all of its weights, in all layers that have the group.",
  tables: [htmlTable(keptTable(document))],
});
