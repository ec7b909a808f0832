import { isNdArray, type NdArray } from "../array.js";
import { constant } from "../graph/ops/leaf.js";
import { flatten, unflatten } from "../tree.js";
import { type Optimizer, type OptimizerState, zeroSteps } from "./optimizer.js";

/**
 * Starts the entries that an optimizer lists in `restarts` again after a jump of the parameters: at the new parameters, or at 0.
 * Other entries stay. Of arrays or of tensors.
 *
 * @param zero the scalar 0, as an array or a tensor
 */
function restartWith(
  { restarts = {} }: Pick<Optimizer, "restarts">,
  state: OptimizerState,
  params: unknown,
  zero: unknown,
): OptimizerState {
  const fresh = Object.entries(restarts).map(([name, from]) => [name, from === "params" ? params : zero]);
  return fresh.length === 0 ? state : { ...state, ...Object.fromEntries(fresh) };
}

/** As {@link restartWith}, of arrays. */
export const restartState = (
  optimizer: Pick<Optimizer, "restarts">,
  state: OptimizerState,
  params: unknown,
): OptimizerState => restartWith(optimizer, state, params, zeroSteps());

/** As {@link restartWith}, of tensors. Traced. */
export const traceRestart = (
  optimizer: Pick<Optimizer, "restarts">,
  state: OptimizerState,
  params: unknown,
): OptimizerState => restartWith(optimizer, state, params, constant(0, "float64"));

/**
 * A traced `init`: the first state at given parameters. Types come from the example parameters; only entries in `restarts` may depend
 * on the values of parameters, as `init` itself is not traced.
 */
export function createTracedInit(
  optimizer: Pick<Optimizer, "init" | "restarts">,
  example: unknown,
): (params: unknown) => OptimizerState {
  const { leaves, def } = flatten<NdArray>(optimizer.init(example), isNdArray);
  return (params) => {
    const state = leaves.map((leaf) => constant(leaf));
    return traceRestart(optimizer, unflatten(def, state) as OptimizerState, params);
  };
}
