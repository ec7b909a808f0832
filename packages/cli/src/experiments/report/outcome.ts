import { keyBy, mean } from "es-toolkit";
import { MissingDataError } from "isoloss";
import { bars, barsWidth, curves, svgText } from "isoloss-figures";
import type { ThemeName } from "isoloss-figures/base";
import { valueAtPath } from "../../dotted-path.js";
import type { Comparison } from "../../run/report-html.js";
import type { Resolved } from "../definition/resolve.js";
import { type Expected, everyRun } from "../definition/schema.js";
import { type Job, jobsOf } from "../jobs/job.js";
import { errorOfRun, type Session } from "../jobs/session.js";
import type { JobResult } from "../kind.js";
import { kinds } from "../kinds/kinds.js";
import { formatNumber } from "../results/format-number.js";
import { shownRatios, timeOf } from "../results/to-target.js";
import {
  type DrawnFigure,
  drawFigures,
  type FigureSize,
  lossCurves,
  overTime,
  withLosses,
} from "./figures.js";
import { compareRates, labelOf, type RatesComparison, type RatesResult } from "./rates.js";

export interface ExperimentOutcome {
  readonly resolved: Resolved;
  /** `skipped`: its data are not here. */
  readonly status: "completed" | "skipped" | "failed" | "interrupted";
  readonly results: readonly JobResult[];
  readonly rates: readonly RatesComparison[];
  readonly verdicts: readonly Verdict[];
  readonly errors: readonly { readonly job: Job; readonly error: unknown }[];
}

interface RunPlace {
  /** @param isTimed whether seconds count */
  session(jobs: readonly Job[], isTimed: boolean): Promise<Session>;
  readonly out?: string;
  /** Milliseconds of what repetitions may take. */
  now(): number;
}

/** Runs all variants and seeds of an experiment, and its comparison at tuned rates, and judges the numbers. */
export async function runExperiment(
  resolved: Resolved,
  { session, out, now }: RunPlace,
): Promise<ExperimentOutcome> {
  const jobs = jobsOf(resolved, { ...(out === undefined ? {} : { out }), checkpointSeconds: 30 });
  // Where no rates are compared, no time judges.
  const { results: measured, failures, interrupted } = await session(jobs, resolved.rates.length > 0);
  const results = kinds[resolved.kind].comparison?.compare?.(measured) ?? measured;
  if (failures.some(({ error }) => error instanceof MissingDataError)) {
    return { resolved, status: "skipped", results: [], rates: [], verdicts: [], errors: failures };
  }
  const errors = [...failures];
  if (interrupted) return { resolved, status: "interrupted", results, rates: [], verdicts: [], errors };
  let wasInterrupted = false;
  const runAll = async (more: readonly Job[], isTimed: boolean) => {
    // After Ctrl-C nothing more begins.
    if (wasInterrupted) return [];
    const done = await session(more, isTimed);
    wasInterrupted ||= done.interrupted;
    errors.push(...done.failures);
    return done.results;
  };
  const rates = errors.length === 0 ? await compareRates(resolved, runAll, now) : [];
  return {
    resolved,
    status: wasInterrupted ? "interrupted" : errors.length > 0 ? "failed" : "completed",
    results,
    // What was interrupted may have compared no runs.
    rates: wasInterrupted ? [] : rates,
    verdicts: wasInterrupted ? [] : judge(resolved.expected, results, rates),
    errors,
  };
}

/** The runs that tables show: of each comparison at tuned rates those that judge, or else the experiment's. */
export function shownRuns({ resolved, results, rates }: ExperimentOutcome): (readonly JobResult[])[] {
  const { compare } = kinds[resolved.kind].comparison ?? {};
  const groups = rates.length > 0 ? rates.map(({ runs }) => compare?.(runs) ?? runs) : [results];
  return groups.filter((runs) => runs.length > 0);
}

/** The figures of an outcome; those of comparisons at tuned rates come last. */
export async function outcomeFigures(
  { resolved, results, rates }: ExperimentOutcome,
  presentation: { readonly theme: ThemeName; readonly size?: FigureSize },
): Promise<DrawnFigure[]> {
  const figures = resolved.experiment.figures ?? ["loss", "gradNormSq"];
  const drawn = await drawFigures({ results, figures, ...presentation });
  const compared = rates.flatMap((comparison) =>
    rateFigures(comparison, presentation).map(({ name, svg }) => ({
      name: rates.length > 1 ? `${name}-${comparison.baseline}` : name,
      svg,
    })),
  );
  return [...drawn, ...compared];
}

/** Why an experiment has no verdicts. */
export function reasonOf({ status, errors }: ExperimentOutcome): string {
  if (status === "interrupted") return "Ctrl-C";
  const [first] = errors;
  if (first === undefined) return "no run";
  const message = (errorOfRun(first.error, first.job) as Error).message;
  if (status !== "skipped") return message;
  const data = first.job.settings.data as { readonly name?: string } | undefined;
  // Of data of the user's own, nothing can be fetched.
  if (data && data.name === undefined) return message;
  const name = data?.name ?? "the data set";
  return `${name} is not on this computer. Get it with: isoloss data fetch ${name}`;
}

