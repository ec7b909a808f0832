import { isNdArray, type NdArray, zeros } from "../../array.js";
import { OptionError } from "../../errors.js";
import { grad, mapTree } from "../../graph/autodiff.js";
import { sub } from "../../graph/ops/arithmetic.js";
import { less, where } from "../../graph/ops/compare.js";
import { abs } from "../../graph/ops/elementary.js";
import { constant, fill } from "../../graph/ops/leaf.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import { isOptimizer, type Optimizer, type OptimizerState } from "../../optim/optimizer.js";
import { gd } from "../../optim/sgd.js";
import { inCode, integerFrom, type OptionsOf, optionTable, positive } from "../../options.js";
import { flatten, unflatten } from "../../tree.js";
import type { Objective } from "./objective.js";

export interface DecreaseOptions extends OptionsOf<typeof decreaseOptions> {}

export const decreaseOptions = optionTable("decrease", {
  /** eta, used if the teleport gets none in its `memory`. */
  learningRate: positive.otherwise("the run's"),
  /** The optimizer in use; default gradient descent. */
  optimizer: inCode<Optimizer>("an optimizer, such as adam()", isOptimizer).otherwise("gradient descent"),
  /** k, the number of virtual steps; default 1. */
  steps: integerFrom(1).default(1),
});

/**
 * The decrease of the loss by the next steps of an optimizer, without what a trainer clips,
 *
 * L(w) - L(w_k),  w_0 = w, w_{i+1} = update(grad L(w_i), s_i, w_i, eta)
 *
 * with k virtual steps on the batch of the teleport. It is the objective for a fixed learning rate, as a
 * gradient that is too large for it does not count as gain. State s_0 and learning rate are the current ones
 * if the teleport gets them (in its `memory`), else a new state and `learningRate`. A new state is that of
 * parameters at zero, so it must not depend on their values. The state is held fixed while the parameters
 * move.
 *
 * @throws OptionError for options out of range, and, when traced, if no learning rate is given; ShapeError if
 *   the given state does not belong to the optimizer
 *
 * @example
 * const objective = decrease({ optimizer: adam(), learningRate: 1e-3, steps: 2 });
 */
export function decrease(options: DecreaseOptions = {}): Objective {
  const { learningRate, optimizer = gd(), steps } = decreaseOptions.read(options);
  return (loss) => (params, batch, memory) => {
    const { dtype } = flatten(params, isTensor).leaves[0];
    const rate =
      memory?.learningRate ?? (learningRate === undefined ? undefined : constant(learningRate, dtype));
    if (rate === undefined) {
      throw new OptionError(
        "decrease: needs a learning rate; give it as option `learningRate`, or `memory.learningRate` to the teleporter.",
      );
    }
    let state = memory?.optimizer ?? freshState(optimizer, params);
    // Of means and sums of gradients alone no roots are taken, and the sign of a mean, Lion's, must stay 0.
    const isAdaptive = Object.keys(state).some((name) => optimizer.moments[name]?.power !== 1);
    let w = params;
    const gradientAt = (at: typeof w) => {
      const g = grad(loss)(at, batch);
      return isAdaptive ? mapTree(awayFromZero, g) : g;
    };
    for (let k = 0; k < steps; k++) {
      ({ params: w, state } = optimizer.update(gradientAt(w), state, w, rate, gradientAt));
    }
    return sub(loss(params, batch), loss(w, batch));
  };
}

/**
 * Roots of running mean squares have no derivative where a gradient is and was 0 (dead units, blank pixels).
 * There a constant replaces the gradient: too small to move the parameter, and large enough to be squared in
 * float32.
 */
const awayFromZero = (g: Tensor): Tensor => where(less(abs(g), 1e-16), 1e-16, g);

/** An optimizer's first state as constants, for parameters of which only the shapes are known. */
function freshState(optimizer: Optimizer, params: unknown): OptimizerState {
  const { leaves, def } = flatten(params, isTensor);
  const arrays = leaves.map(({ shape, dtype }) => zeros(shape, dtype));
  const state = flatten<NdArray>(optimizer.init(unflatten(def, arrays)), isNdArray);
  return unflatten(state.def, state.leaves.map(constantOf)) as OptimizerState;
}

/** A constant; a single number if all elements are equal, so that the graph need not store them. */
function constantOf(array: NdArray): Tensor {
  const { dtype } = constant(array);
  const [first, ...rest] = new Set<number | bigint>(array.data);
  return first !== undefined && rest.length === 0 ? fill(array.shape, Number(first), dtype) : constant(array);
}
