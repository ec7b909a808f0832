import type { Half } from "../../commands/model-half.js";
import { halfSummary, halfTable, notFinite } from "../half-text.js";
import type { Changed } from "./changed.js";
import { choicesSection } from "./choices-section.js";
import { unitsSection } from "./units-section.js";
import { weightsSection } from "./weights-section.js";
import { writePage } from "./write-page.js";

/** The page of `isoloss model half --report`. */
export async function writeHalfPage(
  page: string,
  { file, out, bytes, sizes }: Changed,
  document: Half,
): Promise<void> {
  const [written] = document.table;
  await writePage(page, {
    title: `${file.path} in float16`,
    conclusion: `${document.out === null ? "Not written" : "Written"} to ${out}: ${[`numbers ${written.numbers}`, ...notFinite(written, document.measured)].join("; ")}.`,
    lead: halfSummary(document, file.path),
    sections: [
      choicesSection(
        document.table.map(({ numbers, sqnr, broken }) => ({ name: numbers, sqnr, broken })),
        written.numbers,
        {
          text: "Over and below count numbers above 65504, which overflow, and below 6.1e-5, which lose bits, among the stored numbers (weights and other constants) and the activations. Error, rounded: the largest difference of an output with every result rounded to float16, relative to its largest value.",
          table: halfTable(document),
        },
      ),
      ...weightsSection(
        file.bytes,
        bytes,
        "Units are scaled by powers of two, which keeps what the model computes.",
      ),
      unitsSection(file, sizes, { kinds: ["scaling"], text: "The units that may be scaled." }),
    ],
  });
}
