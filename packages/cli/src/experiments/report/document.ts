import type { RunDocument } from "../../formats/json.js";
import type { Comparison } from "../../run/report-html.js";
import { errorOfRun } from "../jobs/session.js";
import type { Finding, JobResult } from "../kind.js";
import { finalLoss } from "../results/loss-curve.js";
import type { Batch } from "./batch.js";
import { conclusionOf, findingsOf } from "./findings.js";
import type { ExperimentOutcome } from "./outcome.js";
import type { RatesResult } from "./rates.js";

/** A run on a seed that judges: of repetitions the quickest. */
interface JudgingRun extends Pick<RunDocument, "seed" | "status" | "steps" | "metrics"> {
  readonly variant: string;
  /** On training data. */
  readonly finalLoss: number | null;
  /** Of training, of repetitions the least. */
  readonly seconds: number | null;
}

function judgingRun(run: JobResult): JudgingRun {
  const { variant, seed, seconds } = run;
  const { status, steps, metrics } = run.document;
  return {
    variant,
    seed,
    status,
    steps,
    seconds: seconds.at(-1) ?? null,
    finalLoss: finalLoss(run),
    metrics,
  };
}

/** Results of experiments, as commands print them with `--json`. */
export interface ExperimentsDocument {
  /** All findings in one sentence; of one experiment of the user's own its answer. */
  readonly verdict: string;
  /** Absolute path of the report. */
  readonly report: string;
  readonly seconds: number;
  /** Left out where no numbers are expected. */
  readonly counts?: Readonly<Record<Comparison, number>>;
  readonly experiments: readonly {
    readonly name: string;
    /** `completed`, `skipped` (data not installed), `failed` or `interrupted`. */
    readonly status: ExperimentOutcome["status"];
    /** What it says of its variants. */
    readonly findings: readonly Finding[];
    /** Expected numbers, each with its outcome. */
    readonly verdicts: readonly {
      /** `pass`, `differs` or `not reproducible`. */
      readonly outcome: Comparison;
      readonly variant: string | null;
      /** Null: the mean over the seeds. */
      readonly seed: number | null;
      /** In the document of a run. */
      readonly path: string;
      readonly measured: number | null;
      /** Null for a bound. */
      readonly expected: number | null;
      /** One sentence. */
      readonly text: string;
      /** Of the expected number. */
      readonly source: string;
    }[];
    /** Comparisons at tuned rates, by their baselines. */
    readonly rates: Readonly<Record<string, RatesResult & { readonly runs: readonly JudgingRun[] }>>;
    readonly errors: readonly string[];
  }[];
}

export function experimentsDocument(
  { outcomes, seconds }: Batch,
  report: string,
  verdict = conclusionOf(outcomes.flatMap(findingsOf)),
): ExperimentsDocument {
  const counts = { pass: 0, differs: 0, "not reproducible": 0 };
  for (const { verdicts } of outcomes) for (const { outcome } of verdicts) counts[outcome] += 1;
  return {
    verdict,
    report,
    seconds,
    ...(outcomes.some(({ verdicts }) => verdicts.length > 0) ? { counts } : {}),
    experiments: outcomes.map((experiment) => {
      const { resolved, status, verdicts, rates, errors } = experiment;
      return {
        name: resolved.name,
        status,
        findings: status === "completed" ? findingsOf(experiment) : [],
        verdicts: verdicts.map(({ outcome, expected, measured, text }) => ({
          outcome,
          variant: expected.variant ?? null,
          seed: expected.seed ?? null,
          path: expected.path,
          measured: measured !== undefined && Number.isFinite(measured) ? measured : null,
          expected: expected.value ?? null,
          text,
          source: expected.source,
        })),
        rates: Object.fromEntries(
          rates.map(({ runs, ...result }) => [result.baseline, { ...result, runs: runs.map(judgingRun) }]),
        ),
        errors: errors.map(({ error, job }) => (errorOfRun(error, job) as Error).message),
      };
    }),
  };
}
