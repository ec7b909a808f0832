import { dropIdentity, foldBatchNorm } from "isoloss-onnx";
import type { Quantized } from "../../commands/model-quantize.js";
import { htmlTable } from "../../run/report-html.js";
import { bytesText } from "../bytes-text.js";
import { choicesTable, chosenOn, judgedText, nameOf, operandsText } from "../quantized-text.js";
import type { Changed } from "./changed.js";
import { choicesSection } from "./choices-section.js";
import { unitsSection } from "./units-section.js";
import { weightsSection } from "./weights-section.js";
import { writePage } from "./write-page.js";

/** The page of `isoloss model quantize --report`. */
export async function writeQuantizePage(
  page: string,
  { file, out, bytes, sizes }: Changed,
  document: Quantized,
): Promise<void> {
  const { recommended, table, skipped } = document;
  // What is quantized: its layers are those of the new file.
  const prepared = dropIdentity(foldBatchNorm(file.bytes).bytes).bytes;
  const size = `${bytesText(document.bytes.after)} instead of ${bytesText(document.bytes.before)}`;
  await writePage(page, {
    title: `${file.path} on integers`,
    conclusion: `Recommended and written to ${out}: ${nameOf(recommended)}, ${size}.`,
    lead: `Each choice is a file that was run on ${chosenOn(document)}, and compared with the model in float. ${judgedText(document)}`,
    sections: [
      choicesSection(
        table.map((row) => ({ name: nameOf(row), sqnr: row.sqnr, broken: row.broken })),
        nameOf(recommended),
        {
          text: [
            "SQNR is 10 log10 of the sum of squared outputs by that of squared errors; 6 dB more are half the error. Same largest: how often the largest output stays at its place. On integers: nodes that ONNX Runtime's CPU runs by kernels for integers.",
            ...operandsText(document),
            ...(skipped.length === 0 ? [] : [`Not tried: ${skipped.join("; ")}.`]),
          ].join("\n\n"),
          table: choicesTable(table),
        },
      ),
      {
        heading: "Layers",
        text: "What each layer of the written file runs as.",
        folded: [
          {
            title: `${document.nodes.length} nodes`,
            content: {
              table: htmlTable({
                columns: ["node", "operator", "runs as", "bits of weights", "note"],
                rows: document.nodes.map(({ node, opType, runs, bits, note }) => [
                  ...[node, opType, runs],
                  ...[bits === null ? "-" : `${bits}`, note ?? ""],
                ]),
              }),
            },
            open: document.nodes.length <= 12,
          },
        ],
      },
      ...weightsSection(
        prepared,
        bytes,
        "Before: the weights in float, batch normalizations folded. After: what the integers of the written file stand for. With one scale for a tensor, channels far below its largest weight keep few bits, or become zeros.",
      ),
      unitsSection({ ...file, bytes: prepared }, sizes, {
        kinds: ["scaling"],
        text: "Scaling these units keeps what the model computes: equal ranges and least noise are found among these scales.",
      }),
    ],
  });
}
