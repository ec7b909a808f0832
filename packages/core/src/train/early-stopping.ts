// L. Prechelt, "Early stopping - but when?", 1998: the third class of criteria, UP, with a count of measurements in a row.
import { describeValue, OptionError } from "../errors.js";
import type { Quantities } from "../metrics/metric.js";
import { resultName } from "../metrics/result-name.js";
import { nonNegative, number, type OptionsOf, oneOf, optionTable, text } from "../options.js";
import type { EpochRow } from "./epoch-row.js";

export interface EarlyStoppingOptions extends OptionsOf<typeof earlyStoppingOptions> {}

export const earlyStoppingOptions = optionTable("earlyStopping", {
  /** The quantity of the validation data that is watched; default loss. */
  metric: text("the name of a quantity, such as loss").default("loss"),
  /** Number of epochs in a row without improvement after which the run ends; Infinity to watch alone; default 10. */
  patience: number({ min: 1, integer: true, infinite: true }).default(10),
  /** Smallest improvement that counts; default 0. */
  threshold: nonNegative.default(0),
  /** Whether a smaller (`min`) or a larger (`max`) value is better; default what the metric says. */
  mode: oneOf(["min", "max"]).otherwise("what the metric says"),
});

/** A quantity of the validation data that a run watches. */
export interface Watch {
  readonly metric: string;
  /** Its value in a row. @throws OptionError unless it is a number there */
  valueOf(row: EpochRow<unknown>): number;
  /** Whether a value is better than the best so far by more than `threshold`; NaN never is. */
  isBetter(value: number, best: number, threshold?: number): boolean;
  /** Whether the last of the rows is better than all before it. */
  endsWithBest(rows: readonly EpochRow<unknown>[]): boolean;
  /** Whether the rows end with too many that are no improvement. */
  isOver(rows: readonly EpochRow<unknown>[]): boolean;
}

/**
 * The quantity that a run watches. It keeps no state: all follows from the rows of a history, so that a resumed run ends
 * where the run would have ended.
 *
 * @throws OptionError for options out of range, for a quantity that will not be measured, and if neither options nor metric
 *   tell the mode
 */
export function watchOf(options: EarlyStoppingOptions, { names, modeOf }: Quantities): Watch {
  const { metric, patience, threshold, mode: given } = earlyStoppingOptions.read(options);
  if (names && !names.includes(metric)) throw notMeasured(metric, names);
  const mode = given ?? modeOf(metric) ?? resultName(metric).better;
  if (mode === undefined) {
    throw new OptionError(
      `earlyStopping: mode must be given, min or max: the metric "${metric}" does not tell which is better.`,
    );
  }
  const worst = mode === "min" ? Infinity : -Infinity;
  const isBetter = (value: number, best: number, least = 0) =>
    mode === "min" ? value < best - least : value > best + least;
  const measured = ({ validation }: EpochRow<unknown>) =>
    (validation ?? {}) as Readonly<Record<string, unknown>>;
  /** How many rows have come since the last one that was better than all before it. */
  const waited = (rows: readonly EpochRow<unknown>[], least: number): number => {
    let best = worst;
    let count = 0;
    for (const row of rows) {
      const value = measured(row)[metric];
      // A run without this metric may have come before.
      if (typeof value !== "number") continue;
      const improves = isBetter(value, best, least);
      if (improves) best = value;
      count = improves ? 0 : count + 1;
    }
    return count;
  };
  return {
    metric,
    valueOf(row) {
      const values = measured(row);
      const value = values[metric];
      if (typeof value === "number") return value;
      const numbers = Object.keys(values).filter((name) => typeof values[name] === "number");
      throw notMeasured(metric, numbers);
    },
    isBetter,
    endsWithBest(rows) {
      const last = rows.at(-1);
      return last !== undefined && typeof measured(last)[metric] === "number" && waited(rows, 0) === 0;
    },
    isOver: (rows) => waited(rows, threshold) >= patience,
  };
}

const notMeasured = (metric: string, names: readonly string[]): OptionError =>
  new OptionError(`earlyStopping: metric must be one of ${names.join(", ")}; got ${describeValue(metric)}.`);
