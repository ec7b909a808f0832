import { bars } from "../figures/bars.js";
import { nodeDocument } from "../figures/document.js";
import { svgText } from "../figures/svg.js";
import type { ThemeName } from "../figures/theme.js";
import { judge, type Verdict } from "./expected.js";
import { type DrawnFigure, drawFigures } from "./figures.js";
import { type Job, type JobResult, jobsOf } from "./job.js";
import { kinds } from "./kinds.js";
import { compareRates, type RatesResult } from "./rates.js";
import type { Resolved } from "./resolve.js";
import type { Session } from "./session.js";

/** What an experiment came to. */
export interface ExperimentOutcome {
  readonly resolved: Resolved;
  /** `skipped`: its data are not here. */
  readonly status: "completed" | "skipped" | "failed" | "interrupted";
  readonly results: readonly JobResult[];
  readonly rates: readonly RatesResult[];
  readonly verdicts: readonly Verdict[];
  readonly errors: readonly { readonly job: Job; readonly error: unknown }[];
}

type RunSession = (jobs: readonly Job[]) => Promise<Session>;

/** Runs all variants and seeds of an experiment, and its comparison at tuned rates, and judges the numbers. */
export async function runExperiment(
  resolved: Resolved,
  { session, out }: { readonly session: RunSession; readonly out?: string },
): Promise<ExperimentOutcome> {
  const jobs = jobsOf(resolved, { ...(out === undefined ? {} : { out }), checkpointSeconds: 30 });
  const { results: measured, failures, interrupted } = await session(jobs);
  const results = kinds[resolved.kind].together?.compare?.(measured) ?? measured;
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
  const rates = errors.length === 0 ? await compareRates(resolved, runAll) : [];
  return {
    resolved,
    status: wasInterrupted ? "interrupted" : errors.length > 0 ? "failed" : "completed",
    results,
    rates,
    verdicts: wasInterrupted ? [] : judge(resolved.expected, results, rates),
    errors,
  };
}

/** The figures of an outcome; those of the comparison at tuned rates come last. */
export async function outcomeFigures(
  { resolved, results, rates }: ExperimentOutcome,
  theme: ThemeName,
): Promise<DrawnFigure[]> {
  const { experiment } = resolved;
  const drawn = await drawFigures({
    results,
    figures: experiment.figures ?? ["loss", "gradNormSq"],
    theme,
  });
  for (const comparison of rates) {
    const { baseline, tuned, references } = comparison;
    const rows = Object.entries({ ...tuned, ...references }).flatMap(([name, c]) =>
      (["steps", "seconds"] as const).map((key) => ({
        name: `${name}: ${key}`,
        ratio: c[key]?.ratio ?? Number.NaN,
        ...(c[key]?.interval ? { low: c[key].interval[0], high: c[key].interval[1] } : {}),
      })),
    );
    const figure = bars(
      { ratios: rows, xLabel: `to tuned ${baseline}'s final loss, of what tuned ${baseline} needs` },
      { document: nodeDocument(), theme, width: 760, height: 120 + 40 * rows.length },
    );
    drawn.push({ name: rates.length > 1 ? `ratios-${baseline}` : "ratios", svg: svgText(figure) });
  }
  return drawn;
}
