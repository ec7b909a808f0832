import { describeValue, isPlainObject, OptionError } from "../../errors.js";
import type { MultiTaskHistory } from "../../mtl/train/history.js";
import { inCode, type OptionsOf, oneOf, optionTable, text } from "../../options.js";
import type { EpochRow } from "../../train/epoch-row.js";
import type { History } from "../../train/history.js";
import type { RunSettings } from "../../train/run-settings.js";
import type { RecordedRun, RecordedStatus, RunRecord } from "./recorded.js";

export interface RecordedRunOptions extends OptionsOf<typeof recordedRunOptions> {}

const statuses = ["completed", "stopped", "interrupted", "diverged", "failed", "pruned"] as const;

const recordedRunOptions = optionTable("recordedRun", {
  /** Of the run: up to 60 letters, digits, ".", "_" and "-". */
  name: text("a name").required(),
  /** What the run is grouped by, a name of the same form, in `isoloss` and `tensorboard` a folder; default training. */
  experiment: text("a name").default("training"),
  /** Plain data that are shown beside the trainer's own settings, such as the sizes of the model; default none. */
  settings: inCode<Readonly<Record<string, unknown>>>("plain data by name", isPlainObject).otherwise("none"),
  /** How the run ended, as `run` returns it; default completed. */
  status: oneOf<RecordedStatus>(statuses).default("completed"),
  /** When the run began; default its seconds of computation ago. */
  startedAt: inCode<Date>("a valid Date", isDate).otherwise("its seconds of computation ago"),
});

/** What is recorded of a trainer, of one task or of several. */
export interface RunSource {
  readonly history: History | MultiTaskHistory;
  readonly settings: RunSettings;
}

/**
 * The history of a trainer, of one task or of several, as a run that other programs show: see `saveRun`.
 *
 * Its records are `loss` of each step, with `gradNormSq` where the trainer measures it, and of several tasks `loss.TASK`,
 * `weight.TASK` and `norm.TASK`; and `epoch`, `epoch.loss` (the mean of the epoch's steps) and `validation.NAME` at the end of
 * each epoch, which are also its results.
 *
 * @param run the trainer
 * @throws OptionError for a name that cannot be part of a path, and other options out of range
 *
 * @example
 * const recorded = recordedRun(trainer, { name: "sgd", settings: { layers: [64, 10] } });
 * recorded.records.length; // 2
 */
export function recordedRun(run: RunSource, options: RecordedRunOptions): RecordedRun {
  const { name, experiment, settings = {}, status, startedAt } = recordedRunOptions.read(options);
  requireName("name", name);
  requireName("experiment", experiment);
  const { history } = run;
  const spent = 1000 * (history.seconds.at(-1) ?? 0);
  return {
    experiment,
    name,
    status,
    startedAt: startedAt ?? new Date(Date.now() - spent),
    settings: { ...shownSettings(run.settings), ...settings },
    records: historyRecords(history),
    teleports: "teleports" in history ? history.teleports : [],
    results: lastResults(history),
  };
}

/** Names are parts of paths, in all formats. */
function requireName(option: string, name: string): void {
  if (/^[A-Za-z0-9_][A-Za-z0-9._-]{0,59}$/.test(name)) return;
  throw new OptionError(
    `recordedRun: ${option} must be up to 60 letters, digits, ".", "_" and "-", the first no "." or "-"; got ${describeValue(name)}.`,
  );
}

function isDate(value: unknown): boolean {
  return value instanceof Date && Number.isFinite(value.getTime());
}

/** A learning rate is stored as its values at some steps: a constant one is shown as one. */
function shownSettings({ learningRate, ...settings }: RunSettings): Record<string, unknown> {
  const isConstant = Array.isArray(learningRate) && learningRate.every((rate) => rate === learningRate[0]);
  return { ...settings, learningRate: isConstant ? learningRate[0] : learningRate };
}

// The numbers of a trainer's history by the names that reports, figures and other programs show.

/** All records of a history, ordered by step: of its steps, and of the ends of its epochs. */
function historyRecords(history: History | MultiTaskHistory): RunRecord[] {
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
function lastResults({ epochs }: History | MultiTaskHistory): Record<string, number> {
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
