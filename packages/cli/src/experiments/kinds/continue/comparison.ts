import type { TaskTableData } from "isoloss-figures";
import { pairedDifference, summarize } from "../../../run/statistics.js";
import { makeChange } from "../../catalogue/changes/changes.js";
import type { Named } from "../../catalogue/named.js";
import type { Finding, JobResult, RunComparison, Settings } from "../../kind.js";
import { formatNumber } from "../../results/format-number.js";
import { byVariant } from "../../results/summary.js";

/** Networks that were changed: what the change and the move did before any step, and what training made of it. */
export const continueComparison: RunComparison = { tables, findings, isJudged };

const columns = [
  { metric: "start.accuracy", name: "accuracy at the start", scale: 100, digits: 1 },
  { metric: "validation.accuracy", name: "accuracy at the end", scale: 100, digits: 1 },
  { metric: "move.seconds", name: "milliseconds of the moves", scale: 1000, digits: 1 },
] as const;

function tables(results: readonly JobResult[]): TaskTableData[] {
  if (results.length === 0) return [];
  const shown = columns.filter(({ metric }) => results.some(({ document }) => metric in document.metrics));
  return [
    {
      caption:
        "Validation accuracy in percent after the change and after the training, and the time of the moves",
      rowLabel: "variant",
      columns: shown.map(({ name, digits }) => ({ name, digits })),
      rows: [...byVariant(results)].map(([name, runs]) => ({
        name,
        values: shown.map(({ metric, scale }) => {
          const values = runs.flatMap(({ document }) => document.metrics[metric] ?? []);
          if (values.length === 0) return null;
          const { mean, std } = summarize(values.map((v) => scale * v));
          return std === null ? mean : { mean, spread: std };
        }),
      })),
    },
  ];
}

/** Controls move nothing. */
function isJudged(settings: Settings): boolean {
  const { start = [], teleport } = settings as {
    readonly start?: readonly Named[];
    readonly teleport?: unknown;
  };
  return Boolean(teleport) || start.some((named) => makeChange(named).isMove);
}

/** Where nothing is trained after the change: each variant's accuracy against the first one's. */
function findings(results: readonly JobResult[]): Finding[] {
  if (results.length === 0 || results.some(({ document }) => document.steps > 0)) return [];
  const [[baseline, own], ...others] = byVariant(results);
  return others.flatMap(([title, runs]) => {
    if (!isJudged(runs[0].settings)) return [];
    const pairs = runs.flatMap((run) => {
      const plain = own.find(({ seed }) => seed === run.seed);
      return plain ? [[accuracyOf(run), accuracyOf(plain)] as const] : [];
    });
    if (pairs.length === 0 || !pairs.flat().every(Number.isFinite)) return [];
    const { difference, interval } = pairedDifference(
      pairs.map(([theirs]) => 100 * theirs),
      pairs.map(([, plain]) => 100 * plain),
    );
    const span = interval ? ` [${interval.map((v) => formatNumber(v, 3)).join(", ")}]` : "";
    return [
      {
        title,
        judgment: interval === null ? "undecided" : interval[0] > 0 ? "helps" : "does not help",
        text: `The accuracy of ${title} is ${formatNumber(difference, 3)}${span} points above that of ${baseline} (${pairs.length} seeds${interval ? ", 95 % interval" : ""}).`,
      },
    ];
  });
}

const accuracyOf = ({ document }: JobResult): number => document.metrics["start.accuracy"] ?? Number.NaN;
