import { taskTable } from "../figures/task-table.js";
import { describeEnvironment } from "../run/environment.js";
import { htmlTable, type ReportSection, renderReport, type Verdict } from "../run/report-html.js";
import { kinds } from "./kinds.js";
import { duration, figure } from "./number-text.js";
import type { ExperimentOutcome } from "./outcome.js";
import { rateTables } from "./rate-tables.js";
import { rateSentences } from "./rates.js";
import { summaryRows } from "./summary.js";

/** The report of `isoloss reproduce` as one HTML page. */
export function reproduceReport(
  outcomes: readonly ExperimentOutcome[],
  figures: ReadonlyMap<ExperimentOutcome, readonly string[]>,
  { quick, seconds }: { readonly quick: boolean; readonly seconds: number },
): string {
  const verdicts = outcomes.flatMap(verdictsOf);
  const settings = Object.fromEntries(
    outcomes.map(({ resolved }) => [
      resolved.name,
      { ...resolved.experiment, expected: undefined, figures: undefined, seeds: resolved.seeds.join(", ") },
    ]),
  );
  return renderReport({
    title: "Isoloss: the papers' experiments, run here",
    lead: `${outcomes.length} experiments in ${duration(seconds)}${quick ? ", with the small settings of --quick" : ""}. Every number below was measured in this run.`,
    verdicts,
    sections: outcomes.map((outcome) => sectionOf(outcome, figures.get(outcome) ?? [])),
    settings: JSON.parse(JSON.stringify(settings)) as object,
    environment: describeEnvironment({ seed: outcomes[0]?.resolved.seeds[0] ?? 0, runtime: "auto" }),
  });
}

function verdictsOf({ resolved, status, verdicts, rates, errors }: ExperimentOutcome): Verdict[] {
  const title = resolved.name;
  if (status === "skipped") {
    return [{ title, outcome: "not reproducible", text: "Its data are not on this computer." }];
  }
  if (status === "failed") {
    return [
      { title, outcome: "differs", text: (errors[0]?.error as Error | undefined)?.message ?? "It failed." },
    ];
  }
  const count = (outcome: string) => verdicts.filter((v) => v.outcome === outcome).length;
  const [differs, missing] = [count("differs"), count("not reproducible")];
  const parts = [
    ...(verdicts.length > 0 ? [`${count("pass")} of ${verdicts.length} expected numbers come out.`] : []),
    ...verdicts.filter((v) => v.outcome !== "pass").map((v) => v.text),
  ];
  const outcome =
    differs > 0
      ? "differs"
      : missing > 0
        ? "not reproducible"
        : verdicts.length > 0
          ? ("pass" as const)
          : "note";
  const compared = rates.flatMap(rateSentences);
  return [
    { title, outcome, text: parts.join(" ") || "Nothing is expected of it." },
    ...(compared.length > 0
      ? [{ title: `${title}, at tuned learning rates`, outcome: "note" as const, text: compared.join(" ") }]
      : []),
  ];
}

function sectionOf(
  { resolved, results, rates, verdicts, status }: ExperimentOutcome,
  figures: readonly string[],
): ReportSection {
  const { experiment } = resolved;
  const { source } = experiment;
  const from = source
    ? `${source.paper}${source.where ? `, ${source.where}` : ""}. ${source.note ?? ""}`
    : "";
  const about = `${resolved.title}. Seeds ${resolved.seeds.join(", ")}.`;
  const tables: string[] = [];
  if (results.length > 0) {
    const { head, rows } = summaryRows(results);
    tables.push(
      htmlTable({
        caption: "At the end: mean +- standard deviation over seeds",
        columns: ["variant", ...head.slice(1)],
        rows,
      }),
    );
  }
  tables.push(...(kinds[resolved.kind].together?.tables?.(results) ?? []).map(taskTable));
  if (verdicts.length > 0) {
    tables.push(
      htmlTable({
        caption: "Expected numbers",
        columns: ["verdict", "what", "measured", "expected", "source"],
        rows: verdicts.map(({ outcome, expected: e, measured }) => [
          outcome,
          [e.variant, e.seed === undefined ? undefined : `seed ${e.seed}`, e.path].filter(Boolean).join(", "),
          measured === undefined ? "-" : figure(measured, 9),
          e.value === undefined ? boundsText(e) : figure(e.value, 9),
          e.source,
        ]),
      }),
    );
  }
  tables.push(...rates.flatMap(rateTables));
  return {
    heading: resolved.name,
    text: `${about}\n\n${from}${status === "completed" ? "" : `\n\nThis experiment was ${status}.`}`,
    figures,
    tables,
  };
}

const boundsText = ({ atLeast, atMost }: { readonly atLeast?: number; readonly atMost?: number }): string =>
  [
    ...(atLeast === undefined ? [] : [`>= ${figure(atLeast)}`]),
    ...(atMost === undefined ? [] : [`<= ${figure(atMost)}`]),
  ].join(", ") || "-";
