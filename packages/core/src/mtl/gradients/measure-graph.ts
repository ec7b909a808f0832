import type { Graph } from "../../graph/graph.js";
import { vectorOf } from "../../graph/ops/slice.js";
import { trace } from "../../graph/trace.js";
import {
  type CommonInputs,
  commonArguments,
  forwardTasks,
  headGradients,
  type TaskParts,
} from "./forward.js";
import { gradientRows, gramiansOf, jacobianOf } from "./rows.js";

/** The losses of a batch as a graph: `losses` [K], and the next `state`. Inputs: params, state, batch, seed. */
export function traceLosses<P>(parts: TaskParts<P>): Graph {
  const losses = (inputs: CommonInputs<P>) => {
    const forward = forwardTasks(parts, inputs);
    return { losses: vectorOf(forward.losses), state: forward.state };
  };
  return trace(losses, commonArguments(parts)).graph;
}

export interface MeasureOptions {
  /** Whether J and the heads' gradients are outputs as well; default false. */
  readonly keep?: boolean | undefined;
  /** Maximum total size of the gradients of a group of leaves. */
  readonly groupLimit?: number | undefined;
}

/**
 * Losses and Gramian of a batch as one graph with all K backward passes: `losses` [K], `gramians` (see `gramiansOf`), the
 * next `state`, and with `keep` `jacobian` [K, P] and `heads.0`, ... in order of `split.heads`. Inputs: params, state, batch,
 * seed.
 */
export function traceMeasure<P>(
  parts: TaskParts<P>,
  { keep = false, groupLimit }: MeasureOptions = {},
): Graph {
  const measured = (inputs: CommonInputs<P>) => {
    const forward = forwardTasks(parts, inputs);
    const groups = gradientRows(forward, groupLimit);
    return {
      losses: vectorOf(forward.losses),
      gramians: gramiansOf(groups),
      state: forward.state,
      ...(keep ? { jacobian: jacobianOf(groups), heads: headGradients(parts, forward) } : {}),
    };
  };
  return trace(measured, commonArguments(parts)).graph;
}
