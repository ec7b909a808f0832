import { mean } from "es-toolkit";
import { groupBy, summarize } from "isoloss/internal";
import { resultName } from "isoloss/metrics";
import { deltaM, meanRank } from "isoloss/mtl";
import type { Cell, TaskTableData } from "isoloss-figures";
import type { Named } from "../../catalogue/named.js";
import type { DrawComparison, Finding, JobResult, Roles, RunComparison } from "../../kind.js";
import { byVariant } from "../../results/summary.js";
import { gainFindings } from "./gains.js";
import { costBaselines, plainKey, plainOf, problemKey, variantsOf } from "./plain.js";
import {
  isHigherBetter,
  type MetricColumn,
  type Protocol,
  protocolColumns,
  publishedTables,
  reportText,
} from "./protocol.js";
import { toyFindings, toyTables } from "./toy.js";

/** Comparisons of runs on several tasks: Delta_m, mean rank, what COST adds, and the tables and figures of them. */
export const multiTaskComparison: RunComparison = {
  compare: (results) => withRanks(withGains(withDeltas(results))),
  tables: (results) => [...toyTables(results), ...taskTables(results)],
  baselines: costBaselines,
  findings,
  figures: {
    paths: drawnBy("pathFigures"),
    front: drawnBy("frontFigures"),
    conflicts: drawnBy("conflictsFigure"),
    test: drawnBy("testFigures"),
    gains: drawnBy("gainFigures"),
  },
};

/** What draws is loaded where it draws: it takes longer than some runs. */
function drawnBy(name: keyof typeof import("./figures.js")): DrawComparison {
  return async (results, options) => (await import("./figures.js"))[name](results, options);
}

function findings(results: readonly JobResult[], roles: Roles): Finding[] {
  const found = [...toyFindings(results, roles), ...gainFindings(results, roles)];
  const variants = variantsOf(byVariant(results));
  const unmeasured = variants.flatMap(({ name, settings }): Finding[] => {
    const plain = plainOf(variants, settings);
    const beside = Object.keys(roles[plain ?? ""] ?? {});
    if (beside.length === 0 || [...beside, ...found.map(({ title }) => title)].includes(name)) return [];
    const text = `${name}, ${plain} and ${beside.join(", ")} have no accuracy on test data to compare.`;
    return [{ title: name, judgment: "undecided", measures: [], alternatives: [], text }];
  });
  return [...found, ...unmeasured].map(({ text, ...finding }) => ({
    ...finding,
    text: `${text} All of them ran at the learning rates of the file: none was tuned.`,
  }));
}

/** What is measured on a task of the test data, or of the validation data where there are none. */
const measures = /^(test|validation)\.(.+)\.(accuracy|rmse)$/;

const taskOf = (metric: string): string => measures.exec(metric)?.[2] ?? metric;

/** Results by their problem, in the order in which these come. */
const byProblem = (results: readonly JobResult[]): JobResult[][] => [
  ...groupBy(results, ({ settings }) => problemKey(settings)).values(),
];

const isAlone = ({ settings }: JobResult): boolean => settings.alone === true;

function withMetrics(result: JobResult, metrics: Readonly<Record<string, number>>): JobResult {
  const { document } = result;
  return { ...result, document: { ...document, metrics: { ...document.metrics, ...metrics } } };
}

/** The metrics that are compared: those of the protocol, or accuracies and errors. */
interface ComparedMetrics {
  readonly names: readonly string[];
  readonly isHigherBetter: readonly boolean[];
}

function comparedMetrics({ document, settings }: JobResult): ComparedMetrics {
  const protocol = protocolOf(settings);
  if (protocol) {
    return {
      names: protocol.columns.map(({ metric }) => `reported.${metric}`),
      isHigherBetter: isHigherBetter(protocol),
    };
  }
  const all = Object.keys(document.metrics).filter((name) => measures.test(name));
  const tested = all.filter((name) => name.startsWith("test."));
  const names = tested.length > 0 ? tested : all;
  return { names, isHigherBetter: names.map((name) => resultName(name).better === "max") };
}

const protocolOf = ({ protocol }: JobResult["settings"]) => protocol as Protocol | undefined;

