import { isEqual } from "es-toolkit";
import type { TaskTableData } from "isoloss-figures";
import { pairedDifference, summarize } from "../../../run/statistics.js";
import { makeChange } from "../../catalogue/changes/changes.js";
import type { Named } from "../../catalogue/named.js";
import type { Finding, JobResult, RunComparison, Settings } from "../../kind.js";
import { byVariant } from "../../results/summary.js";
import { differenceText } from "../../results/to-target.js";

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

type Moving = Settings & { readonly start?: readonly Named[]; readonly teleport?: unknown };

const isMove = (named: Named): boolean => makeChange(named).isMove;

/** Controls move nothing. */
function isJudged(settings: Settings): boolean {
  const { start = [], teleport } = settings as Moving;
  return Boolean(teleport) || start.some(isMove);
}

/** Settings of the same run without moves. */
function withoutMoves({ start = [], teleport: _, ...rest }: Moving): Settings {
  return { ...rest, start: start.filter((named) => !isMove(named)) };
}

/** Where nothing is trained after the change: the accuracy of each variant with a move against that of the same without. */
function findings(results: readonly JobResult[]): Finding[] {
  if (results.some(({ document }) => document.steps > 0)) return [];
  const variants = [...byVariant(results)];
  return variants.flatMap(([title, runs]) => {
    const [{ settings }] = runs;
    if (!isJudged(settings)) return [];
    const plain = variants.find(([, [other]]) =>
      isEqual({ start: [], ...other.settings }, withoutMoves(settings)),
    );
    return plain === undefined ? [] : accuracyFinding(title, runs, ...plain);
  });
}

function accuracyFinding(
  title: string,
  runs: readonly JobResult[],
  baseline: string,
  own: readonly JobResult[],
): Finding[] {
  const pairs = runs.flatMap((run) => {
    const plain = own.find(({ seed }) => seed === run.seed);
    return plain ? [[100 * accuracyOf(run), 100 * accuracyOf(plain)] as const] : [];
  });
  if (pairs.length === 0 || !pairs.flat().every(Number.isFinite)) return [];
  const compared = pairedDifference(
    pairs.map(([moved]) => moved),
    pairs.map(([, plain]) => plain),
  );
  const { interval } = compared;
  return [
    {
      title,
      judgment: interval === null ? "undecided" : interval[0] > 0 ? "helps" : "does not help",
      text:
        `The accuracy of ${title}, without training, differs from that of ${baseline} by ${differenceText(compared)} points ` +
        `(${pairs.length === 1 ? "1 seed" : `${pairs.length} seeds, 95 % interval`}).`,
    },
  ];
}

const accuracyOf = ({ document }: JobResult): number => document.metrics["start.accuracy"] ?? Number.NaN;
