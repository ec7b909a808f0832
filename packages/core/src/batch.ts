import type { NdArray } from "./array.js";
import type { Tensor } from "./graph/tensor.js";
import type { SpecLeaf, TensorsOf } from "./graph/trace.js";

/** What a loss sees besides the parameters: arrays by name, `{ x, y }` for supervised learning, `{}` for a function. */
export type Batch = Readonly<Record<string, NdArray>>;

/** Shapes and dtypes of a batch. */
export type BatchSpec = Readonly<Record<string, SpecLeaf>>;

/** A batch while a function of it is traced. */
export type BatchTensors = Readonly<Record<string, Tensor>>;

/** The batch of a function of the parameters alone. */
export type NoBatch = Readonly<Record<never, never>>;

/**
 * A scalar function of parameters and batch. Traced.
 *
 * @typeParam P tree of parameters
 * @typeParam B batch, such as `{ x: NdArray; y: NdArray }`; default one with any entries
 *
 * @example
 * const loss: BatchLoss<typeof params, typeof batch> = (p, { x, y }) => mseLoss(model.apply(p, x).output, y);
 */
export type BatchLoss<P, B extends BatchSpec = BatchSpec> = (
  params: TensorsOf<P>,
  batch: TensorsOf<B>,
) => Tensor;

/** A function of one batch's type as one of any batch: inside the library, tracing checks what a batch has. */
export function forAnyBatch<P, Rest extends readonly unknown[]>(
  f: (params: TensorsOf<P>, batch: never, ...rest: Rest) => Tensor,
): (params: TensorsOf<P>, batch: BatchTensors, ...rest: Rest) => Tensor {
  return f as (params: TensorsOf<P>, batch: BatchTensors, ...rest: Rest) => Tensor;
}

/** The batch of data from one source, or of a list of sources, whose arrays come together in a batch. */
export type MergedBatch<D> = D extends readonly (infer Source)[] ? Intersection<Source> : D;

type Intersection<U> = (U extends unknown ? (one: U) => void : never) extends (all: infer I) => void
  ? I
  : never;
