import { type Batch, type NdArray, ndarray, OptionError } from "isoloss";
import { type DataStream, type Examples, exampleStream, permutation } from "isoloss/data";
import { inCode, integerFrom, type OptionsOf, optionTable } from "isoloss/internal";
import { moleculeBatch } from "./molecules.js";
import { type Qm9, qm9Tasks } from "./qm9.js";

export interface Qm9StreamOptions extends OptionsOf<typeof qm9StreamOptions> {}

const qm9StreamOptions = optionTable("qm9Streams", {
  /** Molecules of test, and as many of validation; default 10000, or a tenth where there are fewer than 100000. */
  held: integerFrom(1).otherwise("10000, or a tenth where there are fewer than 100000"),
  /**
   * Numbers of all molecules, first those of test, then of validation, then of training, such as another program's split; default by
   * `splitSeed`.
   */
  order: inCode<ArrayLike<number>>(
    "a list of numbers of molecules",
    (value) => typeof (value as ArrayLike<number> | null)?.length === "number",
  ).otherwise("by splitSeed"),
  /** Examples of a part of the stream; default 120. */
  partSize: integerFrom(1).default(120),
  /** Atoms for which a molecule has places; default 29, which the largest has. */
  places: integerFrom(1).default(29),
  /** Seed of the split; default 0. */
  splitSeed: integerFrom(0).default(0),
});

/** Molecules with standardized targets. */
export interface Qm9Streams {
  /** In an order of each epoch's own. */
  readonly train: DataStream<Batch>;
  readonly validation: DataStream<Batch>;
  readonly test: DataStream<Batch>;
  /** Names of the targets' arrays, which are the tasks. */
  readonly tasks: readonly string[];
  /** Of each task over all molecules, as published: target = (value - mean) / std. */
  readonly mean: Float64Array;
  /** With n - 1; an error times it is one in the task's unit. */
  readonly std: Float64Array;
}

/**
 * Streams of QM9: `atoms`, `pairs` and `mask` as of `moleculeBatch`, and for each of the eleven tasks an array [n, 1] of targets, with mean
 * 0 and deviation 1 over all molecules.
 *
 * @throws OptionError for parts that would be empty, and for an order that does not have every molecule once
 *
 * @example
 * const qm9 = await parseQm9({ sdf: sdfText.split("\n"), csv: csvText.split("\n") });
 * const { tasks, test } = qm9Streams(qm9, { order: [2, 1, 0, 3], held: 1 });
 * tasks.length; // 11
 */
export function qm9Streams({ molecules, targets }: Qm9, options: Qm9StreamOptions = {}): Qm9Streams {
  const { held, order, partSize, places, splitSeed } = qm9StreamOptions.read(options);
  const count = molecules.length;
  const each = held ?? Math.max(1, Math.min(10_000, Math.floor(count / 10)));
  if (2 * each >= count) {
    throw new OptionError(
      `qm9Streams: test and validation take ${each} molecules each, and some must be left for training; there are ${count}.${each > 1 ? " Set held to a smaller number." : ""}`,
    );
  }
  const numbers = order === undefined ? permutation(count, splitSeed, -1) : checkedOrder(order, count);
  const { mean, std } = momentsOf(targets);
  const examples = (own: Int32Array): Examples => ({
    length: own.length,
    async read(chosen) {
      const rows = chosen.map((number) => own[number]);
      const { atoms, pairs, mask } = moleculeBatch(
        rows.map((row) => molecules[row]),
        places,
      );
      const standardized = qm9Tasks.map((task, k): [string, NdArray] => [
        task,
        ndarray(
          Float32Array.from(rows, (row) => (targets.data[row * qm9Tasks.length + k] - mean[k]) / std[k]),
          [rows.length, 1],
        ),
      ]);
      return { atoms, pairs, mask, ...Object.fromEntries(standardized) };
    },
  });
  return {
    train: exampleStream(examples(numbers.slice(2 * each)), { partSize, shuffle: true }),
    validation: exampleStream(examples(numbers.slice(each, 2 * each)), { partSize }),
    test: exampleStream(examples(numbers.slice(0, each)), { partSize }),
    tasks: qm9Tasks,
    mean,
    std,
  };
}

function checkedOrder(order: ArrayLike<number>, count: number): Int32Array {
  const numbers = Int32Array.from(order);
  const all = new Set(numbers);
  if (numbers.length === count && all.size === count && numbers.every((n) => n >= 0 && n < count))
    return numbers;
  throw new OptionError(
    `qm9Streams: order must have each of 0 to ${count - 1} once; got ${numbers.length} numbers, ${all.size} of them different.`,
  );
}

function momentsOf({ shape: [n, tasks], data }: Qm9["targets"]): { mean: Float64Array; std: Float64Array } {
  const column = (k: number) => Float64Array.from({ length: n }, (_, i) => data[i * tasks + k]);
  const mean = Float64Array.from({ length: tasks }, (_, k) => column(k).reduce((a, b) => a + b, 0) / n);
  const std = mean.map((m, k) => {
    const squares = column(k).reduce((sum, value) => sum + (value - m) ** 2, 0);
    const deviation = Math.sqrt(squares / Math.max(1, n - 1));
    // Targets that are all alike stay 0: they differ from their mean by rounding alone.
    return deviation > 1e-12 * Math.abs(m) ? deviation : 1;
  });
  return { mean, std };
}
