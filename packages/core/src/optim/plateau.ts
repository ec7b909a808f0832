import { OptionError } from "../errors.js";
import { integerFrom, nonNegative, type OptionsOf, oneOf, optionTable, share, text } from "../options.js";
import type { ScheduleContext } from "./schedules.js";

/** State of {@link reduceOnPlateau}: plain data that JSON preserves. */
export interface PlateauState {
  readonly rate: number;
  /** Best metric so far; null before the first. */
  readonly best: number | null;
  /** Number of consecutive metrics without improvement. */
  readonly waited: number;
  /** Number of metrics still ignored after a reduction. */
  readonly cooldown: number;
}

export interface PlateauOptions extends OptionsOf<typeof reduceOnPlateauOptions> {}

const plateauRows = {
  /** Whether a smaller metric (`min`, default) or a larger one (`max`) is better. */
  mode: oneOf(["min", "max"]).default("min"),
  /** Factor of a reduction, in [0, 1]; default 0.1. */
  factor: share.default(0.1),
  /** Number of consecutive metrics without improvement that are tolerated; default 10. */
  patience: integerFrom(0).default(10),
  /** Smallest improvement that counts; default 1e-4. */
  threshold: nonNegative.default(1e-4),
  /** Whether the threshold is a fraction of the best metric (`relative`, default) or a difference (`absolute`). */
  thresholdMode: oneOf(["relative", "absolute"]).default("relative"),
  /** Number of metrics that are ignored after a reduction; default 0. */
  cooldown: integerFrom(0).default(0),
  /** Smallest rate; default 0. */
  least: nonNegative.default(0),
  /** Reductions by at most this much are skipped; default 1e-8. */
  epsilon: nonNegative.default(1e-8),
};

const reduceOnPlateauOptions = optionTable("reduceOnPlateau", plateauRows);

export interface Plateau {
  /** State before the first metric. */
  init(rate: number): PlateauState;
  /** Takes one more metric; returns the next state and the rate from then on. Pure. */
  next(state: PlateauState, metric: number): { state: PlateauState; rate: number };
}

/**
 * Lowers the learning rate when a metric stops improving: PyTorch's ReduceLROnPlateau.
 *
 * A metric is better if it is < best (1 - threshold), in mode `max` > best (1 + threshold); with absolute thresholds
 * < best - threshold or > best + threshold. After more than `patience` in a row that are not better,
 * rate <- max(rate factor, least). A metric that is not finite is never better.
 *
 * @throws OptionError for unknown options or values out of range
 *
 * @example
 * const plateau = reduceOnPlateau({ patience: 1, factor: 0.5 });
 * let state = plateau.init(0.1);
 * for (const loss of [2, 1, 1, 1]) {
 *   ({ state } = plateau.next(state, loss));
 *   console.log(state.rate);
 * }
 * // 0.1 0.1 0.1 0.05
 */
export function reduceOnPlateau(options: PlateauOptions = {}): Plateau {
  const { mode, factor, patience, threshold, thresholdMode, cooldown, least, epsilon } =
    reduceOnPlateauOptions.read(options);
  const sign = mode === "min" ? -1 : 1;

  const isBetter = (metric: number, best: number | null): boolean => {
    if (!Number.isFinite(metric)) return false;
    if (best === null) return true;
    const bar = thresholdMode === "relative" ? best * (1 + sign * threshold) : best + sign * threshold;
    return mode === "min" ? metric < bar : metric > bar;
  };

  return {
    init(rate) {
      if (!nonNegative.test(rate)) {
        throw new OptionError(`reduceOnPlateau: the rate must be ${nonNegative.expected}; got ${rate}.`);
      }
      return { rate, best: null, waited: 0, cooldown: 0 };
    },
    next(state, metric) {
      const better = isBetter(metric, state.best);
      const best = better ? metric : state.best;
      const waited = better || state.cooldown > 0 ? 0 : state.waited + 1;
      if (waited <= patience) {
        const next = { rate: state.rate, best, waited, cooldown: Math.max(0, state.cooldown - 1) };
        return { state: next, rate: next.rate };
      }
      const reduced = Math.max(state.rate * factor, least);
      const rate = state.rate - reduced > epsilon ? reduced : state.rate;
      return { state: { rate, best, waited: 0, cooldown }, rate };
    },
  };
}

export interface PlateauScheduleOptions extends OptionsOf<typeof plateauScheduleOptions> {}

const plateauScheduleOptions = optionTable("plateauSchedule", {
  ...plateauRows,
  /** The quantity of the validation data that is watched, such as accuracy; default loss. */
  metric: text("the name of a quantity, such as loss").default("loss"),
});

/**
 * The learning rate of a trainer that lowers it when a quantity of the validation data stops improving: {@link reduceOnPlateau}
 * on the ends of epochs. It keeps no state: the rate follows from the run's history, also of a run that is resumed.
 *
 * @throws OptionError for options that are unknown or out of range, and in a run if no such quantity is measured
 *
 * @example
 * const learningRate = plateauSchedule(0.1, { factor: 0.5, patience: 1 });
 * const epochs = [2, 1, 1, 1].map((loss, i) => ({ step: 10 * (i + 1), validation: { loss } }));
 * learningRate(40, { stepsPerEpoch: 10, epochs }); // 0.05
 */
export function plateauSchedule(
  rate: number,
  options: PlateauScheduleOptions = {},
): (step: number, run: ScheduleContext) => number {
  const { metric, ...rest } = plateauScheduleOptions.read(options);
  const plateau = reduceOnPlateau(rest);
  const start = plateau.init(rate);
  const missing = () =>
    new OptionError(
      `plateauSchedule: every run must measure "${metric}" at the ends of epochs, from the first one on: give run validation data${metric === "loss" ? "" : " and that metric"}.`,
    );
  return (step, { stepsPerEpoch, epochs }) => {
    const lastEnd = stepsPerEpoch === Infinity ? 0 : step - (step % stepsPerEpoch);
    if ((epochs.at(-1)?.step ?? 0) < lastEnd) throw missing();
    let state = start;
    for (const { step: end, validation } of epochs) {
      if (end > step) break;
      const value = (validation as Readonly<Record<string, unknown>> | undefined)?.[metric];
      if (typeof value !== "number") throw missing();
      ({ state } = plateau.next(state, value));
    }
    return state.rate;
  };
}
