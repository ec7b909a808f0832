import { mean } from "es-toolkit";
import { OptionError } from "isoloss";
import { groupBy } from "isoloss/internal";
import { deltaM } from "isoloss/mtl";
import type { TableColumn, TaskTableData } from "isoloss-figures";
import { z } from "zod";
import { count } from "../../catalogue/named.js";
import type { Evaluation } from "../../kind.js";
import { tableColumn, tableRow } from "../tables.js";

/** How the numbers of a paper's table are made of a run, and that table. */
export const protocolSchema = z.strictObject({
  /** The metrics that Delta_m and mean ranks are of. */
  columns: z
    .array(
      tableColumn.extend({
        /** Task and measure, such as semantic.iou. */
        metric: z.string().min(1),
        /** By which the table multiplies it; default 1. */
        factor: z.number().gt(0).optional(),
        group: z.string().min(1).optional(),
      }),
    )
    .min(1),
  /** The mean over so many last evaluations, or the test values of the best one on the validation data. */
  report: z.union([
    z.strictObject({ last: count }),
    z.strictObject({ best: z.enum(["deltaM", "mean", "improvement"]) }),
  ]),
  /** Published values of single-task models, as the table has them. */
  base: z.array(z.number()).min(1).optional(),
  /** Published rows: values as the table has them, or Delta_m alone. */
  published: z.record(z.string(), tableRow.extend({ values: tableRow.shape.values.optional() })).optional(),
  /** Where they are from. */
  source: z.string().min(1).optional(),
});

export type Protocol = z.output<typeof protocolSchema>;

/** Checks what the schema cannot. */
export function checkProtocol({ columns, base, report, published = {} }: Protocol): void {
  const rows = Object.entries(published).map(([name, { values }]) => [`published.${name}`, values] as const);
  for (const [name, values] of [["base", base] as const, ...rows]) {
    if (values === undefined || values.length === columns.length) continue;
    throw new OptionError(
      `protocol.${name}: expected ${columns.length} values, one a column (${columns.map((c) => c.name).join(", ")}); got ${values.length}.`,
    );
  }
  if ("best" in report && report.best === "deltaM" && base === undefined) {
    throw new OptionError("protocol.report: the best Delta_m needs a base to be measured against.");
  }
}

export const isHigherBetter = ({ columns }: Protocol): boolean[] =>
  columns.map(({ better }) => better === "higher");

const valuesOf = ({ columns }: Protocol, evaluation: Evaluation, part: "test" | "validation"): number[] =>
  columns.map(({ metric }) => evaluation[`${part}.${metric}`] ?? Number.NaN);

/** Delta_m of values against the published base; undefined without one, and for values that are not numbers. */
function publishedDeltaM(protocol: Protocol, values: readonly number[]): number | undefined {
  const { base, columns } = protocol;
  if (base === undefined || !values.every(Number.isFinite)) return undefined;
  const shown = values.map((value, k) => value * (columns[k].factor ?? 1));
  return deltaM(shown, base, isHigherBetter(protocol));
}

/** What the best evaluation is chosen by, from its validation values: a larger number is better. */
function scoreOf(protocol: Protocol, evaluation: Evaluation, first: Evaluation): number {
  const values = valuesOf(protocol, evaluation, "validation");
  const { report } = protocol;
  if (!("best" in report) || report.best === "deltaM")
    return -(publishedDeltaM(protocol, values) ?? Number.NaN);
  if (report.best === "mean") return mean(values);
  const base = valuesOf(protocol, first, "validation");
  return mean(
    values.map((value, k) => {
      const change = (value - base[k]) / base[k];
      return protocol.columns[k].better === "higher" ? change : -change;
    }),
  );
}

/** Delta_m of each evaluation's validation values against the published base. */
export const validationDeltas = (protocol: Protocol, evaluations: readonly Evaluation[]): number[] =>
  evaluations.map((e) => publishedDeltaM(protocol, valuesOf(protocol, e, "validation")) ?? Number.NaN);

const taskOf = (metric: string): string => metric.slice(0, metric.lastIndexOf("."));

/** The protocol by task, with the task's columns alone. */
export function protocolsByTask(protocol: Protocol): ReadonlyMap<string, Protocol> {
  const places = groupBy([...protocol.columns.keys()], (k) => taskOf(protocol.columns[k].metric));
  return new Map(
    [...places].map(([task, own]) => [
      task,
      {
        ...protocol,
        columns: own.map((k) => protocol.columns[k]),
        ...(protocol.base ? { base: own.map((k) => protocol.base?.[k] as number) } : {}),
      },
    ]),
  );
}

/** The best evaluation on the validation data: of ties the later one of Delta_m, and the earlier one else, as the programs do. */
function bestOf(protocol: Protocol, evaluations: readonly Evaluation[]): Evaluation {
  const { report } = protocol;
  const isLater = "best" in report && report.best === "deltaM";
  const scores = evaluations.map((e) => scoreOf(protocol, e, evaluations[0]));
  const isBetter = (score: number, best: number) =>
    Number.isNaN(best) || score > best || (isLater && score === best);
  return evaluations[scores.reduce((at, score, k) => (isBetter(score, scores[at]) ? k : at), 0)];
}

/**
 * The reported values of a run, in the order of the columns.
 *
 * @param alone whether each task has a network of its own, whose best evaluation is its own
 */
export function reportedValues(
  protocol: Protocol,
  evaluations: readonly Evaluation[],
  { alone = false }: { readonly alone?: boolean } = {},
): number[] {
  const { report, columns } = protocol;
  if (evaluations.length === 0) return columns.map(() => Number.NaN);
  if ("last" in report) {
    const last = evaluations.slice(-report.last).map((e) => valuesOf(protocol, e, "test"));
    return columns.map((_, k) => mean(last.map((values) => values[k])));
  }
  if (!alone) return valuesOf(protocol, bestOf(protocol, evaluations), "test");
  const own = protocolsByTask(protocol);
  return columns.map(({ metric }) => {
    const best = bestOf(own.get(taskOf(metric)) as Protocol, evaluations);
    return best[`test.${metric}`] ?? Number.NaN;
  });
}

/** The reported values as metrics of a run: `reported.TASK.MEASURE`, and Delta_m against the published base. */
export function reportedMetrics(
  protocol: Protocol,
  evaluations: readonly Evaluation[],
  options?: Parameters<typeof reportedValues>[2],
): Record<string, number> {
  const values = reportedValues(protocol, evaluations, options);
  const delta = publishedDeltaM(protocol, values);
  return {
    ...Object.fromEntries(protocol.columns.map(({ metric }, k) => [`reported.${metric}`, values[k]])),
    ...(delta === undefined ? {} : { "reported.deltaM": delta }),
  };
}

/** A column, and the metric of runs that it shows. */
export interface MetricColumn extends TableColumn {
  readonly metric: string;
  /** By which the metric is multiplied. */
  readonly factor?: number;
}

/** More columns than these are shown by their mean alone. */
const mostColumns = 12;

const columnsShown = ({ columns }: Protocol) => (columns.length <= mostColumns ? columns : []);

export const protocolColumns = (protocol: Protocol): MetricColumn[] =>
  columnsShown(protocol).map(({ name, metric, better, digits = 2, factor, group }) => ({
    name,
    metric: `reported.${metric}`,
    direction: better,
    digits,
    factor,
    group,
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
        ...shown.map(({ name, better: direction, digits = 2, group }) => ({
          name,
          direction,
          digits,
          group,
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
