// Index arithmetic of mini-batch training: shuffled batches without replacement, splits and row selection.
import { allocate, dtypeOf, isNdArray, type NdArray, sizeOf } from "../array.js";
import { describeValue, OptionError, ShapeError } from "../errors.js";
import { permutation } from "../math/rng.js";
import { requireFlags, requireKnown } from "../options.js";

export interface BatchOptions {
  /** Seed of the order; default 0. */
  readonly seed?: number | undefined;
  /** Number of the epoch; each epoch has its own order. Default 0. */
  readonly epoch?: number | undefined;
  /** Whether to shuffle; default true. */
  readonly shuffle?: boolean | undefined;
  /** Whether to drop an incomplete last batch; default true, since compiled steps have static shapes. */
  readonly dropLast?: boolean | undefined;
}

/**
 * The batches of one pass over n examples, as lists of example indices.
 *
 * @throws OptionError when batchSize is not in 1..n
 *
 * @example
 * for (const indices of batches(60000, 128, { seed: 1, epoch: 2 })) takeRows(images, indices);
 */
export function batches(n: number, batchSize: number, options: BatchOptions = {}): Int32Array[] {
  const known = ["seed", "epoch", "shuffle", "dropLast"] as const;
  requireKnown("batches", options, known, "batches(60000, 128, { seed: 1, epoch: 2 })");
  requireExamples("batches", n);
  const { seed = 0, epoch = 0, shuffle = true, dropLast = true } = options;
  requireFlags("batches", { shuffle, dropLast });
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > n) {
    throw new OptionError(
      `batchSize must be an integer in 1..${n}, the number of examples; got ${describeValue(batchSize)}.`,
    );
  }
  const order = shuffle ? permutation(n, seed, epoch) : Int32Array.from({ length: n }, (_, i) => i);
  const count = dropLast ? Math.floor(n / batchSize) : Math.ceil(n / batchSize);
  return Array.from({ length: count }, (_, b) => order.slice(b * batchSize, (b + 1) * batchSize));
}

/** Throws unless `n` is a number of examples; passing the examples themselves is a common mistake. */
function requireExamples(op: string, n: unknown): void {
  if (Number.isInteger(n) && (n as number) >= 0) return;
  throw new OptionError(
    `${op}: the number of examples must be an integer >= 0; got ${describeValue(n)}. Of an array x it is x.shape[0].`,
  );
}

/**
 * Splits n examples at random into disjoint parts that together hold all of them.
 *
 * Part k holds the examples from round(n (f_1 + ... + f_{k-1})) to round(n (f_1 + ... + f_k)) of a seeded permutation.
 *
 * @param fractions positive, with sum 1
 * @throws OptionError when the fractions are not positive with sum 1, or when a part would be empty
 *
 * @example
 * const [train, validation, test] = split(1797, [0.8, 0.1, 0.1], 0);
 */
export function split<const F extends readonly number[]>(
  n: number,
  fractions: F,
  seed: number,
): { -readonly [K in keyof F]: Int32Array };
export function split(n: number, fractions: readonly number[], seed: number): Int32Array[] {
  requireExamples("split", n);
  if (!Array.isArray(fractions)) {
    throw new OptionError(
      `split: fractions must be a list such as [0.8, 0.2]; got ${describeValue(fractions)}. Write split(${n}, [0.8, 0.2], 0).`,
    );
  }
  const sum = fractions.reduce((a, b) => a + b, 0);
  if (fractions.some((f) => !(f > 0)) || !(Math.abs(sum - 1) < 1e-9)) {
    throw new OptionError(
      `split: fractions must be positive with sum 1; got [${fractions.join(", ")}], sum ${sum}.`,
    );
  }
  // A separate stream: the epochs of `batches` with the same seed must be independent of the split.
  const order = permutation(n, seed, -1);
  let cumulative = 0;
  let begin = 0;
  return fractions.map((f, k) => {
    cumulative += f;
    const end = k === fractions.length - 1 ? n : Math.round(n * cumulative);
    const part = order.slice(begin, end);
    if (part.length === 0) {
      throw new OptionError(
        `split: fraction ${f} of ${n} examples is an empty part; take more examples or a larger fraction.`,
      );
    }
    begin = end;
    return part;
  });
}

/**
 * The rows of an array (along its first axis) at the given indices, as a new array of the same element type.
 *
 * @throws ShapeError for a scalar and for an index outside 0..rows - 1
 *
 * @example
 * takeRows(array([[1, 2], [3, 4], [5, 6]]), [2, 0]); // [[5, 6], [1, 2]]
 */
export function takeRows<A extends NdArray>(a: A, indices: ArrayLike<number>): A {
  if (!isNdArray(a)) {
    throw new ShapeError(`takeRows takes an array {shape, data} and indices; got ${describeValue(a)}.`);
  }
  if (typeof indices?.length !== "number") {
    throw new OptionError(
      `takeRows: indices must be a list such as [0, 1]; got ${describeValue(indices)}. Write takeRows(x, [0]) for one row.`,
    );
  }
  if (a.shape.length === 0) throw new ShapeError("takeRows takes an array of rank 1 or more; got a scalar.");
  const [rows, ...rest] = a.shape;
  const width = sizeOf(rest);
  const data = allocate(dtypeOf(a), indices.length * width);
  for (let i = 0; i < indices.length; i++) {
    const row = indices[i];
    if (!Number.isInteger(row) || row < 0 || row >= rows) {
      throw new ShapeError(`takeRows: index ${row} at place ${i} is outside 0..${rows - 1}.`);
    }
    data.set(a.data.subarray(row * width, (row + 1) * width) as never, i * width);
  }
  return { shape: [indices.length, ...rest], data } as unknown as A;
}

/** The rows `from` up to `to` of an array, without a copy. */
export const rowsOf = ({ shape: [rows, ...rest], data }: NdArray, from: number, to: number): NdArray => {
  const width = data.length / rows;
  return { shape: [to - from, ...rest], data: data.subarray(from * width, to * width) };
};

/**
 * Arrays of one element type and of one shape but for the first axis, one after another: [n_1, ...], [n_2, ...] to [n_1 + n_2, ...].
 *
 * @param arrays one or more; of one alone it is that array, not a copy
 * @throws ShapeError for arrays of another shape or element type
 *
 * @example
 * concatenateRows([array([[1, 2]]), array([[3, 4], [5, 6]])]); // [[1, 2], [3, 4], [5, 6]]
 */
export function concatenateRows(arrays: readonly NdArray[]): NdArray {
  if (arrays.length === 1) return arrays[0];
  const [{ shape }] = arrays;
  const formOf = (a: NdArray) => [dtypeOf(a), ...a.shape.slice(1)].join();
  const other = arrays.find((a) => formOf(a) !== formOf(arrays[0]));
  if (other !== undefined) {
    throw new ShapeError(
      `Parts of data must have one element type, and one shape but for the first axis; got ${dtypeOf(arrays[0])}[${shape.join(", ")}] and ${dtypeOf(other)}[${other.shape.join(", ")}].`,
    );
  }
  const rows = arrays.reduce((n, a) => n + a.shape[0], 0);
  const data = allocate(dtypeOf(arrays[0]), rows * sizeOf(shape.slice(1)));
  let at = 0;
  for (const a of arrays) {
    data.set(a.data as never, at);
    at += a.data.length;
  }
  return { shape: [rows, ...shape.slice(1)], data } as NdArray;
}
