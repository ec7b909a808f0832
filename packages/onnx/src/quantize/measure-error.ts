import { DataError, dtypeOf, type NdArray } from "isoloss";
import { differenceOf, isFloat, noiseRatio } from "isoloss/internal";
import type { NamedValues } from "../model-file/compare/random-inputs.js";

/** Sums over the numbers y of an output of an example, and what they became; of integers and truth values, y is 1, and (y - q)^2 whether it changed. */
export interface SquaredError {
  /** sum y^2 */
  readonly signal: number;
  /** sum (y - q)^2 */
  readonly noise: number;
}

/** How far the outputs of a quantized model are from those of the model in float. */
export interface QuantizationError {
  /**
   * 10 log10(sum y^2 / sum (y - q)^2) in decibels, the least of all outputs of floats; Infinity where they are equal, -Infinity where
   * one is not finite, or was 0 throughout and no longer is. Where those are equal or there are none, that of outputs of integers, such as
   * the numbers of classes: -10 log10 of the share that changed.
   */
  readonly sqnr: number;
  /** How often the largest number of a row is at the same place, for outputs with two axes, or three, of tokens; without such, the share of integers that stayed; undefined without any. */
  readonly agreement: number | undefined;
  /** How many rows that is of. */
  readonly rows: number | undefined;
  /** max |y - q| / max |y|, the largest of all outputs; of integers 1 where one changed. */
  readonly largest: number;
  /**
   * Whether all outputs of floats that vary among the examples became the same for all of them, to rounding, and far from what they
   * were; null where none varies, and where fewer than four examples can be told apart.
   */
  readonly isConstant: boolean | null;
  /** Squares of the output with the least `sqnr`, example by example; batch by batch where its rows are no examples. */
  readonly examples: readonly SquaredError[];
  /** Score of the given metric on these examples. */
  readonly metric: number | undefined;
}

/** A number for a model's outputs and the labels of their examples, such as its accuracy. */
export interface Metric {
  /** Classes or targets: an entry along the first axis for each example of `heldOut` in its order, or of `calibration` without that. */
  readonly labels: NdArray;
  /** Gets the outputs of some of these examples, batch by batch, and their labels. */
  readonly score: (outputs: readonly NamedValues[], labels: readonly NdArray[]) => number;
}

/**
 * Measures the error of outputs, batch by batch.
 *
 * @param op whose error it is where outputs do not match
 * @param batches the inputs
 * @throws DataError for an output that the other model lacks; ShapeError for one of another shape
 */
export function errorOf(
  op: string,
  expected: readonly NamedValues[],
  got: readonly NamedValues[],
  batches: readonly NamedValues[],
): Omit<QuantizationError, "metric"> {
  const names = Object.keys(expected[0]);
  const lost = names.find((name) => got[0][name] === undefined);
  if (lost !== undefined) {
    throw new DataError(
      `${op}: the other model has no output "${lost}"; it has ${Object.keys(got[0]).join(", ")}.`,
    );
  }
  const outputs = names.map((name) => ({
    name,
    own: expected.map((run) => run[name]),
    other: got.map((run) => run[name]),
  }));
  const isOfFloats = ({ own: [y] }: Compared) => isFloat(dtypeOf(y));
  const floats = outputs.filter(isOfFloats);
  const integers = outputs.filter((output) => !isOfFloats(output)).map(stayed);
  const differences = [...floats, ...integers].map(({ name, own, other }) =>
    differenceOf(op, name, own, other),
  );
  // A row of classes for each example; where no output has that, one for each place, such as a token.
  const rows = floats.filter(
    ({ own: [{ shape }] }) => (shape.length === 2 || shape.length === 3) && (shape.at(-1) as number) > 1,
  );
  const rank = Math.min(...rows.map(({ own: [y] }) => y.shape.length));
  const ofRank = rows.filter(({ own: [y] }) => y.shape.length === rank);
  const [least] = (ofRank.length > 0 ? ofRank.map(agreementOf) : integers.map(shareThatStayed)).sort(
    (a, b) => a.share - b.share,
  );
  // Floats first: they tell more of an error than whether it changed a number of a class.
  const rated = [floats, integers].flatMap((list) =>
    list.map((output) => ({ ...output, sqnr: sqnrOf(output) })).sort((a, b) => a.sqnr - b.sqnr),
  );
  const { sqnr, own, other } = rated.find((output) => output.sqnr < Infinity) ?? rated[0];
  return {
    sqnr,
    examples: own.flatMap((y, i) => squaresOf(y, other[i], batches[i])),
    agreement: least?.share,
    rows: least?.rows,
    largest: Math.max(0, ...differences.map(({ relative }) => relative)),
    isConstant: becameConstant(floats, batches),
  };
}

