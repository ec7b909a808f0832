// What happens to an optimizer's state in a teleport, as a part of a program.

import type { BatchLoss, BatchTensors } from "../../batch.js";
import { dot, grad } from "../../graph/autodiff.js";
import { div, maximum, minimum, neg, sub } from "../../graph/ops/arithmetic.js";
import { equal, logicalOr, where } from "../../graph/ops/compare.js";
import { abs, sqrt } from "../../graph/ops/elementary.js";
import { max } from "../../graph/ops/reduce.js";
import { vectorOf } from "../../graph/ops/slice.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import { type Optimizer, type OptimizerState, trainedGradients } from "../../optim/optimizer.js";
import { createTracedInit, traceRestart } from "../../optim/restart-state.js";
import { flatten } from "../../tree.js";
import type { Elements, TracedWalk } from "../search/search.js";
import { reusedState } from "./reused-state.js";
import type { TransportPolicy } from "./transport.js";

/** A teleport that moved the parameters. */
export interface TracedMove<P> {
  readonly from: TensorsOf<P>;
  readonly to: TensorsOf<P>;
  readonly batch: BatchTensors;
  readonly state: OptimizerState;
  /** See {@link TracedEnd.elements}. */
  readonly elements?: Elements | undefined;
}

/** The state after a move. Traced. */
export type TracedTransport<P> = (move: TracedMove<P>) => OptimizerState;

/** As `createTransport`, traced; undefined where the host has to push moments forward. `push` is that of the walk. */
export function tracedTransport<P>({
  policy,
  optimizer,
  loss,
  params,
  push,
}: {
  readonly policy: TransportPolicy;
  readonly optimizer: Optimizer;
  readonly loss: BatchLoss<P>;
  readonly params: P;
  readonly push: TracedWalk<P>["push"];
}): TracedTransport<P> | undefined {
  if (policy === "reset") {
    const begun = createTracedInit(optimizer, params);
    return ({ to }) => begun(to);
  }
  const moments = Object.entries(optimizer.moments);
  const isKept = policy === "keep" || moments.length === 0 || (policy === "push" && push === undefined);
  if (isKept) return ({ state, to }) => traceRestart(optimizer, state, to);
  if (policy === "push") {
    if (push === undefined || push === "host") return undefined;
    return ({ from, state: before, to, batch, elements = [] }) => {
      const state = traceRestart(optimizer, before, to);
      const pushed = moments.map(([name, { power }]) => [
        name,
        push(state[name] as TensorsOf<P>, power, { elements, from, batch }),
      ]);
      return { ...state, ...Object.fromEntries(pushed) };
    };
  }
  return ({ from, to, batch, state: before }) => {
    const state = traceRestart(optimizer, before, to);
    const gradientAt = (p: TensorsOf<P>) => trainedGradients(grad(loss)(p, batch), optimizer);
    // All numbers in one vector, so that sums over them have the host's order.
    const [start, end, slope] = [from, to, gradientAt(from)].map((tree) =>
      vectorOf(flatten(tree, isTensor).leaves),
    );
    const sigma = neg(similarity(sub(end, start), slope));
    return reusedState(optimizer, state, gradientAt(to), to, sigma);
  };
}

/** As `trajectorySimilarity` with the sign of the gradient. Traced. */
function similarity(move: Tensor, gradient: Tensor): Tensor {
  const [a, b] = [move, gradient].map((of) => max(abs(of)));
  const isZero = logicalOr(equal(a, 0), equal(b, 0));
  const [x, y] = [div(move, where(isZero, 1, a)), div(gradient, where(isZero, 1, b))];
  const cosine = div(div(dot(x, y), sqrt(dot(x, x))), sqrt(dot(y, y)));
  return where(isZero, 0, maximum(-1, minimum(1, cosine)));
}
