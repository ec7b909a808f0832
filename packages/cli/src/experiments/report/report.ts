import { isDeepStrictEqual } from "node:util";
import { uniq } from "es-toolkit";
import { taskTable } from "isoloss-figures";
import { stringify } from "yaml";
import type { Environment } from "../../run/environment.js";
import {
  type Comparison,
  type Folded,
  htmlTable,
  type Opening,
  type ReportSection,
  renderReport,
  type Verdict,
} from "../../run/report-html.js";
import type { Resolved } from "../definition/resolve.js";
import type { JobResult, Settings } from "../kind.js";
import { kinds } from "../kinds/kinds.js";
import { formatNumber } from "../results/format-number.js";
import { dataNotes, summaryRows } from "../results/summary.js";
import type { DrawnFigure } from "./figures.js";
import { answerOf, besideFindings, conclusionOf, findingsOf } from "./findings.js";
import { type ExperimentOutcome, reasonOf, shownRuns } from "./outcome.js";
import { rateTables } from "./rate-tables.js";

/** An experiment as it was run, in the form of a file: quick settings are then those of the file. */
export function asExperiment(resolved: Resolved): object {
  const { name, title, kind, variants, seeds, rates, roles, experiment } = resolved;
  const base = commonOf(variants.map(({ settings }) => settings));
  return {
    name,
    title,
    kind,
    ...base,
    seeds,
    variants: Object.fromEntries(variants.map((v) => [v.name, changes(base, v.settings)])),
    ...(rates.length > 0 ? { rates: rates.length === 1 ? rates[0] : rates } : {}),
    ...(Object.keys(roles).length > 0 ? { roles } : {}),
    ...(experiment.figures === undefined ? {} : { figures: experiment.figures }),
  };
}

/** Of what all variants set, the first one's values. */
const commonOf = ([first, ...others]: readonly Settings[]): Settings =>
  Object.fromEntries(Object.entries(first).filter(([key]) => others.every((settings) => key in settings)));

const changes = (base: Settings, settings: Settings): Settings =>
  Object.fromEntries(
    Object.entries(settings).filter(([key, value]) => !(key in base && isDeepStrictEqual(value, base[key]))),
  );

export interface ReportText {
  readonly title: string;
  /** What a teleport is. The report then begins with it and with the first level sets that were drawn. */
  readonly opening?: string;
  /** Of one experiment: its question and the answer, in the place of the conclusion from all of them. */
  readonly question?: string | undefined;
  readonly answer?: string;
  readonly lead: string;
  /** Whether expected numbers that were met make a verdict of their own. */
  readonly tellsPasses: boolean;
}

/** The report of experiments as one HTML page, with the figures of each. */
export function experimentsReport(
  outcomes: readonly ExperimentOutcome[],
  figures: ReadonlyMap<ExperimentOutcome, readonly DrawnFigure[]>,
  {
    title,
    opening,
    question,
    answer,
    lead,
    tellsPasses,
    environment,
  }: ReportText & { readonly environment: Environment },
): string {
  const findings = outcomes.flatMap(findingsOf);
  const counts = tellsPasses ? countsText(outcomes) : [];
  const conclusion = (
    answer === undefined
      ? [...counts, ...(findings.length > 0 ? [conclusionOf(findings)] : [])]
      : [answer, ...counts]
  ).join(" ");
  const picture = opening === undefined ? undefined : pictureOf(outcomes, figures);
  return renderReport({
    title,
    ...(opening === undefined ? {} : { opening: { text: opening, ...(picture ? { figure: picture } : {}) } }),
    ...(question === undefined ? {} : { opening: { text: question } }),
    lead,
    ...(conclusion === "" ? {} : { conclusion }),
    verdicts: outcomes
      .flatMap(verdictsOf)
      .filter(({ outcome }) => tellsPasses || outcome !== "pass")
      .map(typesetVerdict),
    sections: outcomes.map((outcome) => {
      const own = (figures.get(outcome) ?? []).map(({ svg }) => svg);
      // A figure is shown once.
      return sectionOf(
        outcome,
        own.filter((svg) => svg !== picture?.svg),
      );
    }),
    environment: { ...environment, threads: environment.threads ?? "as many as the runtime chooses" },
  });
}

/** The first level sets with the paths of runs: the picture of a teleport. */
function pictureOf(
  outcomes: readonly ExperimentOutcome[],
  figures: ReadonlyMap<ExperimentOutcome, readonly DrawnFigure[]>,
): Opening["figure"] {
  for (const outcome of outcomes) {
    const drawn = figures.get(outcome)?.find(({ name }) => name === "level-sets");
    if (drawn === undefined) continue;
    const { title } = outcome.resolved;
    return {
      svg: drawn.svg,
      caption: `${title}. Each contour joins points with the same loss; a teleport (dashed) jumps to another point of its contour.`,
    };
  }
  return undefined;
}

/** How many expected numbers were met, where there are any, and how many experiments failed. */
function countsText(outcomes: readonly ExperimentOutcome[]): string[] {
  const all = outcomes.flatMap(({ verdicts }) => verdicts);
  const count = (outcome: Comparison) => all.filter((v) => v.outcome === outcome).length;
  const failed = outcomes.filter(({ status }) => status === "failed").length;
  return [
    ...(all.length > 0
      ? [
          `Of ${all.length} expected numbers ${count("pass")} pass, ${count("differs")} differ, ` +
            `${count("not reproducible")} are not reproducible here.`,
        ]
      : []),
    ...(failed > 0 ? [`Of ${outcomes.length} experiments ${failed} failed.`] : []),
  ];
}

