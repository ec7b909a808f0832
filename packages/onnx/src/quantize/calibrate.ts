import { DataError, type NdArray, type RuntimeName } from "isoloss";
import {
  abortSignal,
  listOf,
  number,
  type OptionsOf,
  oneOf,
  optionTable,
  requireBytes,
  text,
} from "isoloss/internal";
import type { NamedValues } from "../model-file/compare/random-inputs.js";
import { OnnxFile } from "../model-file/edit/onnx-file.js";
import type { ValueRange } from "./affine.js";
import { requireBatches, smallBatches } from "./examples.js";
import { entropyLimit, Histogram, leastErrorRange, percentileLimit } from "./histogram.js";
import { type RunSettings, type Visitor, visitValues } from "./inner-values.js";
import { quantizableValues } from "./write-qdq.js";

export const calibrationMethods = ["minMax", "percentile", "entropy", "mse"] as const;
export type CalibrationMethod = (typeof calibrationMethods)[number];

export interface CalibrateOptions extends OptionsOf<typeof calibrateOptions> {}

const calibrateOptions = optionTable("calibrate", {
  /**
   * `minMax` (default): all numbers; `percentile`: a share of them, by magnitude; `entropy`: the least divergence of
   * their distribution from one of 256 frequencies (128 by magnitude, where there are negative numbers); `mse`: the least
   * mean squared error of 100 shares of the whole range, for 256 integers.
   */
  method: oneOf(calibrationMethods).default("minMax"),
  /** For `percentile`: how many numbers of a hundred are inside; default 99.99. */
  percentile: number({ above: 0, max: 100 }).default(99.99),
  /** Names of values; default those that a quantization rounds. */
  values: listOf(text("the name of a value")).otherwise("those that a quantization rounds"),
  /** Where the model runs: `onnx`, `javascript`, or `auto` (default), ONNX Runtime where it is installed. */
  runtime: oneOf<RuntimeName>(["auto", "javascript", "onnx"]).default("auto"),
  /** Ends the calibration with its reason. */
  signal: abortSignal.otherwise("none"),
});

/**
 * Ranges of the values inside a model on examples, for quantization. They contain 0, which a quantization keeps exactly.
 *
 * With histograms of 2048 bins on either side of 0, for which the model runs a second time, a magnitude t is found and
 * the range is [max(min, -t), min(max, t)]; `mse` shrinks both ends by one factor.
 *
 * @param bytes the bytes of an `.onnx` file, its data inside
 * @param batches lists of examples as arrays by the names of the model's inputs
 * @returns a range for each value by its name
 * @throws OptionError for what is no list of batches with examples, and for a value that the model does not have; DataError where an example or a value is not finite, or a value no float
 *
 * @example
 * const ranges = await calibrate(before, [{ x: images }], { method: "percentile" });
 */
export async function calibrate(
  bytes: Uint8Array,
  batches: readonly NamedValues[],
  options: CalibrateOptions = {},
): Promise<ReadonlyMap<string, ValueRange>> {
  requireBytes("calibrate", bytes);
  const { values, ...settings } = calibrateOptions.read(options);
  const file = OnnxFile.decode("calibrate", bytes);
  requireBatches("calibrate", file, batches);
  return rangesOf(file, batches, { ...settings, values: values ?? quantizableValues(file, "calibrate") });
}

interface RangeSettings extends RunSettings {
  readonly method: CalibrationMethod;
  readonly percentile: number;
  readonly values: readonly string[];
  /** What else is to be seen in the same run. */
  readonly beside?: Visitor | undefined;
}

/** The same of a file that is decoded, and of batches that fit it. */
export async function rangesOf(
  file: OnnxFile,
  batches: readonly NamedValues[],
  { method, percentile, values: names, beside, ...settings }: RangeSettings,
): Promise<ReadonlyMap<string, ValueRange>> {
  const small = smallBatches(file, batches);
  const ranges = await extremes(file, names, small, settings, beside);
  if (method === "minMax") return ranges;
  const histograms = new Map(
    names.map((name) => [name, new Histogram(limitOf(ranges.get(name) ?? nothing))]),
  );
  const count = (results: NamedValues) => {
    for (const [name, own] of histograms) own.add(numbersOf(name, results[name]));
  };
  await visitValues(file, names, small, count, settings);
  const clipped = (name: string, range: ValueRange): ValueRange => {
    const histogram = histograms.get(name);
    if (histogram === undefined || histogram.limit === 0) return range;
    if (method === "mse") return leastErrorRange(histogram, range, 255);
    const limit =
      method === "percentile"
        ? percentileLimit(histogram, percentile)
        : entropyLimit(histogram, range.min < 0 ? 128 : 256);
    return { min: Math.max(range.min, -limit), max: Math.min(range.max, limit) };
  };
  return new Map([...ranges].map(([name, range]) => [name, clipped(name, range)]));
}

const nothing: ValueRange = { min: 0, max: 0 };

const limitOf = ({ min, max }: ValueRange): number => Math.max(-min, max);

/** The least and the largest number of each value, and 0. */
async function extremes(
  file: OnnxFile,
  names: readonly string[],
  batches: readonly NamedValues[],
  settings: RunSettings,
  beside: Visitor = { values: [], visit: () => undefined },
): Promise<ReadonlyMap<string, ValueRange>> {
  const ranges = new Map<string, ValueRange>(names.map((name) => [name, nothing]));
  const widen = (results: NamedValues) => {
    for (const [name, range] of ranges) {
      ranges.set(name, widened(name, range, numbersOf(name, results[name])));
    }
    beside.visit(results);
  };
  await visitValues(file, [...new Set([...names, ...beside.values])], batches, widen, settings);
  return ranges;
}

function widened(name: string, { min, max }: ValueRange, data: Float32Array | Float64Array): ValueRange {
  let [low, high] = [min, max];
  for (let i = 0; i < data.length; i++) {
    const x = data[i];
    // Nearly all are within; what is no number is not, and stays in the least and the largest.
    if (x >= low && x <= high) continue;
    low = Math.min(low, x);
    high = Math.max(high, x);
  }
  if (Number.isFinite(low) && Number.isFinite(high)) return { min: low, max: high };
  throw new DataError(`The value "${name}" has numbers that are not finite on these examples.`);
}

function numbersOf(name: string, { data }: NdArray): Float32Array | Float64Array {
  if (data instanceof Float32Array || data instanceof Float64Array) return data;
  throw new DataError(`The value "${name}" has no floats: it cannot be quantized.`);
}
