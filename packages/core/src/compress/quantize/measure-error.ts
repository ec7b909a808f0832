import type { NdArray } from "../../array.js";
import { differenceOf } from "../../model-file/compare/output-difference.js";
import type { NamedValues } from "../../model-file/compare/random-inputs.js";
import { noiseRatio } from "../../moves/quantization-noise/noise-ratio.js";

/** How far the outputs of a quantized model are from those of the model in float. */
export interface QuantizationError {
  /** 10 log10(sum y^2 / sum (y - q)^2) in decibels, the least of all outputs; Infinity where they are equal. */
  readonly sqnr: number;
  /** How often the largest number of a row is at the same place, for outputs with two axes; undefined without any. */
  readonly agreement: number | undefined;
  /** max |y - q| / max |y|, the largest of all outputs. */
  readonly largest: number;
  /** What the given metric is for the outputs. */
  readonly metric: number | undefined;
}

/** A number for a model's outputs, batch by batch, such as its accuracy. */
export type Metric = (outputs: readonly NamedValues[], batches: readonly NamedValues[]) => number;

/** Measures the error of outputs, batch by batch. */
export function errorOf(
  expected: readonly NamedValues[],
  got: readonly NamedValues[],
): Omit<QuantizationError, "metric"> {
  const names = Object.keys(expected[0]);
  const outputs = names.map((name) => ({
    name,
    own: expected.map((run) => run[name]),
    other: got.map((run) => run[name]),
  }));
  const differences = outputs.map(({ name, own, other }) => differenceOf("quantizeModel", name, own, other));
  const agreements = outputs.flatMap(({ own, other }) => agreementOf(own.map((y, i) => [y, other[i]])) ?? []);
  return {
    sqnr: Math.min(...outputs.map(({ own, other }) => sqnrOf(own, other))),
    agreement: agreements.length === 0 ? undefined : Math.min(...agreements),
    largest: Math.max(0, ...differences.map(({ relative }) => relative)),
  };
}

type Pair = readonly [expected: NdArray, got: NdArray];

/** The ratio of signal to quantization noise, in decibels. */
function sqnrOf(expected: readonly NdArray[], got: readonly NdArray[]): number {
  const ratio = noiseRatio(expected, got);
  // Also where the noise is not finite.
  return ratio < Infinity ? -10 * Math.log10(ratio) : -Infinity;
}

function agreementOf(pairs: readonly Pair[]): number | undefined {
  let [same, rows] = [0, 0];
  for (const [expected, got] of pairs) {
    const [count, classes] = expected.shape;
    if (expected.shape.length !== 2 || classes < 2) return undefined;
    for (let row = 0; row < count; row++) {
      if (placeOfMax(expected, row) === placeOfMax(got, row)) same++;
    }
    rows += count;
  }
  return same / rows;
}

function placeOfMax({ shape: [, classes], data }: NdArray, row: number): number {
  let best = 0;
  for (let c = 1; c < classes; c++) if (data[row * classes + c] > data[row * classes + best]) best = c;
  return best;
}
