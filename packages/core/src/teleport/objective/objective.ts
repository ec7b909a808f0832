import type { BatchSpec, BatchTensors } from "../../batch.js";
import { dot, grad } from "../../graph/autodiff.js";
import { neg } from "../../graph/ops/arithmetic.js";
import type { Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import type { OptimizerState } from "../../optim/optimizer.js";

/** What descent would go on with from a point: the optimizer's state and the learning rate, where they are known. */
export interface Memory {
  readonly optimizer?: OptimizerState | undefined;
  readonly learningRate?: Tensor | undefined;
}

/** A scalar that a point is judged by. */
export type PointValue<P, B extends BatchSpec = BatchSpec> = (
  params: TensorsOf<P>,
  batch: TensorsOf<B>,
  memory?: Memory,
) => Tensor;

/**
 * What a teleport maximizes, made from the loss, for any parameters and batch. Traced.
 *
 * @typeParam P tree of tensors
 * @typeParam B tensors by name
 */
export type Objective = <P, B extends BatchTensors>(
  loss: (params: P, batch: B) => Tensor,
) => (params: P, batch: B, memory?: Memory) => Tensor;

/** An objective for one tree of tensors and one batch of tensors. */
type ObjectiveOn<P, B> = (
  // biome-ignore lint/suspicious/noExplicitAny: so that an objective for any batch fits where one for `{ x, y }` is wanted
  loss: (params: P, batch: any) => Tensor,
) => (params: P, batch: B, memory?: Memory) => Tensor;

/**
 * The same for parameters and a batch of one type. Any function of this form will do, such as
 * `() => (params) => sum(square(params.a))`; {@link minimized} turns one round.
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
 * The negative of an objective: the teleport then looks for its smallest value, and reports the negative of it.
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
