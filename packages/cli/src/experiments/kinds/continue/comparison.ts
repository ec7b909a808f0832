import { isEqual } from "es-toolkit";
import { type DifferenceSummary, summarize } from "isoloss/internal";
import type { TaskTableData } from "isoloss-figures";
import type { Judgement } from "../../../run/report-html.js";
import { makeChange } from "../../catalogue/changes/changes.js";
import type { Named } from "../../catalogue/named.js";
import type { Controls, Finding, JobResult, RunComparison, Settings, Variant } from "../../kind.js";
import { byVariant } from "../../results/summary.js";
import { besideControls, differenceText, pairsOf, pointsBetween } from "../../results/to-target.js";

/** Networks that were changed: what the change and the move did before any step, and what training made of it. */
export const continueComparison: RunComparison = { tables, baselines, findings };

const columns = [
  { metric: "start.accuracy", name: "accuracy at the start", scale: 100, digits: 1 },
  { metric: "validation.accuracy", name: "accuracy at the end", scale: 100, digits: 1 },
  { metric: "move.seconds", name: "milliseconds of the moves", scale: 1000, digits: 1 },
] as const;

function tables(results: readonly JobResult[]): TaskTableData[] {
  const groups = [...byVariant(results)];
  const shown = columns.filter(({ metric }) => results.some(({ document }) => metric in document.metrics));
  if (shown.length === 0) return [];
  return [
    {
      caption:
        "Validation accuracy in percent after the change and after the training" +
        (shown.some(({ metric }) => metric === "move.seconds") ? ", and the time of the moves" : "") +
        (results.length > groups.length ? ": mean ± standard deviation over seeds" : ""),
      rowLabel: "variant",
      columns: shown.map(({ name, digits }) => ({ name, digits })),
      rows: groups.map(([name, runs]) => ({
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

/** Settings as they are compared: without where a run computed. */
const compared = ({ provider: _, ...settings }: Settings): Settings => ({ start: [], ...settings });

/** The variant with which one with a move is compared: the same without; undefined without moves, and without such a variant. */
function movelessOf(variants: readonly Variant[], settings: Moving): string | undefined {
  const moveless = compared(withoutMoves(settings));
  if (isEqual(compared(settings), moveless)) return undefined;
  return variants.find((other) => isEqual(compared(other.settings), moveless))?.name;
}

/** Where nothing is trained after the change. */
function baselines(variants: readonly Variant[]): Controls {
  const untrained = variants.filter(({ settings }) => settings.steps === 0);
  const names = untrained.flatMap(({ settings }) => movelessOf(untrained, settings) ?? []);
  return Object.fromEntries(names.map((name) => [name, []]));
}

/** Where nothing is trained after the change: the accuracy of each variant with a move against that of the same without. */
function findings(results: readonly JobResult[], controls: Controls): Finding[] {
  const groups = byVariant(results.filter(({ document }) => document.steps === 0));
  const variants = [...groups].map(([name, [{ settings }]]) => ({ name, settings }));
  return variants.flatMap(({ name: title, settings }): Finding[] => {
    const baseline = movelessOf(variants, settings);
    if (baseline === undefined || controls[baseline]?.includes(title)) return [];
    const pointsOver = (name: string) =>
      pointsBetween(pairsOf(groups.get(name) ?? [], groups.get(title) ?? []), "start.accuracy");
    const compared = pointsOver(baseline);
    const beside = (controls[baseline] ?? []).map((name) => ({ name, points: pointsOver(name) }));
    if (!compared) {
      const text = `${title} and ${baseline} have no accuracies to compare.`;
      return beside.length === 0 ? [] : [{ title, judgment: "undecided", text }];
    }
    const { n } = compared;
    const others = beside.map(({ name, points }) => {
      if (!points) return `, and ${name}, a control, has no accuracy to compare with`;
      const only = points.n === n ? "" : ` with only ${points.n} of the seeds`;
      return `, from that of ${name}, a control, by ${differenceText(points)}${only}`;
    });
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
  controls: readonly (DifferenceSummary | null)[],
): Judgement {
  if (interval === null) return "undecided";
  if (interval[1] < 0) return "does not help";
  if (interval[0] <= 0) return "undecided";
  // A single pair of runs decides nothing.
  return besideControls(controls.map((c) => (c?.interval ? c.interval[0] > 0 : undefined)));
}
