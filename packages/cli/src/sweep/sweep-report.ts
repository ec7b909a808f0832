import { correlation } from "isoloss/linalg";
import { countText, formatDuration, formatNumber } from "../experiments/results/format-number.js";
import type { Environment } from "../run/environment.js";
import { htmlTable, type ReportSection, renderReport } from "../run/report-html.js";
import type { StoredSweep } from "./directory.js";
import type { SweepDocument } from "./document.js";
import { edgesOf, leftOut, searchEnd } from "./edges.js";
import { progressText } from "./progress-line.js";
import { completedTrials, sweepFigures, type Valued, varying } from "./sweep-figures.js";

/** The most trials of the report's table; trials.csv has all. */
const most = 100;
/** Seconds after which a browser reads the report of a sweep under way again. */
const refreshSeconds = 10;

/**
 * The report of a sweep as one HTML page: what was confirmed, the trials, and figures of the search.
 *
 * @param environment of its beginning
 */
export function sweepReport(sweep: StoredSweep, document: SweepDocument, environment: Environment): string {
  const { file } = sweep.loaded;
  const { confirmed, status, seconds } = document;
  const best = completedTrials(sweep, document);
  const figures = sweepFigures(sweep, best);
  const sections = [
    trialSection(document, best),
    ...failureSection(document),
    ...figureSection(
      "The search",
      "The best value so far. It gets better by luck alone, too: what a trial is worth is said by fresh seeds.",
      figures.course,
    ),
    ...figureSection(
      "Losses",
      `Training losses of ${confirmed.length > 0 ? "what was confirmed, on fresh seeds" : "the best trials"}; ` +
        "of mini-batches, means over a twentieth of the recorded steps.",
      figures.losses,
    ),
    ...parameterSection(sweep, best, figures.parameters),
    ...figureSection(
      "Rungs",
      "What the runs had at the rungs, where those that were behind were stopped.",
      figures.rungs,
    ),
    ...figureSection(
      "Agreement of the seeds",
      "The values of each trial with two seeds: where they disagree, more seeds are needed to choose.",
      figures.seeds,
    ),
  ];
  return renderReport({
    title: `Sweep ${document.name}`,
    ...(status === "running" ? { refreshSeconds } : {}),
    conclusion: conclusionOf(document),
    lead:
      `${progressText(sweep)}; ${formatDuration(seconds)}. Method ${file.method}, seeds ${file.seeds.join(", ")}; ` +
      [
        `${file.metric.goal} ${file.metric.name}.`,
        ...searchEnd(sweep, document),
        ...edgesOf(file, document),
        ...leftOut(file, document),
      ].join(" "),
    verdicts: confirmed.map(({ trial, judgment, text }) => ({
      title: `Trial ${trial}`,
      outcome: judgment,
      text,
    })),
    sections,
    environment,
  });
}

const figureSection = (heading: string, text: string, figures: readonly string[]): ReportSection[] =>
  figures.length > 0 ? [{ heading, text, figures }] : [];

function conclusionOf({ confirmed, best, status }: SweepDocument): string {
  if (confirmed.length > 0) {
    if (status !== "completed") return "The confirmation on fresh seeds has not ended.";
    // Controls are what others are to beat.
    const compared = confirmed.filter(({ isControl }) => !isControl);
    const helped = compared.filter(({ judgment }) => judgment === "helps").length;
    const [judged] = confirmed.filter(({ rowsChose }) => rowsChose);
    if (judged !== undefined) {
      const rows = judged.rows === null ? "the rows that" : `the ${judged.rows} rows`;
      const chose = judged.rows === null ? " may have chosen, too" : ", and they also chose";
      return `Whether a trial helps on other rows is undecided: ${rows} judged the fresh seeds${chose}.`;
    }
    const isUnbeaten = compared.some(({ constant }) => constant?.isBeaten === false);
    const constant = isUnbeaten ? ", and clearly better than a constant prediction" : "";
    return `Of ${countText(compared.length, "trial")} on fresh seeds, ${helped} did better than the baseline, by its whole interval${constant}.`;
  }
  if (best === null) return "No trial is complete.";
  return (
    `Best: trial ${best.trial}, ${formatNumber(best.value)}. Nothing was confirmed on fresh seeds: this is the value of the ` +
    "luckiest trial."
  );
}

