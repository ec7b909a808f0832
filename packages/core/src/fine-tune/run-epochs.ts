import type { NdArray } from "../array.js";
import { takeRows } from "../data/batches.js";
import type { Dataset } from "../data/dataset.js";
import { NumericalError } from "../errors.js";
import type { Metrics } from "../train/epoch-row.js";
import type { Trainer } from "../train/trainer.js";

/** Arrays by their names in a file. */
export type Arrays = Readonly<Record<string, NdArray>>;

/** What is known after an epoch. */
export interface FineTuneEpoch {
  /** Passes over the data so far; 0: the model as it came. */
  readonly epoch: number;
  /** Mean loss of the epoch's batches, each before its step; left out before training. */
  readonly trainingLoss?: number | undefined;
  /** Loss and, for classes, accuracy on the validation data. */
  readonly validation: Metrics;
  /** Seconds of training so far. */
  readonly seconds: number;
}

export interface EpochSettings {
  readonly epochs: number;
  readonly validation: Dataset;
  /** Examples that are evaluated at once. */
  readonly evaluationSize: number;
  readonly onEpoch: (row: FineTuneEpoch) => void | Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

/** How the training ended: after all epochs, at a signal, or because a number was no longer finite. */
export type Ending = "complete" | "interrupted" | "diverged";

export interface EpochResults {
  readonly history: readonly FineTuneEpoch[];
  readonly best: {
    readonly epoch: number;
    readonly params: Arrays;
    readonly state: Arrays;
  };
  readonly ended: Ending;
  /** Why the training diverged. */
  readonly problem?: string | undefined;
}

/** Trains for some epochs and keeps the state with the smallest validation loss; the first one on ties. */
export async function runEpochs(
  trainer: Trainer<Arrays, Arrays>,
  { epochs, validation, evaluationSize, onEpoch, signal }: EpochSettings,
): Promise<EpochResults> {
  const history: FineTuneEpoch[] = [];
  let best: EpochResults["best"] & { readonly loss: number } = {
    epoch: 0,
    loss: Number.POSITIVE_INFINITY,
    ...statesOf(trainer),
  };
  const record = async (epoch: number, trainingLoss?: number): Promise<void> => {
    const metrics = await evaluated(trainer, validation, evaluationSize);
    if (metrics.loss < best.loss) best = { epoch, loss: metrics.loss, ...statesOf(trainer) };
    const seconds = trainer.history.seconds.at(-1) ?? 0;
    const row = {
      epoch,
      ...(trainingLoss === undefined ? {} : { trainingLoss }),
      validation: metrics,
      seconds,
    };
    history.push(row);
    await onEpoch(row);
  };
  const results = (ended: Ending, problem?: string): EpochResults => {
    const { loss: _, ...kept } = best;
    return { history, best: kept, ended, ...(problem === undefined ? {} : { problem }) };
  };
  const steps = trainer.stepsPerEpoch;
  try {
    await record(0);
    for (let epoch = 1; epoch <= epochs; epoch++) {
      if (!(await runEpoch(trainer, signal))) return results("interrupted");
      const losses = trainer.history.loss.slice(-steps);
      await record(epoch, losses.reduce((a, b) => a + b, 0) / losses.length);
    }
    return results("complete");
  } catch (error) {
    if (!(error instanceof NumericalError)) throw error;
    return results("diverged", error.message);
  }
}

const statesOf = ({ current: { params, state } }: Trainer<Arrays, Arrays>) => ({ params, state });

/** Trains for one epoch; false if the signal came before its end. */
async function runEpoch(trainer: Trainer<Arrays, Arrays>, signal: AbortSignal | undefined): Promise<boolean> {
  const parts = signal === undefined ? 1 : 10;
  const last = trainer.current.step + trainer.stepsPerEpoch;
  while (trainer.current.step < last) {
    // Events such as a signal's come between tasks alone.
    if (signal !== undefined) await new Promise((next) => setTimeout(next));
    if (signal?.aborted) return false;
    const steps = Math.min(Math.ceil(trainer.stepsPerEpoch / parts), last - trainer.current.step);
    await trainer.run({ steps, reportEvery: steps });
  }
  return true;
}

/** Loss and accuracy over a data set, some examples at a time: a whole one may not fit into memory. */
async function evaluated(
  trainer: Trainer<Arrays, Arrays>,
  { inputs, labels }: Dataset,
  size: number,
): Promise<Metrics> {
  const [count] = inputs.shape;
  const totals = { loss: 0, hits: 0 };
  let hasAccuracy = false;
  for (let first = 0; first < count; first += size) {
    const rows = Array.from({ length: Math.min(size, count - first) }, (_, i) => first + i);
    const part = { inputs: takeRows(inputs, rows), labels: takeRows(labels, rows) };
    const { loss, accuracy } = await trainer.evaluate(part);
    totals.loss += loss * rows.length;
    // A mean in float32 is rounded.
    totals.hits += Math.round((accuracy ?? 0) * rows.length);
    hasAccuracy = accuracy !== undefined;
  }
  return { loss: totals.loss / count, ...(hasAccuracy ? { accuracy: totals.hits / count } : {}) };
}
