import { type CurveSeries, curves, svgText } from "isoloss-figures";
import { htmlTable } from "../../run/report-html.js";
import { epochTable, type FineTuning, trainedText, writtenText } from "../fine-tuning.js";
import type { Changed } from "./changed.js";
import { weightsSection } from "./weights-section.js";
import { FIGURE_WIDTH, onPage, writePage } from "./write-page.js";

/** The page of `isoloss model finetune --report`. */
export async function writeFinetunePage(
  page: string,
  { file, out, bytes }: Omit<Changed, "sizes">,
  document: FineTuning,
): Promise<void> {
  const { best, report } = document;
  await writePage(page, {
    title: `${file.path}, trained further`,
    conclusion: writtenText(document, { path: file.path, out }),
    lead: trainedText(document),
    sections: [
      {
        heading: "Epochs",
        text: "Epoch 0 is the model as it came. The validation data were not trained on; the best epoch is the one with the smallest loss there.",
        figures: lossFigures(document),
        tables: [htmlTable(epochTable(document))],
      },
      ...(report.length === 0
        ? []
        : [
            {
              heading: "Layers",
              text: "Layers that had a batch normalization for the training, which was folded into them again, and others. The channels of one are trained with a scale of their own.",
              tables: [
                htmlTable({
                  columns: ["layer", "operator", "batch normalization", "what was done, or why not"],
                  rows: report.map(({ node, opType, changed, note }) => [
                    ...[node, opType, changed ? "for the training" : "none"],
                    note,
                  ]),
                }),
              ],
            },
          ]),
      ...(best === 0
        ? []
        : weightsSection(
            file.bytes,
            bytes,
            "What training changed; after: those of the best epoch, folded.",
          )),
    ],
  });
}

/** Losses against epochs; none where no loss is finite. */
function lossFigures({ epochs }: FineTuning): readonly string[] {
  const run = (name: string, of: (epoch: FineTuning["epochs"][number]) => number | null): CurveSeries => {
    const known = epochs.filter((epoch) => of(epoch) !== null);
    return {
      name,
      runs: [{ steps: known.map(({ epoch }) => epoch), values: known.map((epoch) => of(epoch) ?? 0) }],
    };
  };
  const series = [
    run("validation", ({ validationLoss }) => validationLoss),
    run("training", ({ trainingLoss }) => trainingLoss),
  ].filter(({ runs: [{ steps }] }) => steps.length > 0);
  if (series.length === 0) return [];
  const data = { series, xLabel: "epoch", yLabel: "loss", logY: series.every(isPositive) };
  return [svgText(curves(data, onPage("Loss against epochs", FIGURE_WIDTH)))];
}

const isPositive = ({ runs }: CurveSeries): boolean =>
  runs.every(({ values }) => values.every((value) => value > 0));
