import type { ThemeName } from "isoloss-figures/base";
import type { Resolved } from "../definition/resolve.js";
import { type Job, jobsOf } from "../jobs/job.js";
import { errorOfRun, type Session } from "../jobs/session.js";
import type { JobResult } from "../kind.js";
import { kinds } from "../kinds/kinds.js";
import { judge, type Verdict } from "./expected.js";
import { type DrawnFigure, drawFigures, type FigureSize } from "./figures.js";
import { rateFigures } from "./rate-figures.js";
import { compareRates, type RatesComparison } from "./rates.js";

/** The outcome of an experiment. */
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
  session(jobs: readonly Job[]): Promise<Session>;
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
  const { results: measured, failures, interrupted } = await session(jobs);
  const results = kinds[resolved.kind].comparison?.compare?.(measured) ?? measured;
  const errors = failures.filter((f) => !f.isMissingData).map(({ job, error }) => ({ job, error }));
  if (failures.some((f) => f.isMissingData)) {
    return { resolved, status: "skipped", results: [], rates: [], verdicts: [], errors: failures };
  }
  if (interrupted) return { resolved, status: "interrupted", results, rates: [], verdicts: [], errors };
  let wasInterrupted = false;
  const runAll = async (more: readonly Job[]) => {
    const done = await session(more);
    wasInterrupted ||= done.interrupted;
    errors.push(...done.failures.map(({ job, error }) => ({ job, error })));
    return done.results;
  };
  const rates = errors.length === 0 ? await compareRates(resolved, runAll, now) : [];
  return {
    resolved,
    status: wasInterrupted ? "interrupted" : errors.length > 0 ? "failed" : "completed",
    results,
    rates,
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
