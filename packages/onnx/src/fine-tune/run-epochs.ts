import { type Dataset, type Metrics, type NdArray, NumericalError, type Trainer } from "isoloss";
import { withoutUndefined } from "isoloss/internal";

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
  readonly test?: Dataset | undefined;
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
  /** On the test data: the model as it came, and the best epoch, which they did not choose. Left out without such data. */
  readonly test?: { readonly before: Metrics; readonly best: Metrics } | undefined;
  readonly ended: Ending;
  /** Why the training diverged. */
  readonly problem?: string | undefined;
}

/** Trains for some epochs and keeps the state with the smallest validation loss; the first one on ties. */
export async function runEpochs(
  trainer: Trainer<Arrays, Arrays>,
  { epochs, validation, test, onEpoch, signal }: EpochSettings,
): Promise<EpochResults> {
  const history: FineTuneEpoch[] = [];
  const record = async (row: FineTuneEpoch): Promise<void> => {
    history.push(row);
    await onEpoch(row);
  };
  const { params, state } = trainer.current;
  const asItCame = { epoch: 0, params, state };
  const testedBefore = test && (await trainer.evaluate(test));
  const results = async (ended: Ending, problem?: string): Promise<EpochResults> => {
    const { best } = trainer.current;
    const isBetter = best !== undefined && !(history[0].validation.loss <= best.value);
    const { epoch, params: kept, state: keptState } = isBetter ? best : asItCame;
    if (test && isBetter) trainer.restore({ ...trainer.current, params: kept, state: keptState });
    return {
      history,
      best: { epoch, params: kept, state: keptState },
      ...(test &&
        testedBefore && {
          test: { before: testedBefore, best: isBetter ? await trainer.evaluate(test) : testedBefore },
        }),
      ended,
      ...withoutUndefined({ problem }),
    };
  };
  await record({ epoch: 0, validation: await trainer.evaluate(validation), seconds: 0 });
  try {
    const { status } = await trainer.run({
      epochs,
      validation,
      best: "keep",
      signal,
      reportEvery: Math.ceil(trainer.stepsPerEpoch / 10),
      onEpoch: ({ epoch, loss, validation: measured, seconds }) =>
        record({ epoch, trainingLoss: loss, validation: measured as Metrics, seconds }),
    });
    return await results(status === "interrupted" ? "interrupted" : "complete");
  } catch (error) {
    if (!(error instanceof NumericalError)) throw error;
    return results("diverged", error.message);
  }
}
