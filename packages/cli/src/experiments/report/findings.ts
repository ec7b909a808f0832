// The verdicts of an experiment on teleports: one sentence with numbers each, and a judgment that only clear differences decide.
import type { Judgement } from "../../run/report-html.js";
import type { RatioSummary } from "../../run/statistics.js";
import type { Finding } from "../kind.js";
import { kinds } from "../kinds/kinds.js";
import type { ToTarget } from "../results/to-target.js";
import type { ExperimentOutcome } from "./outcome.js";
import { type RateComparison, type RatesResult, rateSentence } from "./rates.js";

/**
 * Whether runs reach the baseline's final loss in less time, which is what counts, or in fewer steps alone: than the baseline and than
 * each control that reaches it with every seed.
 */
export function judgementOf(compared: ToTarget & Pick<RateComparison, "controls">): Judgement {
  const { reached, seeds, deterministic, steps, seconds, controls = {} } = compared;
  if (reached < seeds) return "does not help";
  const [stepRange, timeRange] = [rangeOf(steps, deterministic), rangeOf(seconds)];
  if (stepRange === null || timeRange === null) return "undecided";
  const isLess = timeRange[1] < 1;
  if (!isLess && !(stepRange[1] < 1)) return "does not help";
  const isBetter = (beside: ToTarget) => {
    const ratio = isLess ? beside.seconds : beside.steps;
    return ratio === null || (rangeOf(ratio, !isLess && beside.deterministic)?.[1] ?? 1) < 1;
  };
  if (!Object.values(controls).every(isBetter)) return "no better than a control";
  if (isLess) return "helps";
  return timeRange[0] > 1 ? "fewer steps, more time" : "fewer steps, no less time";
}

/** Where a ratio lies: in its interval, or exactly where it has no spread. A single pair of random runs decides nothing. */
const rangeOf = (ratio: RatioSummary | null, isExact = false): readonly [number, number] | null =>
  ratio && isExact ? [ratio.ratio, ratio.ratio] : (ratio?.interval ?? null);

/** The findings of an experiment: those of its comparisons at tuned rates, and those of its kind. */
export function findingsOf({ resolved, results, rates }: ExperimentOutcome): Finding[] {
  const compared = rates.flatMap((comparison) =>
    Object.entries(comparison.tuned)
      .filter(([name]) => !isControl(resolved, comparison, name))
      .map(([name, c]) => ({
        title: name,
        // A baseline that diverged with some seed has no loss to reach there: that is no failure of the others.
        judgment: comparison.finalLoss === null ? "undecided" : judgementOf(c),
        text: rateSentence(name, comparison, c),
      })),
  );
  return [...compared, ...(kinds[resolved.kind].comparison?.findings?.(results, resolved.controls) ?? [])];
}

/** What stands beside the findings: controls at their tuned rates, and references as they are. */
export function besideFindings({ resolved, rates }: ExperimentOutcome): Pick<Finding, "title" | "text">[] {
  return rates.flatMap((comparison) => {
    const controls = Object.entries(comparison.tuned).filter(([name]) =>
      isControl(resolved, comparison, name),
    );
    return [...controls, ...Object.entries(comparison.references)].map(([title, c]) => ({
      title,
      text: rateSentence(title, comparison, c),
    }));
  });
}

const isControl = (
  { controls }: ExperimentOutcome["resolved"],
  { baseline }: RatesResult,
  name: string,
): boolean => controls[baseline]?.includes(name) ?? false;

/** All findings in one sentence. */
export function conclusionOf(findings: readonly Finding[]): string {
  const count = (judgment: Judgement) => findings.filter((f) => f.judgment === judgment).length;
  const parts = [
    [count("helps"), "helped"],
    [count("fewer steps, more time"), "needed fewer steps but more time"],
    [count("fewer steps, no less time"), "needed fewer steps but no less time"],
    [count("no better than a control"), "did no better than a control"],
    [count("does not help"), "did not help"],
    [count("undecided"), "had too few runs to decide"],
  ] as const;
  const shown = parts.filter(([n], i) => n > 0 || i === 0).map(([n, what]) => `${n} ${what}`);
  const methods = findings.length === 1 ? "one method" : `${findings.length} methods`;
  return `Of ${methods} with teleports, each compared with the same method without: ${shown.join("; ")}.`;
}
