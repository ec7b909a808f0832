import { isEqual } from "es-toolkit";
import { summarize } from "isoloss/internal";
import type { TaskTableData } from "isoloss-figures";
import { makeChange } from "../../catalogue/changes/changes.js";
import type { Named } from "../../catalogue/named.js";
import type { Finding, JobResult, Roles, RunComparison, Settings, Variant } from "../../kind.js";
import { byVariant } from "../../results/summary.js";
import { differenceText, pairsOf, pointsBetween } from "../../results/to-target.js";
import { alternativeTexts, differenceStanding, judged, runsToDecide } from "../../results/verdict.js";

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
function baselines(variants: readonly Variant[]): Roles {
  const untrained = variants.filter(({ settings }) => settings.steps === 0);
  const names = untrained.flatMap(({ settings }) => movelessOf(untrained, settings) ?? []);
  return Object.fromEntries(names.map((name) => [name, {}]));
}

/** Where nothing is trained after the change: the accuracy of each variant with a move against that of the same without. */
function findings(results: readonly JobResult[], roles: Roles): Finding[] {
  const groups = byVariant(results.filter(({ document }) => document.steps === 0));
  const variants = [...groups].map(([name, [{ settings }]]) => ({ name, settings }));
  return variants.flatMap(({ name: title, settings }): Finding[] => {
    const baseline = movelessOf(variants, settings);
    const among = roles[baseline ?? ""] ?? {};
    if (baseline === undefined || title in among) return [];
    const points = (of: string, over: string) =>
      pointsBetween(pairsOf(groups.get(over) ?? [], groups.get(of) ?? []), "start.accuracy");
    const gain = points(title, baseline);
    const beside = Object.entries(among).map(([name, role]) => {
      const than = points(title, name);
      const standing = differenceStanding(than?.interval);
      return { name, role, than, standing, gain: differenceStanding(points(name, baseline)?.interval) };
    });
    if (!gain) {
      const text = `${title} and ${baseline} have no accuracies to compare.`;
      const none = { title, judgment: "undecided" as const, measures: [], alternatives: [], text };
      return beside.length === 0 ? [] : [none];
    }
    const judgment = judged(differenceStanding(gain.interval), beside);
    const others = beside.map(({ name, role, than }) => {
      if (!than) return ` ${name}, the ${role}, has no accuracy to compare with.`;
      const only = than.n === gain.n ? "" : ` with only ${than.n} of the seeds`;
      return ` From that of ${name}, the ${role}, it differs by ${differenceText(than)} points${only}.`;
    });
    const basis = `${gain.n === 1 ? "1 seed" : `${gain.n} seeds, 95 % ${beside.length > 0 ? "intervals" : "interval"}`}`;
    return [
      {
        title,
        judgment,
        measures: [{ measure: "accuracy", judgment, text: `${differenceText(gain)} points of accuracy` }],
        alternatives: judgment === "helps" ? alternativeTexts(beside) : [],
        needs: judgment === "undecided" ? runsToDecide(gain) : "",
        text:
          `The accuracy of ${title}, without training, differs from that of ${baseline} by ${differenceText(gain)} points ` +
          `(${basis}).${others.join("")}`,
      },
    ];
  });
}
