import { runningMean } from "isoloss-figures/base";
import type { JobResult } from "../kind.js";

/** Losses of a run that can be compared with those of another one. */
export interface LossCurve {
  /** Entry t is that of the point before step t; null where a mean would have too few values. */
  readonly losses: readonly (number | null)[];
  readonly last: number | null;
  /** Mini-batches that each entry is the mean of; 1 for full batches. */
  readonly window: number;
}

/**
 * The losses of a run: as they are for full batches; for mini-batches means over a twentieth of the run, since the first
 * loss of a single batch below a target says nothing about other batches.
 */
export function lossCurve(result: CurveOf): LossCurve {
  const { document } = result;
  const { history } = document.loss;
  if (!hasBatches(result)) return { losses: history, last: document.loss.last, window: 1 };
  const window = Math.max(1, Math.round(history.length / 20));
  const means = runningMean(
    history.map((loss) => loss ?? Number.NaN),
    window,
  );
  const losses = means.map((mean, t) => (t + 1 >= window && Number.isFinite(mean) ? mean : null));
  return { losses, last: losses.at(-1) ?? null, window };
}

/** Whether the losses of a run are those of mini-batches. */
export const hasBatches = ({ settings, evaluations = [] }: Omit<CurveOf, "document">): boolean =>
  settings.batchSize !== undefined || evaluations.length > 0;

type CurveOf = Pick<JobResult, "document" | "settings" | "evaluations">;

/** The metric that holds the {@link finalLoss} of a run. */
export const finalLossMetric = "loss.final";

/**
 * The final loss of a run, wherever one is printed: the last entry of its {@link lossCurve}. Of full batches that is the loss at
 * the end, of mini-batches the mean over the last twentieth of the steps. A kind without such a curve gives its own. Null
 * where it is not finite, and of a run that diverged: what it recorded ends before that.
 */
export function finalLoss(result: CurveOf): number | null {
  if (result.document.status === "diverged") return null;
  const own = result.document.metrics[finalLossMetric];
  return own === undefined ? lossCurve(result).last : own;
}

/** The first entry at or below a target; undefined where there is none. */
export function firstAtMost({ losses }: LossCurve, target: number): number | undefined {
  const step = losses.findIndex((loss) => loss !== null && loss <= target);
  return step < 0 ? undefined : step;
}
