import { isNdArray, type NdArray } from "../../array.js";
import { constant } from "../../graph/ops/leaf.js";
import { type Optimizer, type OptimizerState, zeroSteps } from "../../optim/optimizer.js";
import { flatten, unflatten } from "../../tree.js";

/**
 * A state whose entries that do not follow a jump of the parameters begin again there: see `restarts` of an optimizer.
 * Of arrays or of tensors.
 *
 * @param zero a scalar 0
 */
function restarted(
  { restarts = {} }: Pick<Optimizer, "restarts">,
  state: OptimizerState,
  params: unknown,
  zero: unknown,
): OptimizerState {
  const begun = Object.entries(restarts).map(([name, at]) => [name, at === "params" ? params : zero]);
  return begun.length === 0 ? state : { ...state, ...Object.fromEntries(begun) };
}

/** As {@link restarted}, of arrays. */
export const restartedAt = (
  optimizer: Pick<Optimizer, "restarts">,
  state: OptimizerState,
  params: unknown,
): OptimizerState => restarted(optimizer, state, params, zeroSteps());

/** As {@link restarted}, of tensors. Traced. */
export const tracedRestart = (
  optimizer: Pick<Optimizer, "restarts">,
  state: OptimizerState,
  params: unknown,
): OptimizerState => restarted(optimizer, state, params, constant(0, "float64"));

/** The state with which an optimizer begins at parameters of the same types. Traced. */
export function tracedFirstState(
  optimizer: Pick<Optimizer, "init" | "restarts">,
  params: unknown,
): (at: unknown) => OptimizerState {
  const { leaves, def } = flatten<NdArray>(optimizer.init(params), isNdArray);
  return (at) => {
    const state = leaves.map((leaf) => constant(leaf));
    return tracedRestart(optimizer, unflatten(def, state) as OptimizerState, at);
  };
}
