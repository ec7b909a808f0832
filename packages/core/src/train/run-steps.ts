import { describeValue } from "../describe.js";
import { OptionError } from "../errors.js";
import { requireKnown } from "../options.js";
import type { Lifetime } from "../runtime/lifetime.js";

/** A number, or a function of the step (0, 1, ...): see schedules. */
export type LearningRate = number | ((step: number) => number);

/** Options of every call of a trainer's `run`. */
export interface RunStepsOptions<M> {
  readonly steps: number;
  /**
   * Called between steps, and awaited: it may save a checkpoint, evaluate or restore. An exception that it
   * throws ends the run.
   */
  readonly onProgress?: ((progress: M & StepsProgress) => void | Promise<void>) | undefined;
  /** Steps between reports; default a hundredth of the run, at least 10. */
  readonly reportEvery?: number | undefined;
}

/** The progress of a run. */
export interface StepsProgress {
  /** Steps done. */
  readonly step: number;
  /** Passes over the data done, as a fraction; 0 without data. */
  readonly epoch: number;
  readonly stepsPerSecond: number;
}

/** Performs the steps of a run. */
export interface Stepper<M> {
  readonly lifetime: Lifetime;
  /** Infinity without data. */
  readonly stepsPerEpoch: number;
  /** Steps done. */
  step(): number;
  /** Performs at least one and at most `most` steps and returns a report on them. */
  advance(most: number): Promise<M>;
}

/**
 * Performs steps, with reports.
 *
 * @throws OptionError for options that are unknown or out of range
 */
export async function runSteps<M>(options: RunStepsOptions<M>, run: Stepper<M>): Promise<void> {
  run.lifetime.requireOpen();
  const { stepsPerEpoch } = run;
  requireSteps("run", options, ["steps", "onProgress", "reportEvery"], stepsPerEpoch);
  const { steps, onProgress, reportEvery = Math.max(10, Math.ceil(steps / 100)) } = options;
  requireCount("reportEvery", reportEvery, 1);
  const last = run.step() + steps;
  while (run.step() < last) {
    const begin = performance.now();
    const first = run.step();
    const report = await run.lifetime.compute("run", () => run.advance(Math.min(reportEvery, last - first)));
    const step = run.step();
    await onProgress?.({
      ...report,
      step,
      epoch: step / stepsPerEpoch,
      stepsPerSecond: (1000 * (step - first)) / (performance.now() - begin),
    });
  }
}

/**
 * Checks options that give the length of a run as `steps`.
 *
 * @param stepsPerEpoch to convert `epochs` in the error message
 * @throws OptionError
 */
export function requireSteps<T extends { readonly steps: number }>(
  owner: string,
  options: T,
  known: readonly (string & keyof T)[],
  stepsPerEpoch = 1,
): void {
  if (typeof options !== "object" || options === null) {
    throw new OptionError(`${owner} takes an object, such as { steps: 100 }; got ${options}.`);
  }
  const { epochs } = options as { readonly epochs?: unknown };
  if (epochs !== undefined) {
    const n = typeof epochs === "number" ? epochs : 1;
    const written =
      stepsPerEpoch === Infinity
        ? "steps: without data there are no epochs"
        : `steps: ${Math.round(n * stepsPerEpoch)} (${stepsPerEpoch === 1 ? "each step sees all data" : `an epoch has ${stepsPerEpoch} steps, trainer.stepsPerEpoch`})`;
    throw new OptionError(`${owner} has no option "epochs"; write ${written}.`);
  }
  requireKnown(owner, options, known);
  requireCount(owner === "run" ? "steps" : `${owner}: steps`, options.steps, 0);
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
 * @throws OptionError for a rate that is not a finite number >= 0
 */
export function learningRateOf(owner: string, learningRate: LearningRate): (step: number) => number {
  const rateOf = (step: number): number => {
    const rate = typeof learningRate === "function" ? learningRate(step) : learningRate;
    if (Number.isFinite(rate) && rate >= 0) return rate;
    throw new OptionError(
      `${owner}: the learning rate must be a finite number >= 0; got ${describeValue(rate)} at step ${step}.`,
    );
  };
  if (typeof learningRate !== "function") rateOf(0);
  return rateOf;
}