/** A comparison at tuned rates: the losses of the confirming runs, and what they need to the baseline's final loss. */
export function rateFigures(
  comparison: RatesComparison,
  { theme, size = {} }: { readonly theme: ThemeName; readonly size?: FigureSize },
): DrawnFigure[] {
  const { baseline, tuned, references, finalLoss, clock, level, runs } = comparison;
  const options = () => ({ theme, ...size });
  const drawn = withLosses(runs);
  if (drawn.length === 0) return [];
  const data = { ...lossCurves(drawn), ...(finalLoss === null ? {} : { target: finalLoss }) };
  const title = "At tuned rates: loss against";
  const steps = curves(data, { ...options(), title: `${title} steps` });
  const time = curves({ ...data, ...overTime(data) }, { ...options(), title: `${title} time` });
  const ratios = Object.entries({ ...tuned, ...references }).flatMap(([name, compared]) => {
    const c = shownRatios(compared);
    return (["steps", "seconds"] as const).map((key) => {
      const isNoisy = key === "seconds" && timeOf(compared, clock) === "too noisy";
      const { ratio = Number.NaN, interval = null } = (isNoisy ? null : c[key]) ?? {};
      return {
        name: `${labelOf(name, comparison)}: ${key}`,
        ratio,
        missing: isNoisy ? "too noisy to time here" : `reached by ${c.reached} of ${c.seeds}`,
        ...(interval ? { low: interval[0], high: interval[1] } : {}),
      };
    });
  });
  const losses = [
    { name: "tuned", svg: svgText(steps) },
    { name: "tuned-seconds", svg: svgText(time) },
  ];
  // Without a ratio there is nothing to draw that the table does not say.
  if (!ratios.some(({ ratio }) => Number.isFinite(ratio))) return losses;
  const ratioFigure = bars(
    { ratios, level, xLabel: `share of what tuned ${baseline} needs` },
    {
      ...options(),
      // Variants may have long names, and a figure must not end an experiment that has run.
      width: barsWidth(ratios, size.width),
      title: `Steps and time to tuned ${baseline}'s final loss`,
      height: 160 + 34 * ratios.length,
    },
  );
  return [...losses, { name: "ratios", svg: svgText(ratioFigure) }];
}

export interface Verdict {
  readonly outcome: Comparison;
  readonly expected: Expected;
  /** The measured number; undefined where there is none. */
  readonly measured: number | undefined;
  readonly text: string;
}

/** Compares results with what is expected of them. Results of comparisons at tuned rates are under `rates.BASELINE`. */
export function judge(
  expected: readonly Expected[],
  results: readonly JobResult[],
  rates: readonly RatesResult[],
): Verdict[] {
  const first = results[0]?.variant;
  return expected.map((item) => {
    const { variant = first, seed, path, notReproducible, source } = item;
    const isOfRates = path.startsWith("rates.");
    const name = variant === everyRun ? "every run" : variant;
    const where = isOfRates ? path : `${name}${seed === undefined ? "" : `, seed ${seed}`}: ${path}`;
    const measured = isOfRates
      ? valueAtPath({ rates: keyBy(rates, ({ baseline }) => baseline) }, path)
      : variant === everyRun
        ? worstOf(item, results)
        : meanOf(
            results.filter((r) => r.variant === variant && (seed === undefined || r.seed === seed)),
            path,
          );
    const wanted = wantedText(item);
    if (notReproducible !== undefined || measured === undefined) {
      const why = notReproducible ?? "this run has no such number";
      return {
        outcome: "not reproducible",
        expected: item,
        measured,
        text: `${where}: ${why}; expected ${wanted} (${source}).`,
      };
    }
    const isMet = meets(item, measured);
    return {
      outcome: isMet ? "pass" : "differs",
      expected: item,
      measured,
      text: `${where} is ${formatNumber(measured, 10)}; expected ${wanted} (${source}).`,
    };
  });
}

function meets(
  { value, tolerance = 1e-6, absolute = 0, atLeast, atMost }: Expected,
  measured: number,
): boolean {
  if (!Number.isFinite(measured)) return false;
  if (value !== undefined && Math.abs(measured - value) > Math.max(absolute, tolerance * Math.abs(value)))
    return false;
  return measured >= (atLeast ?? -Infinity) && measured <= (atMost ?? Infinity);
}

function wantedText({ value, tolerance = 1e-6, absolute, atLeast, atMost }: Expected): string {
  const parts = [
    ...(value === undefined
      ? []
      : [
          `${formatNumber(value, 12)} within ${absolute === undefined ? `${tolerance} of it` : formatNumber(Math.max(absolute, tolerance * Math.abs(value)))}`,
        ]),
    ...(atLeast === undefined ? [] : [`at least ${formatNumber(atLeast)}`]),
    ...(atMost === undefined ? [] : [`at most ${formatNumber(atMost)}`]),
  ];
  return parts.length > 0 ? parts.join(", ") : "nothing known";
}

const numberIn = ({ document, jumps, end, evaluations }: JobResult, path: string): number | undefined =>
  valueAtPath({ ...document, jumps, end, evaluations }, path);

/** Of the runs that have the number, that which does not meet what is expected; if all do, the largest. */
function worstOf(expected: Expected, results: readonly JobResult[]): number | undefined {
  const values = results.flatMap((r) =>
    expected.seed === undefined || r.seed === expected.seed ? (numberIn(r, expected.path) ?? []) : [],
  );
  return values.find((v) => !meets(expected, v)) ?? (values.length > 0 ? Math.max(...values) : undefined);
}

/** The mean over runs of the number at a path; undefined where one of them has none. */
function meanOf(results: readonly JobResult[], path: string): number | undefined {
  const values = results.map((result) => numberIn(result, path));
  if (values.length === 0 || values.includes(undefined)) return undefined;
  return mean(values as number[]);
}
