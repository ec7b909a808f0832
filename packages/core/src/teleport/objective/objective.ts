import type { BatchSpec, BatchTensors } from "../../batch.js";
import { dot, grad } from "../../graph/autodiff.js";
import { neg } from "../../graph/ops/arithmetic.js";
import type { Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import type { OptimizerState } from "../../optim/optimizer.js";

/** The optimizer's state and the learning rate with which descent would continue from a point, if known. */
export interface Memory {
  readonly optimizer?: OptimizerState | undefined;
  readonly learningRate?: Tensor | undefined;
}

/** A scalar that rates a point. */
export type PointValue<P, B extends BatchSpec = BatchSpec> = (
  params: TensorsOf<P>,
  batch: TensorsOf<B>,
  memory?: Memory,
) => Tensor;

/**
 * What a teleport maximizes: a function of the loss, for any parameters and batch. Traced.
 *
 * @typeParam P tree of tensors
 * @typeParam B tensors by name
 */
export type Objective = <P, B extends BatchTensors>(
  loss: (params: P, batch: B) => Tensor,
) => (params: P, batch: B, memory?: Memory) => Tensor;

/** An objective for one tree of tensors and one batch of tensors. */
type ObjectiveOn<P, B> = (
  // biome-ignore lint/suspicious/noExplicitAny: an objective for any batch must fit where one for `{ x, y }` is expected
  loss: (params: P, batch: any) => Tensor,
) => (params: P, batch: B, memory?: Memory) => Tensor;

/**
 * An objective for one type of parameters and batch. Any function of this form is valid, such as
 * `() => (params) => sum(square(params.a))`; {@link minimized} negates one.
 */
export type ObjectiveFor<P, B extends BatchSpec = BatchSpec> = ObjectiveOn<TensorsOf<P>, TensorsOf<B>>;

/**
 * ||grad L||^2: the speed of gradient flow, dL/dt = -||grad L||^2 (Zhao et al., NeurIPS 2022, eq. 1). The default of every
 * teleport.
 *
 * @example
 * const { report } = await teleport({ symmetry, loss, params, batch, objective: gradNormSq });
 */
export const gradNormSq: Objective = (loss) => (params, batch) => {
  const g = grad(loss)(params, batch);
  return dot(g, g);
};

/**
 * The negative of an objective: the teleport then looks for the smallest value and reports its negative.
 *
 * @example
 * const flat = minimized(sharpness({ radii: [0.05] }));
 */
export function minimized(objective: Objective): Objective;
export function minimized<P, B>(objective: ObjectiveOn<P, B>): ObjectiveOn<P, B>;
export function minimized<P, B>(objective: ObjectiveOn<P, B>): ObjectiveOn<P, B> {
  return (loss) => {
    const value = objective(loss);
    return (params, batch, memory) => neg(value(params, batch, memory));
  };
}
