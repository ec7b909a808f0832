// Whether two files compute the same, where rounding alone may move an output by more than a tolerance.
import { astype, type NdArray, NumericalError } from "isoloss";
import { nonNegative, type OptionsOf, optionTable } from "isoloss/internal";
import { fromOnnx } from "../../import/from-onnx.js";
import {
  batchesFor,
  type CompareModelsOptions,
  type CompareSettings,
  compareModels,
  compareModelsRows,
  comparisonOf,
  floatOf,
  type ModelComparison,
} from "./compare-models.js";
import type { NamedValues } from "./random-inputs.js";
import { outputsOf } from "./run-model.js";
import { storageRounding } from "./storage-rounding.js";

export interface SameFunctionOptions extends CompareModelsOptions, OptionsOf<typeof sameFunctionOptions> {}

const sameFunctionOptions = optionTable("sameFunction", {
  ...compareModelsRows,
  /**
   * Largest difference that counts as rounding, relative to an output's largest value; default 1e-4, where either file has
   * weights of float16 0.0049, of bfloat16 0.039: ten times what its numbers are rounded by.
   */
  tolerance: nonNegative.otherwise("1e-4, or ten roundings of the weights' type"),
});

/** What is left of a difference in float64, on the first batch. */
export interface Float64Comparison {
  /** The largest relative difference of both files. */
  readonly largest: number;
  /** That of the first file between float32 and float64: what rounding does to it. */
  readonly rounding: number;
}

export interface FunctionComparison extends ModelComparison {
  readonly isSame: boolean;
  /** Up to which differences count as rounding. */
  readonly tolerance: number;
  /** Where `largest`, which is of the files as they run, is above the tolerance. */
  readonly inFloat64?: Float64Comparison | undefined;
}

/** How many times as far as by its own rounding an output may be from that of another file with the same function. */
const ROUNDINGS = 10;

/**
 * Whether two ONNX files compute the same function. Their outputs are the same up to the tolerance, see {@link compareModels};
 * or they are in float64, and in float32 no further apart than ten times the rounding of the first. An output that is small
 * beside what it is computed from, such as a sigmoid's that is near 0 everywhere, may be off by some percent of its largest
 * value by rounding alone.
 *
 * @param a the bytes of the reference, a file that `fromOnnx` reads
 * @param b the bytes of another file with the same inputs, and the same outputs or more
 * @throws NumericalError for an output without a finite number in either file, of which nothing can be said; else like
 *   {@link compareModels}
 *
 * @example
 * const { isSame } = await sameFunction(before, foldBatchNorm(before).bytes, { sizes: { height: 64 } });
 * isSame; // true
 */
export async function sameFunction(
  a: Uint8Array,
  b: Uint8Array,
  options: SameFunctionOptions = {},
): Promise<FunctionComparison> {
  const { tolerance: given, ...settings } = sameFunctionOptions.read(options);
  const tolerance = given ?? Math.max(...[a, b].map((bytes) => storageRounding(bytes).tolerance));
  const compared = await compareModels(a, b, settings);
  requireCompared(compared);
  const { largest } = compared;
  const comparison = { ...compared, tolerance };
  if (largest <= tolerance) return { ...comparison, isSame: true };
  // What only one of them cannot hold is no rounding.
  if (!Number.isFinite(largest) || floatOf(fromOnnx(a)) === "float64")
    return { ...comparison, isSame: false };
  const inFloat64 = await float64Comparison(a, b, settings);
  const isSame = inFloat64.largest <= tolerance && largest <= ROUNDINGS * inFloat64.rounding;
  return { ...comparison, isSame, inFloat64 };
}

/** Throws where nothing was compared in an output: any two files of NaN alone would be the same. */
function requireCompared({ outputs }: ModelComparison): void {
  const lost = outputs.find(({ relative }) => Number.isNaN(relative));
  if (lost === undefined) return;
  throw new NumericalError(
    `sameFunction: expected finite numbers to compare; in both models the output "${lost.name}" is NaN or infinite ` +
      "everywhere. Compare them on inputs that they are made for.",
  );
}

async function float64Comparison(
  a: Uint8Array,
  b: Uint8Array,
  settings: CompareSettings,
): Promise<Float64Comparison> {
  const rounded = fromOnnx(a);
  const [batch] = batchesFor(rounded, settings);
  const exactly = async (bytes: Uint8Array) =>
    outputsOf(fromOnnx(bytes, { dtype: "float64" }), [doubles(batch)], { runtime: "javascript" });
  const [expected, got] = [await exactly(a), await exactly(b)];
  const ofFile = await outputsOf(rounded, [batch], settings);
  return {
    largest: comparisonOf(rounded.outputs, expected, got).largest,
    rounding: comparisonOf(rounded.outputs, expected, ofFile).largest,
  };
}

const doubles = (batch: NamedValues): NamedValues =>
  Object.fromEntries(
    Object.entries(batch).map(([name, value]: [string, NdArray]) => [
      name,
      value.data instanceof Float32Array ? astype(value, "float64") : value,
    ]),
  );