/**
 * Throws where a model gives numbers that are not finite for a user's examples: no error can be told from these.
 *
 * @throws DataError with the first such output
 */
export function requireFiniteOutputs(op: string, outputs: readonly NamedValues[]): void {
  for (const batch of outputs) {
    for (const [name, { data }] of Object.entries(batch)) {
      // By number: an iterator over millions takes ten times as long.
      for (let i = 0; i < data.length; i++) {
        if (Number.isFinite(Number(data[i]))) continue;
        throw new DataError(
          `${op}: the model itself gives ${data[i]} in its output "${name}" for one of the examples: no error can be measured there. Leave out such examples, or mend the model.`,
        );
      }
    }
  }
}

/** The ratio of signal to quantization noise, in decibels. */
function sqnrOf({ own, other }: Compared): number {
  const ratio = noiseRatio(own, other);
  // Also where the noise is not finite.
  return ratio < Infinity ? -10 * Math.log10(ratio) : -Infinity;
}

interface Compared {
  readonly own: readonly NdArray[];
  readonly other: readonly NdArray[];
}

/** Integers as 1, and as 1 where they stayed, else 0: the distance of two numbers of classes says nothing. */
function stayed<T extends Compared>(output: T): T {
  const { own, other } = output;
  return {
    ...output,
    own: own.map(({ shape, data }) => ({ shape, data: new Uint8Array(data.length).fill(1) })),
    other: other.map(({ shape, data }, k) => ({
      shape,
      data: Uint8Array.from(data as BigInt64Array, (q, i) => (q === own[k].data[i] ? 1 : 0)),
    })),
  };
}

const shareThatStayed = ({ own, other }: Compared) => ({
  share: 1 - noiseRatio(own, other),
  rows: own.reduce((count, { data }) => count + data.length, 0),
});

/** Noise by signal, 20 dB, below which a model is near the one before, be its outputs constant or not. */
const NEAR = 0.01;

function becameConstant(outputs: readonly Compared[], batches: readonly NamedValues[]): boolean | null {
  const varied = outputs
    .map(({ own, other }) => ({ own, other, before: variationOf(own, batches) }))
    .filter(({ before }) => before !== 0);
  if (varied.length === 0 || varied.some(({ before }) => !Number.isFinite(before))) return null;
  return varied.every(
    ({ own, other }) =>
      // What rounding leaves of it counts as none.
      variationOf(other, batches) <= 1e-12 * energyOf(other) && noiseRatio(own, other) >= NEAR,
  );
}

function energyOf(outputs: readonly NdArray[]): number {
  let sum = 0;
  for (const { data } of outputs) for (let i = 0; i < data.length; i++) sum += Number(data[i]) ** 2;
  return sum;
}

/** sum (y - z)^2 over the examples' rows y and the first row z; NaN where these are fewer than four, or no rows; not finite where they are not. */
function variationOf(outputs: readonly NdArray[], batches: readonly NamedValues[]): number {
  const [{ data: first, shape }] = outputs;
  const size = first.length / (shape[0] ?? 1);
  let [sum, count] = [0, 0];
  for (const [k, { data }] of outputs.entries()) {
    const rows = data.length / size;
    if (Object.values(batches[k]).some((x) => x.shape[0] !== rows)) return Number.NaN;
    for (let i = 0; i < data.length; i++) sum += (Number(data[i]) - Number(first[i % size])) ** 2;
    count += rows;
  }
  return count < 4 ? Number.NaN : sum;
}

/** Those of each row, or of the whole array where its rows are no examples. */
function squaresOf(y: NdArray, q: NdArray, batch: NamedValues): readonly SquaredError[] {
  const [count = 1] = y.shape;
  const rows = Object.values(batch).every(({ shape }) => shape[0] === count) ? count : 1;
  const size = y.data.length / rows;
  return Array.from({ length: rows }, (_, row) => {
    let [signal, noise] = [0, 0];
    for (let i = row * size; i < (row + 1) * size; i++) {
      const own = Number(y.data[i]);
      signal += own * own;
      noise += (own - Number(q.data[i])) ** 2;
    }
    return { signal, noise };
  });
}

function agreementOf({ own, other }: Compared): { readonly share: number; readonly rows: number } {
  let [same, rows] = [0, 0];
  for (const [i, expected] of own.entries()) {
    const classes = expected.shape.at(-1) as number;
    const count = expected.data.length / classes;
    for (let row = 0; row < count; row++) {
      if (placeOfMax(expected, row, classes) === placeOfMax(other[i], row, classes)) same++;
    }
    rows += count;
  }
  return { share: same / rows, rows };
}

function placeOfMax({ data }: NdArray, row: number, classes: number): number {
  let best = 0;
  for (let c = 1; c < classes; c++) if (data[row * classes + c] > data[row * classes + best]) best = c;
  return best;
}
