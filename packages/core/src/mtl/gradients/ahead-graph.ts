import { mul, neg, sub } from "../../graph/ops/arithmetic.js";
import { sum } from "../../graph/ops/reduce.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import { spec, type TensorsOf, trace } from "../../graph/trace.js";
import { flatten, unflatten } from "../../tree.js";
import {
  type CommonInputs,
  commonArguments,
  forwardTasks,
  headGradients,
  type TaskParts,
  vectorOf,
} from "./forward.js";
import { crossGramian, gradientRows } from "./rows.js";
import { treeOf, weightedGradients } from "./update-graph.js";

/**
 * What the weights of a virtual step do to the losses after it, as a graph: theta' = theta - eta sum_k w_k grad L_k(theta), heads
 * included; dL_j(theta') / dw_i = -eta <grad L_i(theta), grad L_j(theta')>, with L_j on another batch.
 *
 * Inputs: params, state, batch, seed, `other` (the other batch), weights, learningRate. Outputs: `shared` [K, K], the part of the
 * shared parameters, and `heads.0`, ... in order of `split.heads`, those of the heads, each of its task alone.
 */
export function traceAhead<P>(parts: TaskParts<P>, tasks: number) {
  const { dtype, batch } = parts;
  const { graph } = trace(
    ({ other, weights, learningRate, ...inputs }) => {
      const here = forwardTasks(parts, inputs);
      const { params } = virtualStep(parts, { ...inputs, weights, learningRate });
      const there = forwardTasks(parts, { ...inputs, params, batch: other });
      const [own, ahead] = [headGradients(parts, here), headGradients(parts, there)];
      const rate = neg(learningRate);
      return {
        shared: mul(rate, crossGramian(gradientRows(here), gradientRows(there))),
        heads: own.map((g, i) => mul(rate, sum(mul(g, ahead[i])))),
      };
    },
    {
      ...commonArguments(parts),
      other: batch,
      weights: spec([tasks], dtype),
      learningRate: spec([], dtype),
    },
  );
  return graph;
}

/** A virtual step as a graph: `params` after it, and `losses` [K] before it. Inputs: as of {@link traceAhead}, without `other`. */
export function traceVirtualStep<P>(parts: TaskParts<P>, tasks: number) {
  const { dtype } = parts;
  const step = { weights: spec([tasks], dtype), learningRate: spec([], dtype) };
  return trace((inputs) => virtualStep(parts, inputs), { ...commonArguments(parts), ...step }).graph;
}

/** theta - eta sum_k w_k grad L_k(theta), heads included. */
function virtualStep<P>(
  parts: TaskParts<P>,
  { weights, learningRate, ...inputs }: CommonInputs<P> & Record<"weights" | "learningRate", Tensor>,
): { readonly params: TensorsOf<P>; readonly losses: Tensor } {
  const { losses, ...gradients } = weightedGradients(parts, { ...inputs, weights, headWeights: weights });
  const { leaves, def } = flatten(inputs.params, isTensor);
  const steps = flatten(treeOf(inputs.params, parts.split, gradients), isTensor).leaves;
  const moved = leaves.map((leaf, i) => sub(leaf, mul(learningRate, steps[i])));
  return { params: unflatten(def, moved) as TensorsOf<P>, losses: vectorOf(losses) };
}
