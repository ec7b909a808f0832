import { formatDuration, formatNumber } from "../experiments/results/format-number.js";
import { createProgress, type ProgressStream } from "../progress.js";
import { bestTrials } from "./confirm.js";
import type { StoredSweep } from "./directory.js";
import type { RunRecord } from "./lanes.js";
import { oriented } from "./metric.js";

/** Seconds between lines of progress where none can be rewritten. */
const every = 60;

/** A reporter on a stream: on a terminal a line that is rewritten; elsewhere failures, notes, and a line each minute. */
export function sweepReporter(
  sweep: StoredSweep,
  { words, stream }: { readonly words: () => string; readonly stream: ProgressStream | undefined },
) {
  const progress = createProgress(stream, { every });
  const { runs } = sweep.engine.state;
  return {
    update: () => progress.update([progressText(sweep), words()].join(", ")),
    /** Reports a run that has failed at once. */
    onRecord({ run, status, error }: RunRecord) {
      if (status !== "failed" && status !== "lost") return;
      progress.line(`${runs.get(run)?.place ?? run} ${status}: ${error ?? "no reason is known"}`);
    },
    line: progress.line,
    end: progress.clear,
  };
}

/** "34/60 trials, 12 pruned, best 0.1432 (trial 21), 4 min left" */
export function progressText({ loaded: { file }, engine: { state } }: StoredSweep): string {
  const { trials, runs, contenders, seconds, size, hasEnded } = state;
  const ended = trials.filter(({ status }) => status !== "running").length;
  const count = (status: string) => trials.filter((trial) => trial.status === status).length;
  const [best] = bestTrials(trials, 1);
  const others = (["pruned", "diverged", "failed", "lost"] as const).flatMap((status) =>
    count(status) > 0 ? [`${count(status)} ${status}`] : [],
  );
  const left =
    ended > 0 && ended < size ? [`${formatDuration((seconds / ended) * (size - ended))} left`] : [];
  const all = [...runs.values()].filter(({ isConfirming }) => isConfirming);
  const done = all.filter(({ record }) => record).length;
  // Seeds may have been left that were not needed.
  const confirming = contenders
    ? [hasEnded ? `confirmed by ${done} runs` : `confirming ${done}/${all.length}`]
    : left;
  return [
    `${ended}/${size} trials`,
    ...others,
    ...(best
      ? [`best ${formatNumber(oriented(file.metric, best.value as number), 4)} (trial ${best.trial})`]
      : []),
    ...confirming,
  ].join(", ");
}
