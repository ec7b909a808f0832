import type { Batch, BatchTensors } from "../batch.js";
import { describeValue, OptionError } from "../errors.js";
import type { Tensor } from "../graph/tensor.js";
import type { TensorsOf } from "../graph/trace.js";
import type { VectorParams } from "../symmetry/rotation/quadratic-rotation.js";
import type { ResidualMap } from "../symmetry/rotation/residual-rotation.js";
import type { Symmetry } from "../symmetry/symmetry.js";

/**
 * A function to minimize, with its start and known properties.
 *
 * @typeParam P tree of parameters
 */
export interface Problem<P> {
  readonly name: string;
  readonly loss: (params: TensorsOf<P>, batch: BatchTensors) => Tensor;
  readonly start: P;
  /** Data of the loss; `{}` for a function of the parameters only. */
  readonly batch: Batch;
  /** The minimizer and the minimum, if known. */
  readonly optimum?: { readonly params: P; readonly value: number } | undefined;
  /** Invertible r with loss = ||r(w)||^2, if there is such a map. */
  readonly residuals?: ResidualMap<P> | undefined;
  /** A group that leaves the loss unchanged. */
  symmetry(): Symmetry<P>;
}

/** A vector of parameters in float64. */
export function vector(values: readonly number[]): VectorParams {
  if (typeof values?.length !== "number" || typeof values === "string") {
    throw new OptionError(
      `vector takes a list of numbers; got ${describeValue(values)}. Write vector([1, -1]).`,
    );
  }
  return { w: { shape: [values.length], data: Float64Array.from(values) } };
}
