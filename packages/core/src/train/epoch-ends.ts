import { describeValue } from "../describe.js";
import { OptionError } from "../errors.js";
import type { Quantities } from "../metrics/metric.js";
import { namedArrays } from "../named-arrays.js";
import type { Optimizer, OptimizerState } from "../optim/optimizer.js";
import { restartState } from "../optim/restart-state.js";
import { type EarlyStoppingOptions, watchOf } from "./early-stopping.js";
import type { BestEpoch, EpochRow } from "./epoch-row.js";
import { checkArrays } from "./state.js";

/** The trees of a run, of one task or of several, that its best epoch keeps. */
interface WithBest {
  readonly step: number;
  readonly params: unknown;
  readonly state: unknown;
  readonly optimizer: OptimizerState;
  readonly best?: BestEpoch<unknown, unknown> | undefined;
}

/** What is needed of a trainer, of one task or of several, at the ends of epochs. */
export interface EpochSource<D, M, V> {
  /** Infinity without data. */
  readonly stepsPerEpoch: number;
  readonly optimizer: Optimizer;
  current(): WithBest;
  /** Parameters and model state that are measured. */
  evaluated(): Pick<WithBest, "params" | "state">;
  change(parts: Partial<Omit<WithBest, "step">>): void;
  rows(): EpochRow<V>[];
  /** Mean training loss from a step on, and seconds so far. */
  training(first: number): Pick<EpochRow, "loss" | "seconds">;
  /** Checks metrics; returns what is known of what will be measured. */
  quantities(metrics: M | undefined): Quantities;
  /** Evaluates the current state. */
  measure(validation: D, metrics: M | undefined): Promise<V>;
}

interface EpochOptions<D, M, V> {
  readonly epochs?: number | undefined;
  readonly validation?: D | undefined;
  readonly metrics?: M | undefined;
  readonly earlyStopping?: EarlyStoppingOptions | undefined;
  readonly best?: "keep" | "restore" | undefined;
  readonly onBest?: ((row: EpochRow<V>) => void | Promise<void>) | undefined;
  readonly onEpoch?: ((row: EpochRow<V>) => void | Promise<void>) | undefined;
}

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
export function epochEnds<D, M, V>(
  options: EpochOptions<D, M, V>,
  run: EpochSource<D, M, V>,
): EpochEnds | undefined {
  const { epochs, validation, metrics, earlyStopping, best, onBest, onEpoch } = options;
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
  const { stepsPerEpoch } = run;
  if (stepsPerEpoch === Infinity) throw new OptionError("run: without data there are no epochs to evaluate.");
  const quantities = run.quantities(metrics);
  const watch = earlyStopping || best || onBest ? watchOf(earlyStopping ?? {}, quantities) : undefined;
  const keepIfBest = (row: EpochRow<V>): void => {
    if (watch === undefined) return;
    const value = watch.valueOf(row);
    const { best: before } = run.current();
    const { params, state } = run.evaluated();
    if (best === undefined || !Number.isFinite(value)) return;
    if (before?.metric === watch.metric && !watch.isBetter(value, before.value)) return;
    run.change({ best: { epoch: row.epoch, metric: watch.metric, value, params, state } });
  };
  return {
    stepsLeft: (step) => stepsPerEpoch - (step % stepsPerEpoch),
    async endAt(step) {
      if (step % stepsPerEpoch !== 0) return;
      const row: EpochRow<V> = {
        epoch: step / stepsPerEpoch,
        step,
        ...run.training(step - stepsPerEpoch),
        ...(validation === undefined ? {} : { validation: await run.measure(validation, metrics) }),
      };
      keepIfBest(row);
      run.rows().push(row);
      // By the rows alone, which a resumed run has.
      if (watch?.endsWithBest(run.rows())) await onBest?.(row);
      await onEpoch?.(row);
    },
    isOver: () => earlyStopping !== undefined && watch?.isOver(run.rows()) === true,
    restoreBest() {
      const { best: kept, optimizer } = run.current();
      if (best !== "restore" || !kept) return;
      const { params, state } = kept;
      run.change({ params, state, optimizer: restartState(run.optimizer, optimizer, params) });
    },
  };
}

/**
 * Checks that a state's best epoch fits the run.
 *
 * @throws ShapeError, DTypeError
 */
export function checkBest(given: WithBest, { params, state }: WithBest): void {
  if (given.best === undefined) return;
  const { params: bestParams, state: bestState } = given.best;
  checkArrays(
    namedArrays({ params: bestParams, state: bestState }),
    namedArrays({ params, state }),
    "The best epoch of the state",
  );
}
