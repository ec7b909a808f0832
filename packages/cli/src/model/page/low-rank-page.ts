import type { LowRankModel } from "../../commands/model-low-rank.js";
import { htmlTable } from "../../run/report-html.js";
import { lowRankSummary, lowRankTable, spacesTable } from "../low-rank-text.js";
import type { Changed } from "./changed.js";
import { choicesSection } from "./choices-section.js";
import { unitsSection } from "./units-section.js";
import { weightsSection } from "./weights-section.js";
import { writePage } from "./write-page.js";

/** The page of `isoloss model low-rank --report`. */
export async function writeLowRankPage(
  page: string,
  { file, out, bytes, sizes }: Changed,
  document: LowRankModel,
): Promise<void> {
  const { table } = document;
  const written = table[table.length - 1];
  const spaces = spacesTable(document);
  await writePage(page, {
    title: `${file.path} of less rank`,
    conclusion: `Written to ${out}: spaces ${written.spaces}.`,
    lead: lowRankSummary(document, file.path),
    sections: [
      choicesSection(
        table.map(({ spaces: name, sqnr, broken }) => ({ name, sqnr, broken })),
        written.spaces,
        {
          text: "Rank that no product of weights has is not used: without it the model computes the same to rounding. Same largest: how often the largest output stays at its place.",
          table: lowRankTable(document),
        },
      ),
      {
        heading: "Spaces",
        text: "A model sees only the product of the weights around a space that no activation touches. Error: the distance of the new product from the old one, relative to its Frobenius norm.",
        tables: [
          htmlTable({
            columns: [...spaces.columns, "why not smaller"],
            rows: spaces.rows.map((row, i) => [...row, document.groups[i].reason ?? ""]),
          }),
        ],
      },
      ...weightsSection(file.bytes, bytes, "Weights around the spaces are factors of the new products."),
      unitsSection(file, sizes, {
        kinds: ["linear"],
        text: "Any invertible matrix in such a space keeps what the model computes.",
      }),
    ],
  });
}
