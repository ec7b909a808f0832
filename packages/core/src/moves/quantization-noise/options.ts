import { isNdArray } from "../../array.js";
import type { Batch } from "../../batch.js";
import type { Tensor } from "../../graph/tensor.js";
import {
  anyOf,
  flag,
  inCode,
  integerFrom,
  isFunction,
  isObject,
  nonNegative,
  number,
  type OptionsOf,
  oneOf,
  optionTable,
  record,
  text,
} from "../../options.js";
import type { RuntimeName } from "../../runtime/compile.js";
import type { Granularity } from "./layer-noise.js";

export interface WeightRounding {
  readonly bits: number;
  /** One step for a whole weight, or one for each of its output channels. */
  readonly granularity: Granularity;
}

/** A loss of the outputs, for what is at stake: `(logits, { labels }) => crossEntropy(logits, labels)`. Traced. */
export type OutputLoss = (outputs: never, batch: never) => Tensor;

export interface MinimizeQuantizationNoiseOptions
  extends OptionsOf<typeof minimizeQuantizationNoiseOptions> {}

const bits = number({ integer: true, min: 2, max: 16 });

const isBatch = (value: unknown): boolean => isObject(value) && Object.values(value).every(isNdArray);

const batches = inCode<readonly Batch[]>(
  "a list of one or more batches, objects of arrays by name",
  (value) => Array.isArray(value) && value.length > 0 && value.every(isBatch),
);

export const isBatches = (value: unknown): value is readonly Batch[] => batches.test(value);

export const minimizeQuantizationNoiseOptions = optionTable("minimizeQuantizationNoise", {
  /** Bits of the weights, symmetric integers; with one step for a whole `tensor`, unless told. Default 8. */
  weights: anyOf(bits, record({ bits, granularity: oneOf(["tensor", "channel"]) })).default(8),
  /** Bits of the layers' inputs, unsigned integers with a zero point for a whole tensor, or `none`. Default 8. */
  activations: anyOf(bits, oneOf(["none"])).default(8),
  /**
   * What becomes of min(relu(x), c) with a number c, such as ReLU6. `expected` (default): its channels are scaled as
   * those of a ReLU, and the damage that this does is weighed as noise. `exact`: what it bounds is not scaled. Bounds
   * that are parameters move with their channels and are always exact.
   */
  clips: oneOf(["expected", "exact"]).default("expected"),
  /** Batches on which the candidates are compared; default: the last quarter of the calibration batches. */
  heldOut: batches.otherwise("the last quarter of the calibration batches"),
  /**
   * How far channels may reach on data that calibration has not seen: by this share of what they reached beyond their
   * means there; those of a ReLU that is active in n of N examples by sqrt(N / n) times as much. Default 1 / sqrt(N).
   */
  headRoom: nonNegative.otherwise("1 / sqrt(number of calibration examples)"),
  /**
   * Whether factors are powers of 2: floats are multiplied by them exactly, so that outputs of float32 keep every bit
   * where nothing over- or underflows. Default false.
   */
  powersOfTwo: flag.default(false),
  /**
   * A loss of outputs and batch, `(outputs, batch) => loss`, which gives the noise of each channel its weight: the squared gradient of
   * the loss there, in place of the inverse of its signal. What has the least loss on the held-out data is then kept.
   * Default: none.
   */
  loss: inCode<OutputLoss>("a function of outputs and batch", isFunction).otherwise("none"),
  /** Most steps of the descent; default 100. */
  steps: integerFrom(1).default(100),
  /**
   * `javascript`, `onnx`, or `auto` (default): the faster one for the size of the graph. Without ONNX
   * Runtime, which is installed separately, `auto` is JavaScript, and the executable's `advice` says how much
   * slower that is.
   */
  runtime: oneOf<RuntimeName>(["auto", "javascript", "onnx"]).default("auto"),
  /** Execution provider of ONNX Runtime: `cpu`, `webgpu`, `cuda`, ... in Node; `wasm`, `webgpu` in a browser. Implies `onnx`. */
  provider: text("the name of an execution provider").otherwise("that of the runtime"),
  /** Threads inside an operator of ONNX Runtime; default: one for small graphs, else all cores. */
  threads: integerFrom(1).otherwise("as many as suit the graph"),
});
