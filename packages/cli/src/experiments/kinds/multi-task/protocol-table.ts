import type { TableColumn, TaskTableData } from "isoloss-figures";
import { type Protocol, publishedDeltaM } from "./protocol.js";

/** A column, and the metric of runs that it shows. */
export interface MetricColumn extends TableColumn {
  readonly metric: string;
  /** By which the metric is multiplied. */
  readonly factor?: number;
}

/** More columns than these are shown by their mean alone. */
const mostColumns = 12;

const columnsShown = ({ columns }: Protocol) => (columns.length <= mostColumns ? columns : []);

/** The protocol's columns of measured rows. */
export const protocolColumns = (protocol: Protocol): MetricColumn[] =>
  columnsShown(protocol).map(({ name, metric, better, digits = 2, factor, group }) => ({
    name,
    metric: `reported.${metric}`,
    direction: better,
    digits,
    ...(factor === undefined ? {} : { factor }),
    ...(group === undefined ? {} : { group }),
  }));

/** Which evaluations the reported values are of. @param hasAlone whether there are rows of single-task networks */
export function reportText({ report }: Protocol, hasAlone: boolean): string {
  if ("last" in report) return `the mean over the last ${report.last} evaluations`;
  const by = { deltaM: "Delta_m", mean: "mean metric", improvement: "improvement on the first evaluation" };
  const own = hasAlone ? ", of each single-task network for itself" : "";
  return `at the best ${by[report.best]} on the validation data${own}`;
}

/** The published rows, as they were printed; Delta_m is computed again where the values are known. */
export function publishedTables(protocol: Protocol): TaskTableData[] {
  const { published, base, source } = protocol;
  if (published === undefined) return [];
  const shown = columnsShown(protocol);
  const rows = [
    ...(base === undefined ? [] : [["single-task models", { values: base }] as const]),
    ...Object.entries(published),
  ];
  const row = (values: readonly number[] | undefined) => shown.map((_, k) => values?.[k] ?? null);
  const computed = (values: readonly number[] | undefined): number | null => {
    if (values === undefined || base === undefined) return null;
    return publishedDeltaM({ ...protocol, columns: unscaled(protocol) }, values) ?? null;
  };
  return [
    {
      caption: `Published, on the whole data${source === undefined ? "" : `: ${source}`}`,
      columns: [
        ...shown.map(({ name, better, digits = 2, group }) => ({
          name,
          direction: better,
          digits,
          ...(group === undefined ? {} : { group }),
        })),
        { name: "printed", group: "Delta_m %", direction: "lower" },
        { name: "computed", group: "Delta_m %" },
      ],
      rows: rows.map(([name, { values, ...printed }]) => ({
        name,
        values: [
          ...row(values),
          "deltaM" in printed && printed.deltaM !== undefined ? printed.deltaM : null,
          name === "single-task models" ? null : computed(values),
        ],
      })),
    },
  ];
}

/** The columns of values that are as printed. */
const unscaled = ({ columns }: Protocol): Protocol["columns"] =>
  columns.map(({ factor: _, ...column }) => column);
