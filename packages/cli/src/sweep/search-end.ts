import type { StoredSweep } from "./directory.js";
import type { SweepDocument } from "./document.js";
import { samplerOf } from "./samplers/sampler.js";
import type { SweepFile } from "./types.js";

/** "60 of 240 points" of a grid that a budget ends before; undefined otherwise. */
export function partOfGrid(file: SweepFile): string | undefined {
  if (file.method !== "grid") return undefined;
  const { size } = samplerOf(file);
  const { trials = Infinity } = file.budget;
  return trials < size ? `${trials} of ${size} points` : undefined;
}

/** Why the search ended before all of its trials had, and how much of its grid that was, as sentences; none where there is nothing to say. */
export function searchEnd(
  { loaded: { file } }: Pick<StoredSweep, "loaded">,
  document: SweepDocument,
): string[] {
  const part = partOfGrid(file);
  const { end, trials } = document;
  const error = trials.flatMap(({ runs }) => runs.flatMap((run) => run.error ?? []))[0];
  const reasons = {
    trials: undefined,
    target: `The search ended as a trial reached metric.target, ${file.metric.target}.`,
    failures: `The search ended as its first trials failed (stopAfter): ${error ?? "no reason is known"}`,
    seconds: `The search ended as budget.seconds, ${file.budget.seconds}, were over.`,
    steps: `The search ended as budget.steps, ${file.budget.steps}, were done.`,
  };
  const reason = end === null ? undefined : reasons[end];
  return [...(part ? [`Of the grid ${part}.`] : []), ...(reason ? [reason] : [])];
}
