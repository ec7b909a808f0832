// The documents of `--json`: exactly one on stdout. A missing value, or one that is not finite, is null.
import { type Summary, summarize } from "isoloss/internal";

/** How a run ended. */
export type RunStatus = "completed" | "interrupted" | "diverged" | "failed" | "pruned";

/** What was measured in every step. */
export interface Series {
  /** null where nothing was measured. */
  readonly first: number | null;
  readonly last: number | null;
  /** Of every step. */
  readonly history: readonly (number | null)[];
}

/** One teleport, accepted or not. */
export interface TeleportDocument {
  /** Steps done before it. */
  readonly step: number;
  readonly lossBefore: number | null;
  readonly lossAfter: number | null;
  /** |lossAfter - lossBefore| / max(|lossBefore|, 1e-12); of COST, what its guard judged. */
  readonly drift: number | null;
  /** That of each task's loss, by task; of COST alone. */
  readonly drifts?: Readonly<Record<string, number | null>>;
  readonly gradNormSqBefore: number | null;
  readonly gradNormSqAfter: number | null;
  /** Whether parameters were moved. */
  readonly accepted: boolean;
  /** Why the search ended, or why no parameter moved. */
  readonly reason: string;
  readonly seconds: number | null;
}

/** What `--json` prints for one run. */
export interface RunDocument {
  /** Of the experiment, and of the variant where it is not the only one. */
  readonly name: string;
  readonly seed: number;
  /** `completed`, `interrupted`, `diverged` (the loss is no longer finite), `pruned` (stopped by a sweep) or `failed`. */
  readonly status: RunStatus;
  /** Steps done. */
  readonly steps: number;
  /** Seconds of computing, teleports included; compilation is not. */
  readonly wallSeconds: number | null;
  /** Training loss of each step. */
  readonly loss: Series;
  /** Squared norm of the gradient of each step. */
  readonly gradNormSq: Series;
  /** Results by name, such as `validation.accuracy`. */
  readonly metrics: Readonly<Record<string, number | null>>;
  /** All that were tried. */
  readonly teleports: readonly TeleportDocument[];
  /** Absolute path of the run's directory; null where none was written. */
  readonly directory: string | null;
}

/** Mean and spread of the final values of runs. */
export interface RunsSummary {
  readonly seeds: readonly number[];
  /** How many runs ended how. */
  readonly status: Readonly<Partial<Record<RunStatus, number>>>;
  readonly steps: Summary | null;
  readonly wallSeconds: Summary | null;
  /** Of the final losses, which are `loss.final` among the metrics; a run that diverged has none. */
  readonly loss: Summary | null;
  /** Of the last values; over the runs that have one. */
  readonly gradNormSq: Summary | null;
  /** Of each metric that some run has. */
  readonly metrics: Readonly<Record<string, Summary>>;
}

/** What `--json` prints for several seeds. */
export interface RunsDocument {
  /** In the order of the seeds. */
  readonly runs: readonly RunDocument[];
  /** Mean and spread over the runs. */
  readonly summary: RunsSummary;
}

/** A run as it was measured. */
export interface RunMeasurements
  extends Omit<RunDocument, "wallSeconds" | "loss" | "gradNormSq" | "metrics" | "teleports" | "directory"> {
  readonly wallSeconds: number;
  readonly loss: readonly number[];
  readonly gradNormSq?: readonly number[];
  readonly metrics?: Readonly<Record<string, number>>;
  readonly teleports?: readonly {
    readonly [K in keyof TeleportDocument]: NonNullable<TeleportDocument[K]>;
  }[];
  readonly directory?: string;
}

/** A number as JSON has it. */
export const finite = (value: number | undefined): number | null =>
  value !== undefined && Number.isFinite(value) ? value : null;

const finiteOnes = (values: Readonly<Record<string, number | null>>): Record<string, number | null> =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [key, finite(value ?? undefined)]));

function series(values: readonly number[]): Series {
  const history = values.map(finite);
  return { first: history[0] ?? null, last: history.at(-1) ?? null, history };
}

/** The document of one run. Its keys always come, in one order. */
export function runDocument(run: RunMeasurements): RunDocument {
  return {
    name: run.name,
    seed: run.seed,
    status: run.status,
    steps: run.steps,
    wallSeconds: finite(run.wallSeconds),
    loss: series(run.loss),
    gradNormSq: series(run.gradNormSq ?? []),
    metrics: finiteOnes(run.metrics ?? {}),
    teleports: (run.teleports ?? []).map((t) => ({
      step: t.step,
      lossBefore: finite(t.lossBefore),
      lossAfter: finite(t.lossAfter),
      drift: finite(t.drift),
      ...(t.drifts ? { drifts: finiteOnes(t.drifts) } : {}),
      gradNormSqBefore: finite(t.gradNormSqBefore),
      gradNormSqAfter: finite(t.gradNormSqAfter),
      accepted: t.accepted,
      reason: t.reason,
      seconds: finite(t.seconds),
    })),
    directory: run.directory ?? null,
  };
}

/** The document of runs with several seeds. */
export function runsDocument(runs: readonly RunDocument[]): RunsDocument {
  const over = (pick: (run: RunDocument) => number | null | undefined): Summary | null => {
    const values = runs.map(pick).filter((value) => typeof value === "number");
    return values.length === 0 ? null : summarize(values);
  };
  const status: Partial<Record<RunStatus, number>> = {};
  for (const run of runs) status[run.status] = (status[run.status] ?? 0) + 1;
  const names = [...new Set(runs.flatMap((run) => Object.keys(run.metrics)))];
  const metrics = names.map((name) => [name, over((run) => run.metrics[name])] as const);
  return {
    runs,
    summary: {
      seeds: runs.map((run) => run.seed),
      status,
      steps: over((run) => run.steps),
      wallSeconds: over((run) => run.wallSeconds),
      loss: over((run) => (run.status === "diverged" ? null : (run.metrics["loss.final"] ?? run.loss.last))),
      gradNormSq: over((run) => run.gradNormSq.last),
      metrics: Object.fromEntries(metrics.filter((entry): entry is [string, Summary] => entry[1] !== null)),
    },
  };
}
