// The losses of a run, few enough to stand in its record: its directory, which has all, may be on another computer.
import type { Job } from "../experiments/jobs/job.js";
import type { JobResult } from "../experiments/kind.js";
import { lossCurve } from "../experiments/results/loss-curve.js";

/** Training losses of a run, equally far apart; the last one is the run's. */
export interface RunCurve {
  /** Step of the first loss. */
  readonly first: number;
  /** Steps from a loss to the next. */
  readonly every: number;
  /** To five digits; of mini-batches means over a twentieth of the run. null where one is not finite. */
  readonly losses: readonly (number | null)[];
}

/** The most losses of a curve. */
const most = 400;

/** @returns undefined where a run has none, or its losses are not of its steps: those of minima are of its models */
export function runCurve(result: JobResult, { settings }: Pick<Job, "settings">): RunCurve | undefined {
  const between = (settings.recordEvery as number | undefined) ?? 1;
  const { losses } = lossCurve(result);
  const begin = losses.findIndex((loss) => loss !== null);
  const isOfSteps = Math.abs(losses.length * between - result.document.steps) <= between;
  if (begin < 0 || !isOfSteps) return undefined;
  const stride = Math.ceil((losses.length - begin) / most);
  const first = begin + ((losses.length - 1 - begin) % stride);
  return {
    first: first * between,
    every: stride * between,
    losses: losses
      .slice(first)
      .filter((_, i) => i % stride === 0)
      .map((loss) => loss && Number(loss.toPrecision(5))),
  };
}