function verdictsOf(experiment: ExperimentOutcome): Verdict[] {
  const { resolved, status, verdicts } = experiment;
  const common = { title: resolved.name, section: resolved.title };
  if (status !== "completed") {
    const outcome = status === "failed" ? "failed" : "not reproducible";
    return [{ ...common, outcome, text: `${status}: ${reasonOf(experiment)}` }];
  }
  const findings = findingsOf(experiment).map(
    ({ title, judgment, text }): Verdict => ({
      ...common,
      title: `${resolved.name}: ${title}`,
      outcome: judgment,
      text,
    }),
  );
  const references = besideFindings(experiment).map(
    ({ title, role, text }): Verdict => ({
      ...common,
      title: `${resolved.name}: ${title}, ${role}`,
      outcome: "note",
      text,
    }),
  );
  const count = (outcome: string) => verdicts.filter((v) => v.outcome === outcome).length;
  const outcome =
    count("differs") > 0 ? "differs" : count("not reproducible") > 0 ? "not reproducible" : ("pass" as const);
  const missed = verdicts.filter((v) => v.outcome !== "pass").map((v) => v.text);
  const expected: Verdict = {
    ...common,
    outcome,
    text: [`${count("pass")} of ${verdicts.length} expected numbers were met.`, ...missed].join(" "),
  };
  const all = [...findings, ...references, ...(verdicts.length > 0 ? [expected] : [])];
  return all.length > 0 ? all : [{ ...common, outcome: "note", text: answerOf(experiment) }];
}

/** Replaces ASCII notation of norms, spreads and bounds by mathematical symbols. */
const typeset = (text: string): string =>
  text.replaceAll("||g||^2", "‖g‖²").replaceAll("+-", "±").replaceAll("<=", "≤").replaceAll(">=", "≥");

const typesetVerdict = (verdict: Verdict): Verdict => ({ ...verdict, text: typeset(verdict.text) });

function sectionOf(outcome: ExperimentOutcome, figures: readonly string[]): ReportSection {
  const { resolved, results, rates, status } = outcome;
  const { source } = resolved.experiment;
  const from = source ? `${source.paper}${source.where ? `, ${source.where}` : ""}.` : "";
  const notes = uniq(shownRuns(outcome).flatMap(dataNotes));
  const paragraphs = [
    ...(status === "completed" ? [] : [`This experiment was ${status}: ${reasonOf(outcome)}`]),
    from,
    typeset(source?.note ?? ""),
    notes.length === 0 ? "" : `Of the data: ${notes.join("; ")}.`,
  ];
  const compared = rates.map(rateTables);
  const ofSettings = "The runs with the settings below";
  const shown = shownRuns(outcome).flatMap((runs) => [
    summaryOf(rates.length > 0 ? `The runs at tuned rates, against ${runs[0].variant}` : ofSettings, runs),
    ...(kinds[resolved.kind].comparison?.tables?.(runs) ?? []).map(taskTable),
  ]);
  return {
    name: resolved.name,
    heading: resolved.title,
    text: paragraphs.filter((text) => text !== "").join("\n\n"),
    figures,
    tables: [...compared.map(({ comparison }) => comparison), ...shown],
    folded: [
      ...compared.flatMap(({ baseline, grid, sameRate }): Folded[] => {
        const against = rates.length > 1 ? ` against ${baseline}` : "";
        return [
          { title: `Learning rates on the grid${against}`, content: { table: grid } },
          ...(sameRate === undefined
            ? []
            : [{ title: `All at the tuned rate of ${baseline}`, content: { table: sameRate } }]),
        ];
      }),
      ...(rates.length > 0 && results.length > 0
        ? [{ title: "Runs before tuning", content: { table: summaryOf(ofSettings, results) } }]
        : []),
      ...expectedNumbers(outcome),
      { title: "Settings, as a file for isoloss run", content: { text: stringify(asExperiment(resolved)) } },
    ],
  };
}

function summaryOf(caption: string, runs: readonly JobResult[]): string {
  const { head, rows } = summaryRows(runs);
  const seeds = uniq(runs.map(({ seed }) => seed));
  const [word, spread] = seeds.length > 1 ? ["seeds", ": mean ± standard deviation"] : ["seed", ""];
  return htmlTable({
    caption: `${caption}, ${word} ${seeds.join(", ")}${spread}`,
    columns: ["variant", ...head.slice(1).map(typeset)],
    rows: rows.map((row) => row.map(typeset)),
  });
}

function expectedNumbers({ verdicts }: ExperimentOutcome): Folded[] {
  if (verdicts.length === 0) return [];
  const passes = verdicts.filter(({ outcome }) => outcome === "pass").length;
  const table = htmlTable({
    columns: ["verdict", "what", "measured", "expected", "source"],
    rows: verdicts.map(({ outcome, expected: e, measured }) => [
      outcome,
      [e.variant, e.seed === undefined ? undefined : `seed ${e.seed}`, e.path].filter(Boolean).join(", "),
      measured === undefined ? "-" : formatNumber(measured, 9),
      e.value === undefined ? boundsText(e) : formatNumber(e.value, 9),
      e.source,
    ]),
  });
  const title = `Expected numbers: ${passes} of ${verdicts.length} met`;
  return [{ title, content: { table }, open: passes < verdicts.length }];
}

const boundsText = ({ atLeast, atMost }: { readonly atLeast?: number; readonly atMost?: number }): string =>
  [
    ...(atLeast === undefined ? [] : [`≥ ${formatNumber(atLeast)}`]),
    ...(atMost === undefined ? [] : [`≤ ${formatNumber(atMost)}`]),
  ].join(", ") || "-";
