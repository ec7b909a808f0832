import { isEqual } from "es-toolkit";
import type { TaskTableData } from "isoloss-figures";
import type { Judgement } from "../../../run/report-html.js";
import { type DifferenceSummary, pairedDifference, summarize } from "../../../run/statistics.js";
import { makeChange } from "../../catalogue/changes/changes.js";
import type { Named } from "../../catalogue/named.js";
import type { Controls, Finding, JobResult, RunComparison, Settings } from "../../kind.js";
import { byVariant } from "../../results/summary.js";
import { differenceText } from "../../results/to-target.js";

/** Networks that were changed: what the change and the move did before any step, and what training made of it. */
export const continueComparison: RunComparison = { tables, findings };

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

/** Settings of the same run without moves. */
function withoutMoves({ start = [], teleport: _, ...rest }: Moving): Settings {
  return { ...rest, start: start.filter((named) => !isMove(named)) };
}

/** Where nothing is trained after the change: the accuracy of each variant with a move against that of the same without. */
function findings(results: readonly JobResult[], controls: Controls): Finding[] {
  const variants = [...byVariant(results.filter(({ document }) => document.steps === 0))];
  return variants.flatMap(([title, runs]): Finding[] => {
    const [{ settings }] = runs;
    const moveless = withoutMoves(settings);
    if (isEqual({ start: [], ...settings }, moveless)) return [];
    const plain = variants.find(([, [other]]) => isEqual({ start: [], ...other.settings }, moveless));
    const compared = plain && accuracyPoints(runs, plain[1]);
    if (!compared) return [];
    const [baseline] = plain;
    const beside = (controls[baseline] ?? []).map((name) => {
      const own = variants.find(([variant]) => variant === name)?.[1] ?? [];
      return { name, points: accuracyPoints(runs, own) };
    });
    const { n } = compared;
    const others = beside.map(({ name, points }) =>
      points
        ? `, from that of ${name}, a control, by ${differenceText(points)}`
        : `, and ${name}, a control, has no accuracy to compare with`,
    );
    return [
      {
        title,
        judgment: judgementOf(
          compared,
          beside.map(({ points }) => points),
        ),
        text:
          `The accuracy of ${title}, without training, differs from that of ${baseline} by ${differenceText(compared)} points` +
          `${others.join("")} (${n === 1 ? "1 seed" : `${n} seeds, 95 % ${beside.length > 0 ? "intervals" : "interval"}`}).`,
      },
    ];
  });
}

function judgementOf(
  { interval }: DifferenceSummary,
  controls: readonly (DifferenceSummary | undefined)[],
): Judgement {
  if (interval === null) return "undecided";
  if (interval[1] < 0) return "does not help";
  if (interval[0] <= 0) return "undecided";
  const measured = controls.flatMap((c) => c ?? []);
  if (measured.some((c) => c.interval === null || c.interval[0] <= 0)) return "no better than a control";
  return measured.length === controls.length ? "helps" : "undecided";
}

/** Accuracies of runs less those of others, in points; undefined without pairs, or where one has none. */
function accuracyPoints(
  runs: readonly JobResult[],
  others: readonly JobResult[],
): DifferenceSummary | undefined {
  const pairs = runs.flatMap((run) => {
    const other = others.find(({ seed }) => seed === run.seed);
    return other ? [[100 * accuracyOf(run), 100 * accuracyOf(other)] as const] : [];
  });
  if (pairs.length === 0 || !pairs.flat().every(Number.isFinite)) return undefined;
  return pairedDifference(
    pairs.map(([own]) => own),
    pairs.map(([, other]) => other),
  );
}

const accuracyOf = ({ document }: JobResult): number => document.metrics["start.accuracy"] ?? Number.NaN;
