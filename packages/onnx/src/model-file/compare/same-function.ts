// Whether two files compute the same, where rounding alone may move an output by more than a tolerance.
import { astype, type NdArray, NumericalError } from "isoloss";
import { nonNegative, type OptionsOf, optionTable } from "isoloss/internal";
import { parametersOf } from "../../import/parameters.js";
import { imported, type Runnable, runnable } from "../edit/onnx-file.js";
import {
  batchesFor,
  type CompareModelsOptions,
  type CompareSettings,
  comparedFiles,
  compareModelsRows,
  comparisonOf,
  floatOf,
  type ModelComparison,
} from "./compare-models.js";
import type { NamedValues } from "./random-inputs.js";
import { outputsOf } from "./run-model.js";

export interface SameFunctionOptions extends CompareModelsOptions, OptionsOf<typeof sameFunctionOptions> {}

const sameFunctionOptions = optionTable("sameFunction", {
  ...compareModelsRows,
  /**
   * Largest difference that counts as rounding, relative to an output's largest value; default 1e-4, where either file has
   * weights of float16 0.0049, of bfloat16 0.039: ten times what its numbers are rounded by.
   */
  tolerance: nonNegative.otherwise("1e-4, or ten roundings of the weights' type"),
});

/** A difference in float64, on the batches where files differ by more than the tolerance. */
export interface Float64Comparison {
  /** The largest relative difference of both files. */
  readonly largest: number;
  /** That of the first file between float32 and float64: what rounding does to it. */
  readonly rounding: number;
  /** How many batches were compared: the one that differs most first, no more after one that differs in float64, too. */
  readonly batches: number;
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
  return sameFiles(runnable("sameFunction", a), runnable("sameFunction", b), options);
}

/** The same of files that are decoded. */
export async function sameFiles(
  a: Runnable,
  b: Runnable,
  options: SameFunctionOptions,
): Promise<FunctionComparison> {
  const { tolerance: given, ...settings } = sameFunctionOptions.read(options);
  const tolerance = given ?? Math.max(...[a, b].map((file) => roundingOf(file).tolerance));
  const compared = await comparedFiles(a, b, settings);
  requireCompared(compared);
  const { largest } = compared;
  const comparison = { ...compared, tolerance };
  if (largest <= tolerance) return { ...comparison, isSame: true };
  // What only one of them cannot hold is no rounding.
  if (!Number.isFinite(largest) || floatOf(imported(a)) === "float64")
    return { ...comparison, isSame: false };
  const inFloat64 = await float64Comparison(a, b, { ...settings, tolerance });
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

/** Compares all batches on which float32 differs by more than the tolerance, unless the worst of them decides. */
async function float64Comparison(
  a: Runnable,
  b: Runnable,
  { tolerance, ...settings }: CompareSettings & { readonly tolerance: number },
): Promise<Float64Comparison> {
  const rounded = imported(a);
  const names = rounded.outputs;
  const batches = batchesFor(rounded, settings);
  const single = await outputsOf(rounded, batches, settings);
  const other = await outputsOf(imported(b, { dtype: floatOf(rounded) }), batches, settings);
  // The best values known of each batch: distances are relative to the largest of all, as the comparison in float32 is.
  const known = [...single];
  const distance = (expected: readonly NamedValues[], got: readonly NamedValues[]): number =>
    comparisonOf("compareModels", names, expected, got).outputs.reduce(
      (most, { name, absolute }) =>
        absolute > 0 ? Math.max(most, absolute / largestFinite(known.map((run) => run[name]))) : most,
      0,
    );
  const far = batches
    .map((_, i) => ({ i, apart: distance([single[i]], [other[i]]) }))
    .sort((x, y) => y.apart - x.apart)
    .filter(({ apart }, rank) => rank === 0 || apart > tolerance);
  const exactly = (file: Runnable, chosen: typeof far) =>
    outputsOf(
      imported(file, { dtype: "float64" }),
      chosen.map(({ i }) => doubles(batches[i])),
      { runtime: "javascript" },
    );
  const seen = { largest: 0, rounding: 0, batches: 0 };
  for (const chosen of [far.slice(0, 1), far.slice(1)]) {
    if (chosen.length === 0 || seen.largest > tolerance) break;
    const [expected, got] = [await exactly(a, chosen), await exactly(b, chosen)];
    const ofFile = chosen.map(({ i }) => single[i]);
    chosen.forEach(({ i }, k) => {
      known[i] = expected[k];
    });
    seen.largest = Math.max(seen.largest, distance(expected, got));
    seen.rounding = Math.max(seen.rounding, distance(expected, ofFile));
    seen.batches += chosen.length;
  }
  return seen;
}

/** The largest magnitude of all finite numbers. */
function largestFinite(arrays: readonly NdArray[]): number {
  let largest = 0;
  for (const { data } of arrays) {
    for (let e = 0; e < data.length; e++) {
      const size = Math.abs(Number(data[e]));
      if (size > largest && size < Number.POSITIVE_INFINITY) largest = size;
    }
  }
  return largest;
}

const doubles = (batch: NamedValues): NamedValues =>
  Object.fromEntries(
    Object.entries(batch).map(([name, value]: [string, NdArray]) => [
      name,
      value.data instanceof Float32Array ? astype(value, "float64") : value,
    ]),
  );

/** By how much numbers of the types that files have weights in are rounded, relative to them; the coarsest first. */
const roundings = { bfloat16: 2 ** -8, float16: 2 ** -11, float32: 2 ** -24 } as const;

/** What rounding does to the weights of a file. */
export interface StorageRounding {
  /** The coarsest type among the weights; float32 also where all are finer. */
  readonly type: keyof typeof roundings;
  /** By how much a number of the type is rounded at most, relative to it. */
  readonly rounding: number;
  /** Difference of outputs, relative to the largest value, up to which it counts as rounding: 1e-4, or ten roundings. */
  readonly tolerance: number;
}

/**
 * By how much the weights of an ONNX file are rounded, and so those of a file that was changed: they are stored in the same type.
 * The tolerance is 1e-4 of float32, 0.0049 of float16 and 0.039 of bfloat16.
 *
 * @param bytes a file that `fromOnnx` reads
 * @throws DataError for bytes that are no ONNX model
 *
 * @example
 * const { type, tolerance } = storageRounding(bytes);
 * type; // "float32"
 * tolerance; // 0.0001
 */
export const storageRounding = (bytes: Uint8Array): StorageRounding =>
  roundingOf(runnable("storageRounding", bytes));

function roundingOf(file: Runnable): StorageRounding {
  const stored = new Set<string>(parametersOf(file.model.graph).map(({ tensor }) => tensor.dtype));
  const type = (["bfloat16", "float16"] as const).find((coarse) => stored.has(coarse)) ?? "float32";
  const rounding = roundings[type];
  // float32 has 24 bits, and a deep model rounds often.
  return { type, rounding, tolerance: Math.max(1e-4, 10 * rounding) };
}