/** Delta_m of each run against the single-task run of its seed on the same problem. */
function withDeltas(results: readonly JobResult[]): readonly JobResult[] {
  return results.map((result) => {
    const base = results.find(
      (r) => isAlone(r) && r.seed === result.seed && problemKey(r.settings) === problemKey(result.settings),
    );
    const { names, isHigherBetter: isBetter } = comparedMetrics(result);
    if (base === undefined || names.length === 0) return result;
    const values = (r: JobResult) => names.map((name) => r.document.metrics[name] ?? Number.NaN);
    const [own, single] = [values(result), values(base)];
    if (![...own, ...single].every(Number.isFinite) || single.some((v) => v <= 0)) return result;
    return withMetrics(result, { deltaM: deltaM(own, single, isBetter) });
  });
}

/** What COST, or a control of it, adds to the same run without it, in points of mean accuracy. */
function withGains(results: readonly JobResult[]): readonly JobResult[] {
  const plain = new Map(
    results
      .filter((r) => r.settings.cost === undefined)
      .map((r) => [`${r.seed} ${plainKey(r.settings)}`, r] as const),
  );
  return results.map((result) => {
    if (result.settings.cost === undefined) return result;
    const base = plain.get(`${result.seed} ${plainKey(result.settings)}`);
    const [own, other] = [result, base].map((r) => r?.document.metrics["test.accuracy"]);
    if (typeof own !== "number" || typeof other !== "number") return result;
    return withMetrics(result, { "cost.gain": 100 * (own - other) });
  });
}

/** Mean rank of each variant in the mean accuracies of the tasks, among the variants of its problem. */
const withRanks = (results: readonly JobResult[]): readonly JobResult[] => byProblem(results).flatMap(ranked);

function ranked(results: readonly JobResult[]): readonly JobResult[] {
  const none = { names: [], isHigherBetter: [] };
  const { names, isHigherBetter: isBetter } = results.length > 0 ? comparedMetrics(results[0]) : none;
  const rows = [...byVariant(results)]
    .filter(([, group]) => names.length > 0 && !isAlone(group[0]))
    .map(([variant, group]) => ({
      variant,
      values: names.map((name) => mean(group.map((r) => r.document.metrics[name] ?? Number.NaN))),
    }))
    .filter(({ values }) => values.every(Number.isFinite));
  if (rows.length < 2) return results;
  const ranks = meanRank(
    rows.map(({ values }) => values),
    isBetter,
  );
  const rankOf = new Map(rows.map(({ variant }, i) => [variant, ranks[i]]));
  return results.map((result) => {
    const rank = rankOf.get(result.variant);
    return rank === undefined ? result : withMetrics(result, { meanRank: rank });
  });
}

/** Mean and half of its 95 % interval over the runs that have the number. */
function cellOf(group: readonly JobResult[], metric: string, factor = 1): Cell {
  const values = group.flatMap((r) => {
    const value = r.document.metrics[metric];
    return typeof value === "number" ? [factor * value] : [];
  });
  if (values.length === 0) return null;
  const { mean: middle, interval } = summarize(values);
  return interval === null ? middle : { mean: middle, spread: (interval[1] - interval[0]) / 2 };
}

/** Of more tasks the table has the mean accuracy alone. */
const mostTasks = 4;

function taskTables(results: readonly JobResult[]): TaskTableData[] {
  const tested = results.filter((r) => protocolOf(r.settings) || comparedMetrics(r).names.length > 0);
  const groups = byProblem(tested);
  return groups.flatMap((group) => {
    const { name, ...options } = group[0].settings.problem as Named;
    const described = Object.entries(options).map(
      ([key, value]) => `${key} ${typeof value === "object" ? JSON.stringify(value) : value}`,
    );
    const heading = groups.length > 1 ? `${[name, ...described].join(", ")}. ` : "";
    const protocol = protocolOf(group[0].settings);
    return [taskTable(group, heading), ...(protocol ? publishedTables(protocol) : [])];
  });
}

