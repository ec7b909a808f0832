import type { NdArray } from "isoloss";
import { differenceOf, noiseRatio } from "isoloss/internal";
import type { NamedValues } from "../model-file/compare/random-inputs.js";

/** Sums over the numbers y of an output of an example, and what they became. */
export interface SquaredError {
  /** sum y^2 */
  readonly signal: number;
  /** sum (y - q)^2 */
  readonly noise: number;
}

/** How far the outputs of a quantized model are from those of the model in float. */
export interface QuantizationError {
  /** 10 log10(sum y^2 / sum (y - q)^2) in decibels, the least of all outputs; Infinity where they are equal. */
  readonly sqnr: number;
  /** How often the largest number of a row is at the same place, for outputs with two axes, or three, of tokens; undefined without any. */
  readonly agreement: number | undefined;
  /** How many rows that is of. */
  readonly rows: number | undefined;
  /** max |y - q| / max |y|, the largest of all outputs. */
  readonly largest: number;
  /** Whether an output that varies among the examples became the same for all of them. */
  readonly isConstant: boolean;
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
 * @param batches the inputs
 */
export function errorOf(
  expected: readonly NamedValues[],
  got: readonly NamedValues[],
  batches: readonly NamedValues[],
): Omit<QuantizationError, "metric"> {
  const names = Object.keys(expected[0]);
  const outputs = names.map((name) => ({
    name,
    own: expected.map((run) => run[name]),
    other: got.map((run) => run[name]),
  }));
  const differences = outputs.map(({ name, own, other }) => differenceOf("quantizeModel", name, own, other));
  // A row of classes for each example; where no output has that, one for each place, such as a token.
  const rank = Math.min(...outputs.map(({ own: [y] }) => y.shape.length).filter((own) => own > 1));
  const [least] = outputs
    .filter(({ own: [y] }) => y.shape.length === rank)
    .flatMap(({ own, other }) => agreementOf(own.map((y, i) => [y, other[i]])) ?? [])
    .sort((a, b) => a.share - b.share);
  const ratios = outputs.map(({ own, other }) => sqnrOf(own, other));
  const sqnr = Math.min(...ratios);
  const { own, other } = outputs[ratios.indexOf(sqnr)];
  return {
    sqnr,
    examples: own.flatMap((y, i) => squaresOf(y, other[i], batches[i])),
    agreement: least?.share,
    rows: least?.rows,
    largest: Math.max(0, ...differences.map(({ relative }) => relative)),
    isConstant: outputs.some(({ own, other }) => isConstant(other, batches) && !isConstant(own, batches)),
  };
}

type Pair = readonly [expected: NdArray, got: NdArray];

/** The ratio of signal to quantization noise, in decibels. */
function sqnrOf(expected: readonly NdArray[], got: readonly NdArray[]): number {
  const ratio = noiseRatio(expected, got);
  // Also where the noise is not finite.
  return ratio < Infinity ? -10 * Math.log10(ratio) : -Infinity;
}

/** How many rows an output has: one for each example, or the whole array where its rows are no examples. */
function rowsOf({ data, shape: [count = 1] }: NdArray, batch: NamedValues) {
  const rows = Object.values(batch).every(({ shape }) => shape[0] === count) ? count : 1;
  return { rows, size: data.length / rows };
}

/** Whether all rows have the same numbers; false of a single one. */
function isConstant(outputs: readonly NdArray[], batches: readonly NamedValues[]): boolean {
  const [{ data: first }] = outputs;
  let count = 0;
  for (const [k, y] of outputs.entries()) {
    const { rows, size } = rowsOf(y, batches[k]);
    if (size !== rowsOf(outputs[0], batches[0]).size) return false;
    for (let i = 0; i < y.data.length; i++) if (y.data[i] !== first[i % size]) return false;
    count += rows;
  }
  return count > 1;
}

function squaresOf(y: NdArray, q: NdArray, batch: NamedValues): readonly SquaredError[] {
  const { rows, size } = rowsOf(y, batch);
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

function agreementOf(pairs: readonly Pair[]): { readonly share: number; readonly rows: number } | undefined {
  let [same, rows] = [0, 0];
  for (const [expected, got] of pairs) {
    const classes = expected.shape.at(-1) ?? 0;
    if (expected.shape.length > 3 || classes < 2) return undefined;
    const count = expected.data.length / classes;
    for (let row = 0; row < count; row++) {
      if (placeOfMax(expected, row, classes) === placeOfMax(got, row, classes)) same++;
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
