import { dot, grad } from "../../graph/autodiff.js";
import { neg } from "../../graph/ops/arithmetic.js";
import type { Tensor } from "../../graph/tensor.js";
import type { OptimizerState } from "../../optim/optimizer.js";
import type { BatchTensors } from "../../symmetry/symmetry.js";

/** A scalar function of parameters and batch. */
export type BatchLoss<P> = (params: P, batch: BatchTensors) => Tensor;

/** What descent would go on with from a point: the optimiser's state and the learning rate, where they are known. */
export interface Memory {
  readonly optimizer?: OptimizerState;
  readonly learningRate?: Tensor;
}

/** A scalar that a point is judged by. */
export type PointValue<P> = (params: P, batch: BatchTensors, memory?: Memory) => Tensor;

/** What a teleport maximises, made from the loss, for any parameters. Traced. */
export type Objective = <P>(loss: BatchLoss<P>) => PointValue<P>;

/**
 * The same for parameters of one type. Any function of this form will do, such as
 * `() => (params) => sum(square(params.a))`; {@link minimised} turns one round.
 */
export type ObjectiveFor<P> = (loss: BatchLoss<P>) => PointValue<P>;

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
 * const flat = minimised(sharpness({ radii: [0.05] }));
 */
export function minimised(objective: Objective): Objective;
export function minimised<P>(objective: ObjectiveFor<P>): ObjectiveFor<P>;
export function minimised<P>(objective: ObjectiveFor<P>): ObjectiveFor<P> {
  return (loss) => {
    const value = objective(loss);
    return (params, batch, memory) => neg(value(params, batch, memory));
  };
}
