import { MissingDataError } from "isoloss";
import { resultName } from "isoloss/metrics";
import { createProgress, type ProgressStream } from "../../progress.js";
import type { JobProgress } from "../kind.js";
import { formatDuration, formatNumber } from "../results/format-number.js";
import { finalLoss, finalLossMetric } from "../results/loss-curve.js";
import { type Job, runName } from "./job.js";
import type { JobOutcome } from "./pool.js";

/** Reports the progress of jobs on a stream. */
export interface JobReporter {
  onProgress(job: Job, at: JobProgress): void;
  onEnd(outcome: JobOutcome): void;
  line(text: string): void;
  /** Erases the line that is rewritten. */
  end(): void;
}

const silent: JobReporter = { onProgress() {}, onEnd() {}, line() {}, end() {} };

/**
 * A reporter for jobs: on a terminal a line that is rewritten, elsewhere a line for each run that ends.
 *
 * @param jobs all of them: the time left depends on their number
 * @param options `quiet`: prints nothing
 */
export function jobReporter(
  jobs: readonly Job[],
  stream: ProgressStream,
  { quiet }: { readonly quiet: boolean },
): JobReporter {
  if (quiet) return silent;
  const progress = createProgress(stream);
  let done = 0;
  return {
    onProgress: (job, at) =>
      progress.update(`${count(done + 1, jobs.length)}${labelOf(job)}: ${statusOf(at)}`),
    onEnd(outcome) {
      done += 1;
      // The command says why.
      if ("error" in outcome && jobs.length === 1) return;
      progress.line(`${count(done, jobs.length)}${labelOf(outcome.job)}: ${endOf(outcome)}`);
    },
    line: (text) => progress.line(text),
    end: () => progress.clear(),
  };
}

const count = (i: number, n: number): string => (n > 1 ? `${Math.min(i, n)}/${n} ` : "");
const labelOf = ({ name, variant, seed }: Job): string => `${runName(name, variant)}, seed ${seed}`;

function statusOf({ step, steps, loss, gradNormSq, teleports, stepsPerSecond }: JobProgress): string {
  const parts = [
    `step ${step} of ${steps}`,
    `loss ${formatNumber(loss)}`,
    ...(gradNormSq === undefined ? [] : [`||g||^2 ${formatNumber(gradNormSq)}`]),
    ...(teleports > 0 ? [`${teleports} teleport${teleports > 1 ? "s" : ""}`] : []),
    `${formatNumber(stepsPerSecond, 3)} it/s`,
    ...(step < steps ? [`${formatDuration((steps - step) / stepsPerSecond)} left`] : []),
  ];
  return parts.join(", ");
}

function endOf(outcome: JobOutcome): string {
  if ("error" in outcome) {
    return outcome.error instanceof MissingDataError ? "skipped, its data are not here" : "failed";
  }
  const { status, steps, wallSeconds, metrics, teleports, directory } = outcome.result.document;
  const accepted = teleports.filter((t) => t.accepted).length;
  const accuracy = metrics["validation.accuracy"];
  const loss = finalLoss(outcome.result);
  const parts = [
    `${status} after ${steps} steps`,
    `${resultName(finalLossMetric).label} ${loss === null ? "-" : formatNumber(loss)}`,
    ...(typeof accuracy === "number"
      ? [`${resultName("validation.accuracy").label} ${(100 * accuracy).toFixed(1)} %`]
      : []),
    ...(teleports.length > 0 ? [`${accepted} of ${teleports.length} teleports accepted`] : []),
    formatDuration(wallSeconds ?? Number.NaN),
    ...(directory === null ? [] : [directory]),
  ];
  return parts.join(", ");
}
