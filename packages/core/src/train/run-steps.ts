import { describeValue } from "../describe.js";
import { OptionError } from "../errors.js";
import type { ScheduleContext } from "../optim/schedules.js";
import { abortSignal } from "../option-kinds.js";
import { requireKnown } from "../options.js";
import type { EarlyStoppingOptions } from "./early-stopping.js";
import { epochEnds } from "./epoch-ends.js";
import type { EpochRow } from "./epoch-row.js";
import type { RunHistory } from "./history.js";
import type { AnyState, OpenTrainer } from "./run.js";

/** A number, or a function of the step (0, 1, ...), and of epochs so far where a trainer has them: see schedules. */
export type LearningRate = number | ((step: number, run: ScheduleContext) => number);

/**
 * Options of every call of a trainer's `run`.
 *
 * @typeParam R what is reported on steps
 * @typeParam D validation data
 * @typeParam M metrics
 * @typeParam V what is measured on validation data
 */
export interface RunStepsOptions<R, D = unknown, M = unknown, V = unknown> {
  /** Steps to do; or `epochs`. */
  readonly steps?: number | undefined;
  /** Passes over the data to do; one that is under way counts as the first. */
  readonly epochs?: number | undefined;
  /** Data that are evaluated at the end of each epoch; default none. */
  readonly validation?: D | undefined;
  /** Further quantities of the validation data, by name; default none. */
  readonly metrics?: M | undefined;
  /** Ends the run when a quantity of the validation data stops improving; default no end but that of the epochs. */
  readonly earlyStopping?: EarlyStoppingOptions | undefined;
  /**
   * Keeps parameters and model state of the best epoch in `current.best`, and with `restore` continues with them after the
   * run, unless the signal ended it. The best is that of the quantity of `earlyStopping`, or of the validation loss.
   */
  readonly best?: "keep" | "restore" | undefined;
  /**
   * Called at the end of each epoch that is the best so far, in this sense, and awaited, before `onEpoch`: with
   * `() => saveCheckpoint("best.safetensors", trainer)` a file always has the best epoch, whole.
   */
  readonly onBest?: ((row: EpochRow<V>) => void | Promise<void>) | undefined;
  /** Called at the end of each epoch, and awaited, like `onProgress`, which comes after it. */
  readonly onEpoch?: ((row: EpochRow<V>) => void | Promise<void>) | undefined;
  /** Ends the run after the steps under way when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Called between steps, and awaited: it may save a checkpoint, evaluate or restore. An exception that it
   * throws ends the run.
   */
  readonly onProgress?: ((progress: R & StepsProgress) => void | Promise<void>) | undefined;
  /** Steps between reports; default a hundredth of the run, at least 10. */
  readonly reportEvery?: number | undefined;
}

/** The progress of a run. */
export interface StepsProgress {
  /** Steps done. */
  readonly step: number;
  /** The step at which the run ends, unless something ends it earlier. */
  readonly last: number;
  /** Passes over the data done, as a fraction; 0 without data. */
  readonly epoch: number;
  readonly stepsPerSecond: number;
}

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
