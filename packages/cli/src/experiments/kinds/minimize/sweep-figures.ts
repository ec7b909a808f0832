// The sweep over a teleport's hyperparameters in the first paper's appendix: its learning rate times its number of steps.
import { groupBy } from "isoloss/internal";
import type { DrawComparison, JobResult } from "../../kind.js";
import { formatNumber } from "../../results/format-number.js";
import { byVariant } from "../../results/summary.js";
import { meanFinalLoss } from "../../results/to-target.js";

interface Swept {
  readonly search: string;
  readonly rate: number;
  readonly steps: number;
  /** Undefined where a run ends above its start: its loss would hide all others. */
  readonly loss: number | undefined;
}

/** Mean final losses against the teleport's learning rate, a series for each number of its steps, a figure for each search. */
export const sweepFigures: DrawComparison = async (results, options) => {
  // Loaded where it is drawn: it takes longer than some runs.
  const { scatter } = await import("isoloss-figures");
  const variants = [...byVariant(results).values()];
  const swept = variants.flatMap(sweptBy);
  const plain = variants.find(([{ settings }]) => !settings.teleport);
  const without = plain && meanFinalLoss(plain);
  return [...groupBy(swept, ({ search }) => search)].flatMap(([search, points]) => {
    const bySteps = [...groupBy(points, ({ steps }) => steps)].sort(([a], [b]) => a - b);
    if (bySteps.length < 2) return [];
    const lost = points
      .filter(({ loss }) => loss === undefined)
      .map(({ rate, steps }) => `${rate} x ${steps}`);
    const element = scatter(
      {
        series: bySteps.map(([steps, of]) => ({
          name: `${steps} steps`,
          points: of.flatMap(({ rate, loss }) => (loss === undefined ? [] : [{ x: rate, y: loss }])),
        })),
        xLabel: "learning rate of the teleport",
        yLabel: "mean final loss",
        logX: true,
        logY: true,
        notes: [
          ...(without ? [`Without a teleport the mean final loss is ${formatNumber(without, 4)}.`] : []),
          ...(lost.length > 0 ? [`Not shown, as a run ended above its start: ${lost.join(", ")}.`] : []),
        ],
      },
      { ...options(), title: `Teleports by ${search}: their learning rate and steps` },
    );
    return [{ name: `sweep-${search}`, element }];
  });
};

function sweptBy(runs: readonly JobResult[]): Swept[] {
  const { search } = (runs[0].settings.teleport ?? {}) as { readonly search?: Record<string, unknown> };
  const { name, steps, learningRate, stepSize } = search ?? {};
  const rate = learningRate ?? stepSize;
  if (typeof rate !== "number" || typeof steps !== "number") return [];
  const isBelow = runs.every(({ document: { loss } }) => (loss.last ?? Infinity) <= (loss.first ?? Infinity));
  return [
    { search: name as string, rate, steps, loss: isBelow ? (meanFinalLoss(runs) ?? undefined) : undefined },
  ];
}
