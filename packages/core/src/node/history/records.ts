// The numbers of a trainer's history by the names that reports, figures and other programs show.
import type { MultiTaskHistory } from "../../mtl/train/history.js";
import type { EpochRow } from "../../train/epoch-row.js";
import type { History } from "../../train/history.js";
import type { RunRecord } from "./recorded.js";

/** All records of a history, ordered by step: of its steps, and of the ends of its epochs. */
export function historyRecords(history: History | MultiTaskHistory): RunRecord[] {
  const steps = history.seconds.map((_, step) => stepRecord(history, step));
  return [...steps, ...history.epochs.map(epochRecord)].sort((a, b) => a.step - b.step);
}

/**
 * The numbers of one step of a trainer's history by name, as runs are recorded; they are of the batch before its update.
 *
 * @param step in 0 .. steps done - 1
 *
 * @example
 * Object.keys(stepRecord(trainer.history, 0)).join(" "); // step loss seconds
 */
export function stepRecord(history: History | MultiTaskHistory, step: number): RunRecord {
  const seconds = history.seconds[step];
  if (!("losses" in history)) {
    return { step, loss: history.loss[step], ...measured({ gradNormSq: history.gradNormSq[step] }), seconds };
  }
  const { tasks, losses, weights, norms, cosines, directionNorms } = history;
  const perTask = (name: string, lists: readonly number[][]) =>
    prefixed(name, Object.fromEntries(lists.map((list, k) => [tasks[k], list[step]])));
  return {
    step,
    loss: losses.reduce((sum, list) => sum + list[step], 0) / losses.length,
    gradNormSq: directionNorms[step] ** 2,
    seconds,
    ...perTask("loss", losses),
    ...perTask("weight", weights),
    ...perTask("norm", norms),
    ...prefixed("cosine", Object.fromEntries(cosines.map((list, pair) => [pair, list[step]]))),
  };
}

/** The end of an epoch. */
const epochRecord = ({ step, seconds, epoch, loss, validation }: EpochRow<object>): RunRecord => ({
  step,
  seconds,
  epoch,
  "epoch.loss": loss,
  ...prefixed("validation", validation ?? {}),
});

/** The results of a run: what its last epoch measured. */
export function lastResults({ epochs }: History | MultiTaskHistory): Record<string, number> {
  const last: EpochRow<object> | undefined = epochs.at(-1);
  return prefixed("validation", last?.validation ?? {});
}

/** The numbers among values, each named by a prefix and its own name. */
function prefixed(prefix: string, values: object): Record<string, number> {
  return measured(Object.fromEntries(Object.entries(values).map(([name, v]) => [`${prefix}.${name}`, v])));
}

/** What is a number and was measured. */
const measured = (values: Readonly<Record<string, unknown>>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(values).filter(
      (entry): entry is [string, number] => typeof entry[1] === "number" && !Number.isNaN(entry[1]),
    ),
  );
