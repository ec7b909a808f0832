import { OptionError } from "../errors.js";
import { permutation } from "../math/rng.js";
import { integerFrom, number, type OptionsOf, optionTable } from "../options.js";
import { split, takeRows } from "./batches.js";
import type { Dataset } from "./dataset.js";
import { type LabeledImages, requireLabeled } from "./labeled-images.js";

/** How a data set is divided into data for training, for validation and for testing. */
export interface DivideOptions extends OptionsOf<typeof divideOptions> {}

export const divideOptions = optionTable("divide", {
  /** Fraction of the examples that is kept for validation; 0: none. Default 0.2. */
  validation: number({ min: 0, below: 1 }).default(0.2),
  /** Fraction of the examples that is kept for testing, which no choice may see; 0: none. Default 0. */
  test: number({ min: 0, below: 1 }).default(0),
  /** Seed of the split, which a run's own seed does not change; default 0. */
  splitSeed: integerFrom(0).default(0),
  /** Maximum number of examples for training, which the seed of the split draws; default all. */
  limit: integerFrom(1).otherwise("all"),
});

/** Disjoint parts of a data set. */
export interface DividedData {
  readonly train: Dataset;
  /** Left out if no fraction is kept for it. */
  readonly validation?: Dataset | undefined;
  /** Left out if no fraction is kept for it. */
  readonly test?: Dataset | undefined;
}

/**
 * Divides a data set, or labeled images, at random into data for training, for validation and for testing.
 *
 * @throws OptionError for options out of range, and for a fraction that leaves a part empty; DataError, ShapeError for other data
 *   than examples with a label each
 *
 * @example
 * const { images, labels } = digits();
 * const { train, validation } = divide({ inputs: images, labels }, { validation: 0.25 });
 *
 * @example
 * const { train, validation } = divide(digits(), { validation: 0.25, limit: 500 });
 */
export function divide(data: Dataset | LabeledImages, options: DivideOptions = {}): DividedData {
  const inputs = (data as Partial<Dataset> | undefined)?.inputs;
  const labeled = inputs === undefined ? data : { images: inputs, labels: data.labels };
  requireLabeled("divide", labeled);
  const { images, labels } = labeled;
  const { validation, test, splitSeed, limit } = divideOptions.read(options);
  const part = (rows: Int32Array): Dataset => ({
    inputs: takeRows(images, rows),
    labels: takeRows(labels, rows),
  });
  const total = images.shape[0];
  if (validation === 0 && test === 0) {
    // The first rows of a sorted set, such as a folder of images, all have one class: draw them, as `split` does.
    if (limit !== undefined && limit < total) {
      return { train: part(permutation(total, splitSeed, -1).slice(0, limit)) };
    }
    return { train: part(Int32Array.from({ length: total }, (_, i) => i)) };
  }
  if (!(validation + test < 1)) {
    throw new OptionError(
      `divide: validation and test must leave examples for training: ${validation} + ${test} must be below 1.`,
    );
  }
  const kept = { validation, test };
  const names = (["validation", "test"] as const).filter((name) => kept[name] > 0);
  const [train, ...others] = split(
    total,
    [1 - validation - test, ...names.map((name) => kept[name])],
    splitSeed,
  );
  return {
    train: part(train.slice(0, limit)),
    ...Object.fromEntries(names.map((name, i) => [name, part(others[i])])),
  };
}
