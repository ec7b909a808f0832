import { mean, sum } from "es-toolkit";
import type { TaskTableData } from "isoloss-figures";
import type { JobResult } from "../../kind.js";
import { byVariant } from "../../results/summary.js";

/** Of the toy: how far from the Pareto front the runs of each variant ended, start by start. */
export function toyTables(results: readonly JobResult[]): TaskTableData[] {
  const shown = results.filter((r) => typeof r.document.metrics["front.distance"] === "number");
  if (shown.length === 0) return [];
  const starts = new Map(shown.map((r) => [startOf(r), r.seed] as const).sort((a, b) => a[1] - b[1]));
  const names = [...starts.keys()];
  return [
    {
      caption:
        "Distance to the Pareto front at the end, from each start, and how many runs reached it (within 0.15)",
      rowLabel: "variant",
      columns: [
        ...names.map((name) => ({ name, direction: "lower" as const, group: "from" })),
        { name: "reached", direction: "higher", digits: 0 },
        { name: "of", digits: 0 },
        { name: "teleports", digits: 1 },
        { name: "largest loss change", digits: 2 },
      ],
      rows: [...byVariant(shown)].map(([name, group]) => {
        const metric = (key: string) =>
          group.flatMap(({ document }) => {
            const value = document.metrics[key];
            return typeof value === "number" ? [value] : [];
          });
        const [teleports, drifts] = [metric("cost.accepted"), metric("cost.absoluteDriftMax")];
        return {
          name,
          values: [
            ...names.map((start) => {
              const result = group.find((r) => startOf(r) === start);
              if (result === undefined) return null;
              return result.document.status === "diverged"
                ? Number.NaN
                : (result.document.metrics["front.distance"] ?? Number.NaN);
            }),
            sum(metric("front.reached")),
            group.length,
            teleports.length > 0 ? mean(teleports) : null,
            drifts.length > 0 ? Math.max(...drifts) : null,
          ],
        };
      }),
    },
  ];
}

const startOf = ({ trajectory, seed }: JobResult): string => {
  const start = trajectory?.[0];
  return start ? `(${start.join(", ")})` : `seed ${seed}`;
};
