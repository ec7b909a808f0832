import type { Outcome } from "../../run/report-html.js";
import { colors } from "../../terminal.js";
import { errorsToTell } from "../jobs/session.js";
import { kinds } from "../kinds/kinds.js";
import { summaryTable } from "../results/summary.js";
import { textOfTable } from "../results/table.js";
import { besideFindings, findingsOf } from "./findings.js";
import { type ExperimentOutcome, reasonOf, shownRuns } from "./outcome.js";

type Paint = (text: string) => string;

/** Each outcome in its color. */
export function paints(): Readonly<Record<Outcome | "heading", Paint>> {
  const { green, red, yellow, cyan, bold } = colors();
  return {
    heading: bold,
    pass: green,
    helps: green,
    differs: red,
    failed: red,
    "does not help": red,
    "not reproducible": yellow,
    undecided: yellow,
    "fewer steps": cyan,
    "no better than a control": cyan,
    note: cyan,
  };
}

/**
 * The results of an experiment for a terminal: its table, its findings, and its expected numbers.
 *
 * @param options `tellsPasses`: whether expected numbers that were met are printed, too
 */
export function outcomeText(
  outcome: ExperimentOutcome,
  { tellsPasses }: { readonly tellsPasses: boolean },
): string {
  const { resolved, status, rates, verdicts, errors } = outcome;
  const paint = paints();
  const lines = [paint.heading(`${resolved.name}: ${resolved.title}`)];
  if (status !== "completed") {
    lines.push(paint[status === "failed" ? "failed" : "not reproducible"](`${status}: ${reasonOf(outcome)}`));
  }
  for (const runs of shownRuns(outcome)) {
    if (rates.length > 0) lines.push(`At tuned rates, on fresh seeds, against ${runs[0].variant}:`);
    const tables = kinds[resolved.kind].comparison?.tables?.(runs) ?? [];
    lines.push(summaryTable(runs), ...tables.map(textOfTable));
  }
  for (const v of verdicts) {
    if (tellsPasses || v.outcome !== "pass") lines.push(`${paint[v.outcome](`${v.outcome}:`)} ${v.text}`);
  }
  if (status === "completed") {
    for (const { judgment, text } of findingsOf(outcome))
      lines.push(`${paint[judgment](`${judgment}:`)} ${text}`);
  }
  for (const { role, text } of besideFindings(outcome)) lines.push(`${role}: ${text}`);
  if (status === "failed")
    for (const error of errorsToTell(errors).slice(1)) lines.push((error as Error).message);
  return lines.join("\n");
}
