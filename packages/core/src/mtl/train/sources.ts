import { astype, dtypeOf, isNdArray, type NdArray, sizeOf } from "../../array.js";
import type { Batch } from "../../batch.js";
import { batches, takeRows } from "../../data/batches.js";
import { DataError, OptionError, ShapeError } from "../../errors.js";
import { formatShape, isFloat } from "../../graph/tensor.js";
import { createRng, hash32 } from "../../math/rng.js";

/** The data of a run, cut into batches. */
export interface Sources {
  /** Steps per epoch, from the source with the most batches; Infinity for a function without data. */
  readonly stepsPerEpoch: number;
  /** All examples of all sources, arrays by name. */
  readonly arrays: Batch;
  /** The batch of a step; `stream` 1, 2, ... are independent, each a pass over the data in its own order. */
  batchOf(step: number, stream?: number): Batch;
  /**
   * All examples in order, in batches of at most `most`; several sources are split into equally many batches,
   * none of them empty.
   */
  pass(most: number): readonly Batch[];
  /** Random examples of every source; all examples if it has fewer. */
  sample(count: number, step: number, label: string | number): Batch;
}

interface Source {
  readonly arrays: Batch;
  readonly count: number;
  readonly batchSize: number;
}

/**
 * Checks the arrays of a run and converts floats to its precision.
 *
 * @throws DataError, ShapeError unless the arrays of a source have equally many examples and all names differ
 */
export function prepareSources(
  data: Batch | readonly Batch[],
  {
    batchSize,
    seed,
    dtype,
  }: {
    readonly batchSize?: number | undefined;
    readonly seed: number;
    readonly dtype: "float32" | "float64";
  },
): Sources {
  const sources = (Array.isArray(data) ? data : [data])
    .map((arrays: Batch) => prepareSource(arrays, batchSize, dtype))
    .filter(({ count }) => count > 0);
  const names = sources.flatMap(({ arrays }) => Object.keys(arrays));
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) {
    throw new DataError(`Two sources of data have an array "${twice}"; their names must differ.`);
  }
  const orders = new Map<string, (step: number) => Int32Array>();
  const orderOf = (s: number, stream: number) => {
    const key = `${s}.${stream}`;
    const known = orders.get(key);
    if (known) return known;
    const { count, batchSize: size } = sources[s];
    const own = s === 0 && stream === 0 ? seed : hash32(hash32(seed) + 1009 * s + stream);
    const made = cycle(count, size, own);
    orders.set(key, made);
    return made;
  };
  const rows = ({ arrays }: Source, indices: Int32Array): Batch =>
    Object.fromEntries(Object.entries(arrays).map(([name, a]) => [name, takeRows(a, indices)]));
  return {
    arrays: Object.assign({}, ...sources.map(({ arrays }) => arrays)),
    stepsPerEpoch:
      sources.length === 0
        ? Infinity
        : Math.max(...sources.map(({ count, batchSize: size }) => Math.floor(count / size))),
    batchOf(step, stream = 0) {
      const parts = sources.map((source, s) =>
        source.batchSize === source.count ? source.arrays : rows(source, orderOf(s, stream)(step)),
      );
      return Object.assign({}, ...parts);
    },
    pass(most) {
      const counts = sources.map(({ count }) => count);
      const batchCount = Math.min(Math.ceil(Math.max(0, ...counts) / most), ...counts);
      const first = (n: number, i: number) =>
        sources.length === 1 ? Math.min(n, i * most) : Math.floor((i * n) / batchCount);
      return Array.from({ length: batchCount }, (_, i) =>
        Object.assign(
          {},
          ...sources.map((source) => {
            const from = first(source.count, i);
            const size = first(source.count, i + 1) - from;
            return size === source.count
              ? source.arrays
              : rows(
                  source,
                  Int32Array.from({ length: size }, (__, r) => from + r),
                );
          }),
        ),
      );
    },
    sample(count, step, label) {
      const rng = createRng(seed).fork("sample").fork(step).fork(label);
      const parts = sources.map((source) => {
        const all = Int32Array.from({ length: source.count }, (_, i) => i);
        return rows(source, rng.shuffle(all).slice(0, count));
      });
      return Object.assign({}, ...parts);
    },
  };
}

function prepareSource(given: Batch, batchSize: number | undefined, dtype: "float32" | "float64"): Source {
  if (typeof given !== "object" || given === null || isNdArray(given)) {
    throw new DataError(
      "Data are a record of arrays { shape, data }, such as { x, left, right }, or a list of such.",
    );
  }
  const entries = Object.entries(given).map(([name, a]): [string, NdArray] => {
    if (!isNdArray(a)) throw new DataError(`Data are arrays { shape, data }; "${name}" is not one.`);
    if (a.shape.length === 0 || sizeOf(a.shape) !== a.data.length) {
      throw new ShapeError(
        `"${name}" needs a first axis of examples and as many elements as its shape says; got ${a.data.length} for ${formatShape(a.shape)}.`,
      );
    }
    return [name, isFloat(dtypeOf(a)) ? astype(a, dtype) : a];
  });
  const count = entries[0]?.[1].shape[0] ?? 0;
  for (const [name, { shape }] of entries) {
    if (shape[0] === count && count > 0) continue;
    throw new ShapeError(
      `The arrays of a source must have equally many examples, at least one; "${entries[0][0]}" has ${count} and "${name}" ${shape[0]}. ` +
        "If tasks have examples of their own, put their arrays into separate records and pass a list of these.",
    );
  }
  const size = batchSize ?? count;
  if (count > 0 && (!Number.isInteger(size) || size < 1 || size > count)) {
    throw new OptionError(
      `batchSize must be an integer in 1..${count}, the number of examples; got ${size}.`,
    );
  }
  return { arrays: Object.fromEntries(entries), count, batchSize: size };
}

/** The batch of every step, pass after pass; the order of each pass is drawn once. */
function cycle(count: number, batchSize: number, seed: number): (step: number) => Int32Array {
  let pass = -1;
  let order: Int32Array[] = [];
  const length = Math.floor(count / batchSize);
  return (step) => {
    const wanted = Math.floor(step / length);
    if (wanted !== pass) {
      order = batches(count, batchSize, { seed, epoch: wanted });
      pass = wanted;
    }
    return order[step % length];
  };
}
