import { isNdArray, type RuntimeName } from "isoloss";
import {
  abortSignal,
  flag,
  inCode,
  integerFrom,
  isFunction,
  isObject,
  listOf,
  number,
  type OptionsOf,
  oneOf,
  optionTable,
  positive,
} from "isoloss/internal";
import { axisSizes, batchList } from "../model-file/compare/random-inputs.js";
import { type CalibrationMethod, calibrationMethods } from "./calibrate.js";
import type { CandidateFile } from "./candidates.js";
import type { Granularity } from "./choices.js";
import type { Metric } from "./measure-error.js";

/** How far a quantization is. */
export interface QuantizationProgress {
  /** What is done next. */
  readonly next: string;
  readonly seconds: number;
}

/** How means are found that corrected biases keep. */
export type BiasCorrection = "measured" | "analytic";

export interface QuantizeModelOptions extends OptionsOf<typeof quantizeModelOptions> {}

const candidate = inCode<CandidateFile>(
  "{ name, bytes }",
  (value) => isObject(value) && "name" in value && typeof value.name === "string" && "bytes" in value,
);

export const quantizeModelOptions = optionTable("quantizeModel", {
  /** Examples to quantize by: batches as arrays by the names of the model's inputs; default none, for weights alone, which are then rounded as they are, and for dynamic activations. */
  calibration: batchList.otherwise("none, for weights alone and dynamic activations"),
  /** Other examples: about 16 of them choose the file, up to half while the best one is open, and the others judge it; default: half of the calibration or more, which is then not used for it; random inputs without calibration. */
  heldOut: batchList.otherwise("half of the calibration or more, or random inputs"),
  /** Bits of the weights: 8 (default) or 4, which are for weights alone. */
  weightBits: oneOf([8, 4]).default(8),
  /** Type of weights of 8 bits: `int8` (default) or `uint8`. */
  weights: oneOf(["int8", "uint8"]).default("int8"),
  /** Whether weights keep to 7 of 8 bits, for processors without instructions for 8-bit dot products; default false. */
  reduceRange: flag.default(false),
  /**
   * Type of activations: `uint8` or `int8`, by ranges of the calibration; `dynamic`: products with stored weights round what they
   * read to uint8, by its range in each run; `none` stores the weights alone as integers. Default: `uint8`, and `dynamic` where
   * all layers are products.
   */
  activations: oneOf(["uint8", "int8", "dynamic", "none"]).otherwise(
    "uint8, and dynamic where all layers are products",
  ),
  /** What has a scale of weights: each `channel`, the whole `tensor`, or each `block`; default: channel and tensor are tried. */
  granularity: oneOf<Granularity>(["tensor", "channel", "block"]).otherwise("channel and tensor are tried"),
  /** Numbers in a block; default 32. */
  blockSize: integerFrom(1).default(32),
  /** How ranges of activations are found: see `calibrate`; default `minMax`. */
  calibrationMethod: oneOf<CalibrationMethod>(calibrationMethods).default("minMax"),
  /** For the method `percentile`; default 99.99. */
  percentile: number({ above: 0, max: 100 }).default(99.99),
  /**
   * Whether the table has the files with corrected biases, too, and how they are found: `measured` (default), also true, from means
   * on the calibration; `analytic` from the moments that batch norms store, of normal numbers that activations clip, so that
   * only what they do not tell is measured; false: not.
   */
  biasCorrection: oneOf(["measured", "analytic", true, false]).default("measured"),
  /** Whether the table has the files with high biases absorbed behind ReLUs, too: see `absorbedBiases`; default false. */
  absorbBiases: flag.default(false),
  /**
   * Whether the table has the weights with rotated spaces of attention heads, bottlenecks and residual streams, too: see `rotated`, by
   * `descended`; default false.
   */
  rotate: flag.default(false),
  /**
   * Whether the table has weights rounded so that each error is made up for by the weights behind it, by what they multiply on the
   * calibration (GPTQ); default true with a calibration.
   */
  compensate: flag.default(true),
  /** Whether the table has other weights on the orbit of the model's scalings, too; default true. */
  equalize: flag.default(true),
  /** Files that compute the same with other weights, to be tried, too, such as those of `equalizeForQuantization`; default none. */
  candidates: listOf(candidate).default([]),
  /** Least SQNR in decibels: layers stay float until the examples that choose have it; default: all are quantized. */
  limit: number().otherwise("all layers are quantized"),
  /** Labels of the held-out examples and a score of outputs by them, such as an accuracy, for the table and for `judged`, each on its half; default none. */
  metric: inCode<Metric>("{ labels, score }: an array and a function of outputs and labels", (value) => {
    const { labels, score } = (value ?? {}) as Partial<Metric>;
    return isNdArray(labels) && isFunction(score);
  }).otherwise("none"),
  /** Sizes of axes that the file leaves open, for random inputs; default small ones. */
  sizes: axisSizes.default({}),
  /** Seconds after which nothing more is begun; default: no limit. */
  budget: positive.otherwise("no limit"),
  /** Is called before each step. */
  onProgress: inCode<(progress: QuantizationProgress) => void>("a function", isFunction).otherwise("none"),
  /** Where the models run: `onnx`, `javascript`, or `auto` (default), ONNX Runtime where it is installed. */
  runtime: oneOf<RuntimeName>(["auto", "javascript", "onnx"]).default("auto"),
  /** Ends the quantization with its reason. */
  signal: abortSignal.otherwise("none"),
});