function trialSection({ trials, status: ofSweep }: SweepDocument, best: readonly Valued[]): ReportSection {
  const others = trials.filter(({ status }) => status !== "completed");
  const shown = [...best, ...others].slice(0, most);
  const paths = [...new Set(shown.flatMap(({ parameters }) => Object.keys(parameters)))];
  const text = (value: unknown) =>
    typeof value === "number"
      ? formatNumber(value, 4)
      : typeof value === "string"
        ? value
        : (JSON.stringify(value) ?? "-");
  const rows = shown.map(({ trial, status, value, rung, parameters }) => [
    trial,
    rung !== null
      ? `${status} at ${formatNumber(rung, 4)}`
      : status === "running" && ofSweep === "interrupted"
        ? "not finished"
        : status,
    value === null ? "-" : formatNumber(value, 5),
    ...paths.map((path) => text(parameters[path])),
  ]);
  const more = trials.length - shown.length;
  const order =
    shown.length > best.length
      ? "Those that are complete, the best first; then the others by their numbers."
      : "The best first.";
  return {
    heading: "Trials",
    text: `${order}${more > 0 ? ` ${more} more are in trials.csv.` : ""}`,
    tables: rows.length > 0 ? [htmlTable({ columns: ["trial", "status", "value", ...paths], rows })] : [],
  };
}

/** Runs that failed or were lost, with how their processes ended. */
function failureSection({ trials, failures }: SweepDocument): ReportSection[] {
  const rows = [
    ...trials.flatMap(({ trial, runs }) =>
      runs.flatMap(({ seed, status, error }) =>
        status === "failed" || status === "lost" ? [[trial, seed, status, error ?? "-"]] : [],
      ),
    ),
    ...failures.map(({ contender, seed, status, error }) => [contender, seed, status, error ?? "-"]),
  ];
  if (rows.length === 0) return [];
  return [
    {
      heading: "Failures",
      text: "Runs that failed, or were lost with the processes that computed them.",
      tables: [htmlTable({ columns: ["trial", "seed", "status", "reason"], rows: rows.slice(0, most) })],
    },
  ];
}

function parameterSection(
  { loaded: { file } }: StoredSweep,
  best: readonly Valued[],
  figures: readonly string[],
): ReportSection[] {
  const rows = varying(best).flatMap((path) => {
    const pairs = best.flatMap(({ parameters, value }) => {
      const x = parameters[path];
      return typeof x === "number" ? [[x, value] as const] : [];
    });
    const found = rankCorrelation(
      pairs.map(([x]) => x),
      pairs.map(([, y]) => y),
    );
    if (found === null || found.n < 4) return [];
    const interval = found.interval?.map((v) => formatNumber(v, 2)).join(", ");
    return [[path, formatNumber(found.rho, 2), interval === undefined ? "-" : `[${interval}]`, found.n]];
  });
  const text =
    `${file.metric.name} of the completed trials against the parameters. The rank correlation says how they went ` +
    "together in the trials of this search, which are no random sample; it is no cause.";
  const columns = ["parameter", "rank correlation", "95 % interval", "trials"];
  return figureSection("Parameters", text, figures).map((section) => ({
    ...section,
    tables: rows.length > 0 ? [htmlTable({ columns, rows })] : [],
  }));
}

// Spearman's rank correlation (American Journal of Psychology 15, 1904), with the interval of Fisher's z and the standard
// error 1.06 / sqrt(n - 3) (Fieller, Hartley & Pearson, Biometrika 44, 1957).

/**
 * Null where one of the lists is constant; `interval`: of 95 %, null for fewer than four pairs, and where |rho| is 1: z is infinite.
 *
 * @param a, b of one length
 */
export function rankCorrelation(a: readonly number[], b: readonly number[]) {
  const n = a.length;
  const rho = n < 2 ? Number.NaN : correlation(a, b).spearman;
  if (Number.isNaN(rho)) return null;
  const half = (1.959964 * 1.06) / Math.sqrt(n - 3);
  const z = Math.atanh(rho);
  const isKnown = n > 3 && Number.isFinite(z);
  return { rho, interval: isKnown ? ([Math.tanh(z - half), Math.tanh(z + half)] as const) : null, n };
}
