// The schedule K of symmetry teleportation: Zhao, Dehmamy, Walters, Yu, NeurIPS 2022, algorithm 1.

import { describeValue, OptionError } from "../errors.js";
import { integerFrom, nonNegative, number, type OptionsOf, optionTable } from "../options.js";

/** What a schedule gets when it is asked, before a step is taken. */
export interface Occasion {
  /** Steps done. */
  readonly step: number;
  readonly stepsPerEpoch: number;
  /** floor(step / stepsPerEpoch): the number of finished passes over the data. */
  readonly epoch: number;
  /** Index of the next batch in its epoch, from 0. */
  readonly batchInEpoch: number;
  /** Training losses of the steps since the schedule was last asked, in order. */
  readonly losses: readonly number[];
  /**
   * Relative growth of the objective by a trial teleport from here; measured only for schedules with
   * `needsPredictedGain`.
   */
  readonly predictedGain?: number | undefined;
}

/**
 * When to teleport: pure functions of a state that is plain data, so that a run resumed from a checkpoint
 * teleports exactly like an uninterrupted one.
 *
 * @typeParam S state that JSON can represent; null if there is none
 */
export interface When<S = unknown> {
  readonly name: string;
  /** Whether `should` uses the predicted gain, which costs as much as a teleport. */
  readonly needsPredictedGain?: boolean | undefined;
  /**
   * Whether the answers depend on the step alone, neither on losses nor on what the schedule was asked before: the
   * teleports can then be a part of a compiled loop of steps. Default false.
   */
  readonly isPlanned?: boolean | undefined;
  /** State before the first step. */
  init(): S;
  /** Whether to teleport now, and the next state. */
  should(now: Occasion, state: S): { readonly teleport: boolean; readonly state: S };
  /**
   * The first step after `now` at which `should` may return true, given the state after `now`. The steps
   * before it can run without a break: `should` is not called for them, and gets their losses later.
   * Infinity: never again. Left out or undefined: `should` is called after every report of the run.
   */
  nextStep?(now: Pick<Occasion, "step" | "stepsPerEpoch">, state: S): number | undefined;
}

/** An {@link Occasion} from a count of steps. */
export function occasionAt(
  step: number,
  stepsPerEpoch: number,
  losses: readonly number[] = [],
  predictedGain?: number,
): Occasion {
  return {
    step,
    stepsPerEpoch,
    epoch: Math.floor(step / stepsPerEpoch),
    batchInEpoch: step % stepsPerEpoch,
    losses,
    predictedGain,
  };
}

/** A schedule whose steps are known in advance. */
function planned(name: string, next: (from: number, stepsPerEpoch: number) => number): When<null> {
  return {
    name,
    isPlanned: true,
    init: () => null,
    should: ({ step, stepsPerEpoch }, state) => ({ teleport: next(step, stepsPerEpoch) === step, state }),
    nextStep: ({ step, stepsPerEpoch }) => next(step + 1, stepsPerEpoch),
  };
}

/**
 * Teleports at given steps: before step t, counted from 0, for each t in K.
 *
 * @throws OptionError unless all steps are integers >= 0
 *
 * @example
 * atSteps([5]); // the regression of Zhao et al., NeurIPS 2022
 */
export function atSteps(steps: readonly number[]): When<null> {
  const sorted = sortedIntegers("atSteps", "steps", steps);
  return planned("at steps", (from) => sorted.find((step) => step >= from) ?? Infinity);
}

export interface EveryOptions extends OptionsOf<typeof everyOptions> {}

/** A number of steps. */
const count = number({ integer: true, min: 0, infinite: true });

export const everyOptions = optionTable("every", {
  /** First step; default k. */
  from: integerFrom(0).otherwise("k"),
  /** No teleport at this step or later; default never. */
  until: count.default(Infinity),
  /** Maximum number of teleports; default no limit. */
  max: count.default(Infinity),
});

/**
 * Teleports every k steps: at from, from + k, from + 2k, ...
 *
 * @throws OptionError for numbers that are no integers, or too small
 *
 * @example
 * every(100, { from: 99 }); // t % 100 === 99
 */
export function every(k: number, options: EveryOptions = {}): When<null> {
  requireCount("every", "k", k, 1);
  const { from: first = k, until, max } = everyOptions.read(options);
  return planned(`every ${k} steps`, (from) => {
    const index = Math.max(0, Math.ceil((from - first) / k));
    const step = first + k * index;
    return index < max && step < until ? step : Infinity;
  });
}

export interface InEpochsOptions extends OptionsOf<typeof inEpochsOptions> {}

export const inEpochsOptions = optionTable("inEpochs", {
  /** Number of mini-batches in each epoch; default 1. */
  batches: integerFrom(1).default(1),
});

/**
 * Teleports in the listed epochs, before each of the first mini-batches: the schedule for SGD of Zhao et al.,
 * NeurIPS 2022.
 *
 * @param epochs counted from 0
 * @throws OptionError for numbers that are no integers, or too small
 *
 * @example
 * inEpochs([1], { batches: 4 }); // after one pass over the data, on four batches
 */
export function inEpochs(epochs: readonly number[], options: InEpochsOptions = {}): When<null> {
  const sorted = sortedIntegers("inEpochs", "epochs", epochs);
  const { batches } = inEpochsOptions.read(options);
  return planned("in epochs", (from, stepsPerEpoch) => {
    const count = Math.min(batches, stepsPerEpoch);
    const epoch = sorted.find((e) => e * stepsPerEpoch + count > from);
    return epoch === undefined ? Infinity : Math.max(from, epoch * stepsPerEpoch);
  });
}

