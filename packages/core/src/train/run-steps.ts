import { describeValue, OptionError } from "../errors.js";
import { restartState } from "../optim/restart-state.js";
import type { ScheduleContext } from "../optim/schedules.js";
import { abortSignal, requireKnown } from "../options.js";
import { watchOf } from "./early-stopping.js";
import type { EpochRow } from "./epoch-row.js";
import type { RunHistory } from "./history.js";
import {
  type AnyState,
  evaluated,
  type LearningRate,
  meanOf,
  type OpenTrainer,
  type RunStepsOptions,
} from "./run.js";

/** How a run ended: after its steps, by early stopping, or by its signal. */
export interface RunResult {
  readonly status: "completed" | "stopped" | "interrupted";
}

const known = [
  ...(["steps", "epochs", "validation", "metrics", "earlyStopping", "best", "onBest"] as const),
  ...(["onEpoch", "signal", "onProgress", "reportEvery"] as const),
];

/**
 * Performs steps, with reports, and with a row of the history at the end of each epoch where the options ask for epochs.
 *
 * @throws OptionError for options that are unknown or out of range
 */
export async function runSteps<T extends AnyState, H extends RunHistory<V>, R, D, M, V>(
  options: RunStepsOptions<R, D, M, V>,
  trainer: OpenTrainer<T, H, R, D, M, V>,
): Promise<RunResult> {
  const { run, parts, lifetime, rateOf } = trainer;
  lifetime.requireOpen();
  const { stepsPerEpoch } = parts;
  requireOptions("run", options, known, "{ steps: 100 } or { epochs: 5 }");
  if (options.signal !== undefined && !abortSignal.test(options.signal)) {
    throw new OptionError(
      `run: signal must be ${abortSignal.expected}; got ${describeValue(options.signal)}.`,
    );
  }
  const first = run.current.step;
  const last = lastStep(options, first, stepsPerEpoch);
  const { onProgress, signal, reportEvery = Math.max(10, Math.ceil((last - first) / 100)) } = options;
  requireCount("reportEvery", reportEvery, 1);
  const epochs = epochEnds(options, trainer);
  let status: RunResult["status"] = "completed";
  const isAborted = abortedOf(signal);
  while (run.current.step < last) {
    if (await isAborted()) status = "interrupted";
    else if (epochs?.isOver()) status = "stopped";
    if (status !== "completed") break;
    const begin = performance.now();
    const { step: before } = run.current;
    const most = Math.min(reportEvery, last - before, epochs?.stepsLeft(before) ?? Infinity);
    const report = await lifetime.compute("run", () => parts.advance(run, most, rateOf));
    const { step } = run.current;
    const stepsPerSecond = (1000 * (step - before)) / (performance.now() - begin);
    await epochs?.endAt(step);
    await onProgress?.({ ...report, step, last, epoch: step / stepsPerEpoch, stepsPerSecond });
  }
  if (status !== "interrupted") epochs?.restoreBest();
  return { status };
}

/** The step at which a run ends. */
function lastStep(
  { steps, epochs }: { readonly steps?: number | undefined; readonly epochs?: number | undefined },
  first: number,
  stepsPerEpoch: number,
): number {
  if ((steps === undefined) === (epochs === undefined)) {
    throw new OptionError(
      `run takes steps or epochs, one of them; got ${steps === undefined ? "neither" : "both"}.`,
    );
  }
  if (epochs === undefined) {
    requireCount("steps", steps as number, 0);
    return first + (steps as number);
  }
  requireCount("epochs", epochs, 0);
  if (stepsPerEpoch === Infinity)
    throw new OptionError("run: without data there are no epochs; write steps.");
  return Math.max(first, (Math.floor(first / stepsPerEpoch) + epochs) * stepsPerEpoch);
}

/** Milliseconds of computation after which events such as that of a signal get their turn. */
const longestTurn = 50;

/** Whether a signal is aborted; lets events happen first, as they only come between tasks. */
function abortedOf(signal: AbortSignal | undefined): () => Promise<boolean> {
  let since = performance.now();
  return async () => {
    if (signal === undefined) return false;
    if (performance.now() - since > longestTurn) {
      await new Promise((next) => setTimeout(next));
      since = performance.now();
    }
    return signal.aborted;
  };
}

/**
 * Checks options that give the length of a run as `steps`.
 *
 * @throws OptionError
 */
export function requireSteps<T extends { readonly steps: number }>(
  owner: string,
  options: T,
  known: readonly (string & keyof T)[],
): void {
  requireOptions(owner, options, known, "{ steps: 100 }");
  requireCount(`${owner}: steps`, options.steps, 0);
}

function requireOptions<T extends object>(
  owner: string,
  options: T,
  known: readonly (string & keyof T)[],
  example: string,
): void {
  if (typeof options !== "object" || options === null) {
    throw new OptionError(`${owner} takes an object, such as ${example}; got ${options}.`);
  }
  requireKnown(owner, options, known);
}

/** @throws OptionError unless a value is a count of at least `least` */
export function requireCount(what: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new OptionError(`${what} must be an integer >= ${least}; got ${describeValue(value)}.`);
  }
}

/**
 * The learning rate of every step, checked on use; a constant is checked at once.
 *
 * @param run what a function may look at; default epochs of one step, of which none is over
 * @throws OptionError for a rate that is not a finite number >= 0
 */
export function learningRateOf(
  owner: string,
  learningRate: LearningRate,
  run: () => ScheduleContext = () => ({ stepsPerEpoch: 1, epochs: [] }),
): (step: number) => number {
  const rateOf = (step: number): number => {
    const rate = typeof learningRate === "function" ? learningRate(step, run()) : learningRate;
    if (Number.isFinite(rate) && rate >= 0) return rate;
    throw new OptionError(
      `${owner}: the learning rate must be a finite number >= 0; got ${describeValue(rate)} at step ${step}.`,
    );
  };
  if (typeof learningRate !== "function") rateOf(0);
  return rateOf;
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
function epochEnds<T extends AnyState, H extends RunHistory<V>, R, D, M, V>(
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
