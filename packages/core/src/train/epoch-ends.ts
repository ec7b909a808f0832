import { describeValue } from "../describe.js";
import { OptionError } from "../errors.js";
import { restartState } from "../optim/restart-state.js";
import { watchOf } from "./early-stopping.js";
import type { EpochRow } from "./epoch-row.js";
import type { RunHistory } from "./history.js";
import { type AnyState, evaluated, meanOf, type OpenTrainer, type RunStepsOptions } from "./run.js";

/** What happens at the ends of epochs. */
export interface EpochEnds {
  /** Steps up to the end of the epoch. */
  stepsLeft(step: number): number;
  /** Records the end of an epoch if a step is one. */
  endAt(step: number): Promise<void>;
  /** Whether early stopping ends the run, as far as the history goes. */
  isOver(): boolean;
  /** Continues with the best epoch's parameters, if the options say so. */
  restoreBest(): void;
}

/**
 * Records the ends of epochs in the history: training loss, validation, and what the best epoch was. All of it is in state
 * and history, hence in checkpoints.
 *
 * @returns undefined if the options ask for nothing of the kind
 * @throws OptionError
 */
export function epochEnds<T extends AnyState, H extends RunHistory<V>, R, D, M, V>(
  { epochs, validation, metrics, earlyStopping, best, onBest, onEpoch }: RunStepsOptions<R, D, M, V>,
  trainer: OpenTrainer<T, H, R, D, M, V>,
): EpochEnds | undefined {
  const { run, parts, lifetime } = trainer;
  if (best !== undefined && best !== "keep" && best !== "restore") {
    throw new OptionError(`run: best must be keep or restore; got ${describeValue(best)}.`);
  }
  if (validation === undefined) {
    const needs = Object.entries({ metrics, earlyStopping, best, onBest }).find(
      ([, value]) => value !== undefined,
    );
    if (needs) throw new OptionError(`run: ${needs[0]} needs validation data, { validation }.`);
    if (epochs === undefined && onEpoch === undefined) return undefined;
  }
  const { stepsPerEpoch } = parts;
  if (stepsPerEpoch === Infinity) throw new OptionError("run: without data there are no epochs to evaluate.");
  const quantities = parts.quantities(metrics);
  const watch = earlyStopping || best || onBest ? watchOf(earlyStopping ?? {}, quantities) : undefined;
  const keepIfBest = (row: EpochRow<V>): void => {
    if (watch === undefined) return;
    const value = watch.valueOf(row);
    const { best: before } = run.current;
    if (best === undefined || !Number.isFinite(value)) return;
    if (before?.metric === watch.metric && !watch.isBetter(value, before.value)) return;
    const { params, state } = evaluated(trainer);
    run.current = {
      ...run.current,
      best: { epoch: row.epoch, metric: watch.metric, value, params, state },
    };
  };
  return {
    stepsLeft: (step) => stepsPerEpoch - (step % stepsPerEpoch),
    async endAt(step) {
      if (step % stepsPerEpoch !== 0) return;
      const { history } = run;
      const measured = async (data: D) =>
        lifetime.compute("run", () => parts.measure(evaluated(trainer), data, metrics));
      const row: EpochRow<V> = {
        epoch: step / stepsPerEpoch,
        step,
        loss: meanOf(parts.lossesOf(history).flatMap((list) => list.slice(step - stepsPerEpoch))),
        seconds: history.seconds.at(-1) ?? 0,
        ...(validation === undefined ? {} : { validation: await measured(validation) }),
      };
      keepIfBest(row);
      history.epochs.push(row);
      // By the rows alone, which a resumed run has.
      if (watch?.endsWithBest(history.epochs)) await onBest?.(row);
      await onEpoch?.(row);
    },
    isOver: () => earlyStopping !== undefined && watch?.isOver(run.history.epochs) === true,
    restoreBest() {
      const { best: kept, optimizer } = run.current;
      if (best !== "restore" || !kept) return;
      const { params, state } = kept;
      run.current = {
        ...run.current,
        params,
        state,
        optimizer: restartState(parts.optimizer, optimizer, params),
      };
    },
  };
}