export interface OnPlateauOptions extends OptionsOf<typeof onPlateauOptions> {}

export const onPlateauOptions = optionTable("onPlateau", {
  /** Number of consecutive losses without improvement to wait for; default 100. */
  patience: integerFrom(0).default(100),
  /** Smallest improvement that counts, as a fraction of the best loss; default 1e-3. */
  threshold: nonNegative.default(1e-3),
  /** Number of losses after a teleport to ignore; default 0. */
  cooldown: integerFrom(0).default(0),
});

/** State of {@link onPlateau}. */
export interface OnPlateauState {
  /** Best loss so far; null before the first. */
  readonly best: number | null;
  /** Number of consecutive losses without improvement. */
  readonly waited: number;
  /** Number of losses still to ignore. */
  readonly cooldown: number;
}

/**
 * Teleports when the training loss stops falling: after more than `patience` consecutive losses that are not
 * below best - threshold |best|. A loss that is not finite is not an improvement. With mini-batches the
 * losses are noisy, so `patience` should be an epoch or more.
 *
 * @throws OptionError for options out of range
 *
 * @example
 * onPlateau({ patience: 200, cooldown: 1000 });
 */
export function onPlateau(options: OnPlateauOptions = {}): When<OnPlateauState> {
  const { patience, threshold, cooldown } = onPlateauOptions.read(options);
  const after = ({ best, waited, cooldown: left }: OnPlateauState, loss: number): OnPlateauState => {
    const isBetter = Number.isFinite(loss) && (best === null || loss < best - threshold * Math.abs(best));
    return {
      best: isBetter ? loss : best,
      waited: isBetter || left > 0 ? 0 : waited + 1,
      cooldown: Math.max(0, left - 1),
    };
  };
  return {
    name: "on a plateau",
    init: () => ({ best: null, waited: 0, cooldown: 0 }),
    should({ losses }, before) {
      const state = losses.reduce(after, before);
      if (state.waited <= patience) return { teleport: false, state };
      return { teleport: true, state: { best: state.best, waited: 0, cooldown } };
    },
    nextStep: ({ step }, { waited, cooldown: left }) => step + left + patience + 1 - waited,
  };
}

export interface OnPredictedGainOptions extends OptionsOf<typeof onPredictedGainOptions> {}

export const onPredictedGainOptions = optionTable("onPredictedGain", {
  /** Steps between two trials; default 100. */
  every: integerFrom(1).default(100),
});

/**
 * Teleports when a trial raises the objective by more than the fraction `threshold`: 1 waits for twice the
 * objective. It tries only every `every` steps, as each trial costs a teleport.
 *
 * @throws OptionError for a threshold that is not a finite number >= 0, for other options out of range, and,
 *   when it is asked, if no predicted gain was measured
 *
 * @example
 * onPredictedGain(0.5, { every: 200 });
 */
export function onPredictedGain(threshold: number, options: OnPredictedGainOptions = {}): When<null> {
  if (!nonNegative.test(threshold)) {
    throw new OptionError(
      `onPredictedGain: the threshold must be ${nonNegative.expected}; got ${threshold}.`,
    );
  }
  const { every: k } = onPredictedGainOptions.read(options);
  const looks = every(k);
  return {
    ...looks,
    name: "on predicted gain",
    isPlanned: false,
    needsPredictedGain: true,
    should(now, state) {
      if (!looks.should(now, state).teleport) return { teleport: false, state };
      if (now.predictedGain === undefined) {
        throw new OptionError(
          `onPredictedGain: at step ${now.step} there is no predictedGain; measure it before asking a schedule with needsPredictedGain.`,
        );
      }
      return { teleport: now.predictedGain > threshold, state };
    },
  };
}

export interface WhenOptions extends OptionsOf<typeof whenOptions> {}

const whenOptions = optionTable("when", {
  /** Steps between two calls; default 1: before every step, so that no steps run without a break. */
  every: integerFrom(1).default(1),
});

/**
 * A custom schedule from a function without a state. For one with a state, write a {@link When}.
 *
 * @throws OptionError for options out of range
 *
 * @example
 * when(({ step, losses }) => step > 500 && (losses.at(-1) ?? 0) > 1, { every: 50 });
 */
export function when(should: (now: Occasion) => boolean, options: WhenOptions = {}): When<null> {
  const { every: k } = whenOptions.read(options);
  const asked = every(k, { from: 0 });
  return {
    ...asked,
    name: "own function",
    isPlanned: false,
    should: (now, state) => ({ teleport: asked.should(now, state).teleport && should(now), state }),
  };
}

function requireCount(owner: string, name: string, value: number, least: number): void {
  const { expected, test } = integerFrom(least);
  if (!test(value))
    throw new OptionError(`${owner}: ${name} must be ${expected}; got ${describeValue(value)}.`);
}

function sortedIntegers(owner: string, name: string, values: readonly number[]): number[] {
  if (!Array.isArray(values) || !values.every((v) => integerFrom(0).test(v))) {
    throw new OptionError(`${owner}: ${name} must be a list of integers >= 0; got ${describeValue(values)}.`);
  }
  return [...values].sort((a, b) => a - b);
}
