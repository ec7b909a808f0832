import { scatter, type TaskTableData } from "isoloss-figures";
import type { DrawComparison, JobResult, RunComparison } from "../../kind.js";
import { formatNumber } from "../../results/format-number.js";

/** Studies of minima: their correlations in a table, and every model as a point. */
export const minimaComparison: RunComparison = { tables, figures: { minima: minimaFigures } };

const measures = {
  sharpness: "sharpness",
  curvature: "curvature",
  trainingLoss: "training loss",
  sharpnessGivenLoss: "sharpness given it",
  curvatureGivenLoss: "curvature given it",
} as const;

const metricOf = ({ document }: JobResult, name: string): number | null => document.metrics[name] ?? null;

function tables(results: readonly JobResult[]): TaskTableData[] {
  if (results.length === 0) return [];
  return [
    {
      caption:
        "Pearson's r of each measure of a minimum with its validation loss, over models, with 95 % intervals. The training " +
        "loss is the control: a sharper minimum may only be one that is less far down. Given it, r is partial: of what is left of " +
        "both where the training loss is held fixed",
      rowLabel: "variant",
      columns: [
        { name: "models", digits: 0 },
        ...Object.values(measures).flatMap((group) =>
          ["r", "low", "high", "of ranks"].map((name) => ({ name, group, digits: 3 })),
        ),
      ],
      rows: results.map((result) => ({
        name: result.variant,
        values: [
          result.evaluations?.length ?? null,
          ...Object.keys(measures).flatMap((key) =>
            ["", ".low", ".high", ".ranks"].map((end) => metricOf(result, `correlation.${key}${end}`)),
          ),
        ],
      })),
    },
  ];
}

async function minimaFigures(
  results: readonly JobResult[],
  options: Parameters<DrawComparison>[1],
): ReturnType<DrawComparison> {
  return results.flatMap((result) =>
    (["sharpness", "curvature"] as const).flatMap((key) => {
      const points = (result.evaluations ?? []).flatMap((row) =>
        row[key] === undefined ? [] : [{ x: row[key], y: row["validation.loss"] }],
      );
      if (points.length === 0) return [];
      const [r, low, high] = ["", ".low", ".high"].map((end) => metricOf(result, `correlation.${key}${end}`));
      const element = scatter(
        {
          series: [{ name: result.variant, points }],
          xLabel: key,
          yLabel: "validation loss",
          notes: [
            `${result.variant}, ${points.length} models: Pearson's r ${formatNumber(r ?? Number.NaN, 3)}, ` +
              `95 % interval [${formatNumber(low ?? Number.NaN, 3)}, ${formatNumber(high ?? Number.NaN, 3)}].`,
          ],
        },
        { ...options(), title: `Minima of ${result.variant}: ${key} and validation loss` },
      );
      return [{ name: `${key}-${result.variant}`, element }];
    }),
  );
}
