import type { RotatedModel } from "../../commands/model-rotate.js";
import { htmlTable } from "../../run/report-html.js";
import { peaksTable, spacesTable } from "../rotated-text.js";
import type { Changed } from "./changed.js";
import { unitsSection } from "./units-section.js";
import { weightsSection } from "./weights-section.js";
import { writePage } from "./write-page.js";

/** The page of `isoloss model rotate --report`. */
export async function writeRotatePage(
  page: string,
  { file, out, bytes, sizes }: Changed,
  document: RotatedModel & { readonly checked: string },
): Promise<void> {
  const { by, spaces, checked } = document;
  await writePage(page, {
    title: `${file.path}, rotated`,
    conclusion:
      spaces.length === 0 ? "No space can be turned." : `Written to ${out}: rotations, ${by}. ${checked}`,
    sections: [
      {
        heading: "Peaks",
        text: "The largest magnitude of a weight, relative to the root of its mean square. No rotation changes the latter, so that with one scale for a tensor the noise of rounding is in proportion to the square of this number.",
        tables: [htmlTable(peaksTable(document)), htmlTable(spacesTable(document))],
      },
      ...weightsSection(file.bytes, bytes, "What the model computes is the same before and after."),
      unitsSection(file, sizes, {
        kinds: ["linear", "orthogonal"],
        text: "A rotation of such a space keeps what the model computes.",
      }),
    ],
  });
}
