import type { NdArray } from "./array.js";
import { describeValue, OptionError } from "./errors.js";
import type { Tensor } from "./graph/tensor.js";
import { type Spec, type SpecLeaf, spec, type TensorsOf } from "./graph/trace.js";
import { mapValues } from "./tree.js";

/**
 * What a loss receives besides the parameters: arrays by name, `{ x, y }` for supervised learning, `{}` for a
 * function.
 */
export type Batch = Readonly<Record<string, NdArray>>;

/** Shapes and dtypes of a batch. */
export type BatchSpec = Readonly<Record<string, SpecLeaf>>;

/** A batch of tensors, as a traced function receives it. */
export type BatchTensors = Readonly<Record<string, Tensor>>;

/** The shapes and dtypes of a batch of tensors. */
export const specsOf = (batch: BatchTensors): Readonly<Record<string, Spec>> =>
  mapValues(batch, ({ shape, dtype }) => spec(shape, dtype));

/** The batch of a function that depends on the parameters only. */
export type NoBatch = Readonly<Record<never, never>>;

/**
 * A scalar function of parameters and batch. Traced.
 *
 * @typeParam P tree of parameters
 * @typeParam B batch, such as `{ x: NdArray; y: NdArray }`; default: a batch with any entries
 *
 * @example
 * const loss: BatchLoss<typeof params, typeof batch> = (p, { x, y }) => mseLoss(model.apply(p, x).output, y);
 */
export type BatchLoss<P, B extends BatchSpec = BatchSpec> = (
  params: TensorsOf<P>,
  batch: TensorsOf<B>,
) => Tensor;

/**
 * Widens a loss of one batch type to any batch: inside the library, tracing checks the entries of a batch.
 *
 * @throws OptionError unless it is a function
 */
export function forAnyBatch<P, Rest extends readonly unknown[]>(
  f: (params: TensorsOf<P>, batch: never, ...rest: Rest) => Tensor,
): (params: TensorsOf<P>, batch: BatchTensors, ...rest: Rest) => Tensor {
  if (typeof f !== "function") {
    throw new OptionError(
      `The loss must be a function of parameters and batch; got ${describeValue(f)}. ` +
        "Write (p, { x, y }) => crossEntropy(model.apply(p, x).output, y), say.",
    );
  }
  return f as (params: TensorsOf<P>, batch: BatchTensors, ...rest: Rest) => Tensor;
}

/** The batch type of one data source, arrays or a stream, or of a list of sources whose arrays are merged into one batch. */
export type MergedBatch<D> = D extends readonly (infer Source)[] ? Intersection<PartOf<Source>> : PartOf<D>;

/** What a stream gives; arrays are a part themselves. */
type PartOf<D> = D extends { batches(seed: number, epoch: number): AsyncIterable<infer T> } ? T : D;

type Intersection<U> = (U extends unknown ? (one: U) => void : never) extends (all: infer I) => void
  ? I
  : never;