/** The largest change of a loss by an accepted teleport: what the guard judged, and that of each of a few tasks. */
function driftColumns(names: readonly string[]): MetricColumn[] {
  const tasks = names.map(taskOf);
  const column = { group: "COST moved losses by at most, %", factor: 100, digits: 2 } as const;
  return [
    { name: "judged", metric: "cost.driftMax", ...column },
    ...(tasks.length <= mostTasks ? tasks : []).map((name) => ({
      name,
      metric: `cost.driftMax.${name}`,
      ...column,
    })),
  ];
}

/** A row of the table: runs, and what stands before the names of the metrics that it shows. */
interface Row {
  readonly name: string;
  readonly group: readonly JobResult[];
  readonly prefix?: string;
}

function taskTable(tested: readonly JobResult[], heading: string): TaskTableData {
  const protocol = protocolOf(tested[0].settings);
  const { names } = comparedMetrics(tested[0]);
  const percent = { direction: "higher", digits: 2, factor: 100 } as const;
  const part = names.some((name) => name.startsWith("validation.")) ? "validation" : "test";
  const ofMeasures: MetricColumn[] = [
    ...(names.length <= mostTasks ? names : []).map((metric): MetricColumn => {
      const name = taskOf(metric);
      return metric.endsWith(".accuracy")
        ? { name, group: "accuracy %", metric, ...percent }
        : { name, group: resultName("rmse").label, metric, direction: "lower", digits: 4 };
    }),
    { name: "mean", group: "accuracy %", metric: `${part}.accuracy`, ...percent },
    { name: resultName(`${part}.loss`).label, metric: `${part}.loss`, direction: "lower", digits: 4 },
  ];
  const wanted: MetricColumn[] = [
    ...(protocol ? protocolColumns(protocol) : ofMeasures),
    { name: "Delta_m %", metric: "deltaM", direction: "lower" },
    { name: "Delta_m % to published base", metric: "reported.deltaM", direction: "lower" },
    { name: "mean rank", metric: "meanRank", direction: "lower" },
    { name: "COST adds, points", metric: "cost.gain" },
    { name: "dominated %", group: "conflicts", metric: "conflicts.dominated", factor: 100, digits: 1 },
    { name: "weak %", group: "conflicts", metric: "conflicts.weak", factor: 100, digits: 1 },
    { name: "s / epoch", metric: "seconds.perEpoch", digits: 3 },
    { name: "% of time", group: "COST", metric: "cost.fraction", factor: 100, digits: 1 },
    { name: "% of an epoch each", group: "COST", metric: "cost.epochs", factor: 100, digits: 1 },
    { name: "teleports", group: "COST", metric: "cost.accepted", digits: 1 },
    ...driftColumns(protocol ? [] : names),
    { name: "cosine before", group: "COST", metric: "cost.cosineBefore" },
    { name: "cosine after", group: "COST", metric: "cost.cosineAfter" },
  ];
  const shown = wanted.filter(({ metric }) =>
    tested.some((r) => typeof r.document.metrics[metric] === "number"),
  );
  const when = protocol
    ? reportText(protocol, tested.some(isAlone))
    : tested[0].settings.best
      ? "of the epoch that validation chose"
      : "after the last step";
  const groups: Row[] = [...byVariant(tested)].map(([name, group]) => ({ name, group }));
  const constant = {
    name: "predicting the mean, or the commonest class",
    prefix: "constant.",
    group: groups[0].group,
  };
  const isConstantKnown = shown.some(({ metric }) => cellOf(constant.group, `constant.${metric}`) !== null);
  const isShown = (metric: string) => shown.some((column) => column.metric === metric);
  const caption = [
    `${heading}On the ${part} data, ${when}: mean ± half of the 95 % interval over seeds`,
    ...(isShown("deltaM") ? ["Delta_m is against the single-task runs of the same seeds"] : []),
    ...(isShown("meanRank") ? ["Mean ranks are among these rows"] : []),
  ];
  return {
    caption: caption.join(". "),
    rowLabel: "variant",
    columns: shown.map(({ metric: _, factor: __, ...column }) => column),
    rows: [...groups, ...(isConstantKnown ? [constant] : [])].map(({ name, group, prefix = "" }) => ({
      name,
      values: shown.map(({ metric, factor }) => cellOf(group, `${prefix}${metric}`, factor)),
    })),
  };
}
