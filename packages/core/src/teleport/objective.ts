import { dot, grad } from "../graph/autodiff.js";
import type { Tensor } from "../graph/tensor.js";

/** A scalar function of parameters and batch. */
export type BatchLoss<P> = (params: P, x: Tensor, y: Tensor) => Tensor;

/** What a teleport maximises, made from the loss. Traced. */
export type Objective = <P>(loss: BatchLoss<P>) => BatchLoss<P>;

/** ||grad L||^2: the speed of gradient flow, dL/dt = -||grad L||^2 (Zhao et al., NeurIPS 2022, eq. 1). */
export const gradNormSq: Objective = (loss) => (params, x, y) => {
  const g = grad(loss)(params, x, y);
  return dot(g, g);
};
