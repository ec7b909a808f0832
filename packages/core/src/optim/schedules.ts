import { OptionError } from "../errors.js";
import {
  integerFrom,
  listOf,
  nonNegative,
  type OptionsOf,
  optionTable,
  positive,
  share,
} from "../options.js";

/** The learning rate of step t = 0, 1, ... */
export type Schedule = (step: number) => number;

/** What a learning rate may depend on besides the step. */
export interface ScheduleContext {
  /** Infinity without data. */
  readonly stepsPerEpoch: number;
  /** The ends of epochs so far: a trainer's `history.epochs`. */
  readonly epochs: readonly { readonly step: number; readonly validation?: unknown }[];
}

/**
 * A schedule that counts epochs instead of steps: the same rate throughout an epoch.
 *
 * @example
 * const rate = byEpoch(stepSchedule(0.1, { size: 30, gamma: 0.5 }));
 * rate(3000, { stepsPerEpoch: 100, epochs: [] }); // 0.05
 */
export const byEpoch =
  (schedule: Schedule) =>
  (step: number, { stepsPerEpoch }: ScheduleContext): number =>
    schedule(Math.floor(step / stepsPerEpoch));

function checkRate(owner: string, rate: number): void {
  if (!nonNegative.test(rate))
    throw new OptionError(`${owner}: the rate must be ${nonNegative.expected}; got ${rate}.`);
}

/**
 * The same rate at every step.
 *
 * @example
 * constantSchedule(0.1)(100); // 0.1
 */
export function constantSchedule(rate: number): Schedule {
  checkRate("constantSchedule", rate);
  return () => rate;
}

export interface StepScheduleOptions extends OptionsOf<typeof stepScheduleOptions> {}

export const stepScheduleOptions = optionTable("stepSchedule", {
  /** Steps between two reductions. */
  size: integerFrom(1).required(),
  /** Factor of a reduction; default 0.1. */
  gamma: positive.default(0.1),
});

/**
 * The rate times gamma after every `size` steps: rate gamma^floor(t / size). PyTorch's StepLR.
 *
 * @throws OptionError for values out of range
 *
 * @example
 * stepSchedule(1, { size: 10, gamma: 0.5 })(20); // 0.25
 */
export function stepSchedule(rate: number, options: StepScheduleOptions): Schedule {
  checkRate("stepSchedule", rate);
  const { size, gamma } = stepScheduleOptions.read(options);
  return (t) => rate * gamma ** Math.floor(t / size);
}

export interface PiecewiseScheduleOptions extends OptionsOf<typeof piecewiseScheduleOptions> {}

export const piecewiseScheduleOptions = optionTable("piecewiseSchedule", {
  /** Steps at which the next rate begins, in ascending order. */
  boundaries: listOf(integerFrom(1)).required(),
  /** The rates, one more than boundaries. */
  rates: listOf(nonNegative).required(),
});

/**
 * rates[k] from step boundaries[k - 1] (0 for the first) up to boundaries[k]. PyTorch's MultiStepLR with any factors.
 *
 * @throws OptionError for values out of range
 *
 * @example
 * piecewiseSchedule({ boundaries: [10, 20], rates: [0.3, 0.2, 0.1] })(10); // 0.2
 */
export function piecewiseSchedule(options: PiecewiseScheduleOptions): Schedule {
  const { boundaries, rates } = piecewiseScheduleOptions.read(options);
  if (boundaries.some((b, k) => k > 0 && b <= boundaries[k - 1]) || rates.length !== boundaries.length + 1) {
    throw new OptionError(
      `piecewiseSchedule: boundaries must ascend, and there must be one more rate than boundaries; ` +
        `got boundaries [${boundaries.join(", ")}] and ${rates.length} rates.`,
    );
  }
  return (t) => rates[boundaries.filter((b) => t >= b).length];
}

export interface ExponentialScheduleOptions extends OptionsOf<typeof exponentialScheduleOptions> {}

export const exponentialScheduleOptions = optionTable("exponentialSchedule", {
  /** Factor of every step. */
  gamma: positive.required(),
});

/**
 * The rate times gamma after every step: rate gamma^t. PyTorch's ExponentialLR.
 *
 * @throws OptionError for values out of range
 *
 * @example
 * exponentialSchedule(1, { gamma: 0.5 })(3); // 0.125
 */
export function exponentialSchedule(rate: number, options: ExponentialScheduleOptions): Schedule {
  checkRate("exponentialSchedule", rate);
  const { gamma } = exponentialScheduleOptions.read(options);
  return (t) => rate * gamma ** t;
}

export interface CosineScheduleOptions extends OptionsOf<typeof cosineScheduleOptions> {}

export const cosineScheduleOptions = optionTable("cosineSchedule", {
  /** Number of steps from the initial rate to the least one. */
  steps: integerFrom(1).required(),
  /** Rate at the end; default 0. */
  least: nonNegative.default(0),
});

/**
 * Decreases from `rate` to `least` in `steps` steps along half a cosine: least + (rate - least) (1 + cos(pi t
 * / steps)) / 2. PyTorch's CosineAnnealingLR; like it, it rises again after the end.
 *
 * Source: I. Loshchilov, F. Hutter, "SGDR", ICLR 2017, eq. 5, without restarts.
 *
 * @throws OptionError for values out of range
 *
 * @example
 * cosineSchedule(1, { steps: 10 })(10); // 0
 */
export function cosineSchedule(rate: number, options: CosineScheduleOptions): Schedule {
  checkRate("cosineSchedule", rate);
  const { steps, least } = cosineScheduleOptions.read(options);
  return (t) => least + ((rate - least) * (1 + Math.cos((Math.PI * t) / steps))) / 2;
}

export interface WarmUpOptions extends OptionsOf<typeof warmUpOptions> {}

export const warmUpOptions = optionTable("warmUp", {
  /** Number of steps of the warm-up. */
  steps: integerFrom(1).required(),
  /** Factor of the first step, in [0, 1]; default 1/3. */
  start: share.default(1 / 3),
});

/**
 * A schedule after a linear warm-up: its first rate times start + (1 - start) t / steps while t < steps, then the
 * schedule from its own step 0. PyTorch's LinearLR, followed by the schedule in a SequentialLR.
 *
 * @throws OptionError for values out of range
 *
 * @example
 * warmUp(constantSchedule(1), { steps: 4, start: 0 })(1); // 0.25
 */
export function warmUp(schedule: Schedule, options: WarmUpOptions): Schedule {
  const { steps, start } = warmUpOptions.read(options);
  return (t) => (t < steps ? schedule(0) * (start + ((1 - start) * t) / steps) : schedule(t - steps));
}
