import { OptionError } from "isoloss";
import { deltaM, meanRank } from "isoloss/mtl";
import type { TaskTableData } from "isoloss-figures";
import { z } from "zod";
import type { JobResult, Kind } from "../kind.js";
import { trainerForm } from "../records/points.js";

export const tableColumn = z.strictObject({
  name: z.string().min(1),
  better: z.enum(["higher", "lower"]),
  /** Digits after the point, in reports; default 2. */
  digits: z.int().min(0).max(10).optional(),
});

export const tableRow = z.strictObject({
  values: z.array(z.number()).min(1),
  /** As printed. */
  deltaM: z.number().optional(),
  meanRank: z.number().optional(),
});

const tableSettings = {
  columns: z.array(tableColumn).min(1),
  /** Values of the single-task models. */
  base: z.array(z.number()).min(1),
  rows: z.record(z.string(), tableRow),
  /** Of mean ranks; default competition. */
  ties: z.enum(["competition", "dense"]).optional(),
  /** Rows among which the published mean ranks are; none: no ranks. */
  ranked: z.array(z.string()).min(2).nullable().optional(),
  origin: z.string().optional(),
};

type TableSettings = z.output<z.ZodObject<typeof tableSettings>>;

/** Published tables, computed again from the values of their rows. */
export const tablesKind: Kind = {
  summary: "a published table, its Delta_m and mean ranks computed again from its rows",
  stoppable: false,
  stored: trainerForm,
  settings: tableSettings,
  comparison: { tables },
  run: async (settings, { progress }) => {
    const metrics = metricsOf(settings as unknown as TableSettings);
    progress({ step: 0, steps: 0, loss: Number.NaN, teleports: 0, stepsPerSecond: 0 });
    return { status: "completed", steps: 0, wallSeconds: 0, loss: [], seconds: [], metrics };
  },
};

/** Delta_m and mean ranks by row, and the largest differences from the published ones. */
function metricsOf({ columns, base, rows, ties, ranked }: TableSettings): Record<string, number> {
  const higher = columns.map(({ better }) => better === "higher");
  const metrics: Record<string, number> = {};
  for (const [name, { values }] of [["base", { values: base }] as const, ...Object.entries(rows)]) {
    if (values.length !== columns.length) {
      throw new OptionError(
        `${name}: expected ${columns.length} values, one a column (${columns.map((c) => c.name).join(", ")}); got ${values.length}.`,
      );
    }
  }
  for (const [name, { values }] of Object.entries(rows))
    metrics[`${name}.deltaM`] = deltaM(values, base, higher);
  const names = ranked ?? [];
  const unknown = names.find((name) => rows[name] === undefined);
  if (unknown !== undefined) throw new OptionError(`ranked: the table has no row "${unknown}".`);
  const table = names.map((name) => rows[name].values);
  const ranks = table.length > 0 ? meanRank(table, higher, ties === undefined ? {} : { ties }) : [];
  for (const [i, name] of names.entries()) metrics[`${name}.meanRank`] = ranks[i];
  for (const key of ["deltaM", "meanRank"] as const) {
    const differences = Object.entries(rows).flatMap(([name, r]) => {
      const [printed, found] = [r[key], metrics[`${name}.${key}`]];
      return printed === undefined || found === undefined ? [] : [Math.abs(found - printed)];
    });
    if (differences.length > 0) metrics[`${key}.largestDifference`] = Math.max(...differences);
  }
  return metrics;
}

/** Tables of more metrics show what is computed alone. */
const mostColumns = 12;

function tables(results: readonly JobResult[]): TaskTableData[] {
  return results.map(({ variant, settings, document: { metrics } }) => {
    const { columns, rows, base } = settings as unknown as TableSettings;
    const shown = columns.length <= mostColumns ? columns : [];
    const entries = Object.entries(rows);
    const isPrinted = (key: "deltaM" | "meanRank") => entries.some(([, r]) => r[key] !== undefined);
    const keys = [
      ...(isPrinted("deltaM") ? [{ key: "deltaM", group: "Delta_m %", digits: 2 } as const] : []),
      ...(isPrinted("meanRank") ? [{ key: "meanRank", group: "mean rank", digits: 2 } as const] : []),
    ];
    return {
      caption: `${variant}: printed values, and Delta_m and mean ranks computed from them`,
      columns: [
        ...shown.map(({ name, better: direction, digits = 2 }) => ({
          name,
          direction,
          digits,
          group: "printed",
        })),
        ...keys.flatMap(({ group, digits }) => [
          { name: "printed", group, digits },
          { name: "computed", group, digits: digits + 2 },
          { name: "difference", group, digits: digits + 2 },
        ]),
      ],
      rows: [["single-task models", { values: base }] as const, ...entries].map(([name, row]) => ({
        name,
        values: [
          ...row.values.slice(0, shown.length),
          ...keys.flatMap(({ key }) => {
            const [printed, found] = [
              (row as z.output<typeof tableRow>)[key] ?? null,
              metrics[`${name}.${key}`] ?? null,
            ];
            return [printed, found, printed === null || found === null ? null : found - printed];
          }),
        ],
      })),
    };
  });
}
