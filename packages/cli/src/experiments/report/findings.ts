// What an experiment says of teleports: one sentence with its figures, and a judgment that only intervals decide.
import type { Judgement } from "../../run/report-html.js";
import type { RatioSummary } from "../../run/statistics.js";
import type { Finding } from "../kind.js";
import { kinds } from "../kinds/kinds.js";
import type { ToTarget } from "../results/to-target.js";
import type { ExperimentOutcome } from "./outcome.js";
import { rateSentence } from "./rates.js";

/** Whether runs come to the baseline's final loss sooner: by the clock, which is what counts, or in steps alone. */
export function judgementOf({ reached, seeds, steps, seconds }: ToTarget): Judgement {
  if (reached < seeds) return "does not help";
  if (isSmaller(seconds)) return "helps";
  if (isSmaller(steps)) return "fewer steps only";
  return seconds?.interval && steps?.interval ? "does not help" : "undecided";
}

/** Whether all of a ratio's interval is below 1. A single pair has none, and decides nothing. */
const isSmaller = (ratio: RatioSummary | null): boolean =>
  ratio?.interval !== null && ratio?.interval !== undefined && ratio.interval[1] < 1;

/** The findings of an experiment: of its comparisons at tuned rates, and what its kind has to say. */
export function findingsOf({ resolved, results, rates }: ExperimentOutcome): Finding[] {
  const compared = rates.flatMap((comparison) =>
    Object.entries(comparison.tuned).map(([name, c]) => ({
      title: name,
      judgment: judgementOf(c),
      text: rateSentence(name, comparison, c),
    })),
  );
  return [...compared, ...(kinds[resolved.kind].comparison?.findings?.(results) ?? [])];
}

/** All findings in one sentence. */
export function conclusionOf(findings: readonly Finding[]): string {
  const count = (judgment: Judgement) => findings.filter((f) => f.judgment === judgment).length;
  const parts = [
    [count("helps"), "helped"],
    [count("fewer steps only"), "needed fewer steps but no less time"],
    [count("no better than a control"), "did no better than a control"],
    [count("does not help"), "did not help"],
    [count("undecided"), "had too few runs to tell"],
  ] as const;
  const shown = parts.filter(([n], i) => n > 0 || i === 0).map(([n, what]) => `${n} ${what}`);
  const ways = findings.length === 1 ? "one way" : `${findings.length} ways`;
  return `Of ${ways} to teleport, each against the same method without: ${shown.join("; ")}.`;
}
