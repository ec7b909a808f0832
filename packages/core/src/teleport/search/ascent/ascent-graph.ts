// The derivative along a group's orbit: Zhao et al., NeurIPS 2022, section 4.1, by the chain rule through the action.
import type { BatchTensors } from "../../../batch.js";
import { backward, grad } from "../../../graph/autodiff.js";
import type { Graph } from "../../../graph/graph.js";
import { fill } from "../../../graph/ops/leaf.js";
import { alias } from "../../../graph/ops/stop-gradient.js";
import { isTensor, type Tensor } from "../../../graph/tensor.js";
import { spec, type TensorsOf, trace } from "../../../graph/trace.js";
import type { Symmetry } from "../../../symmetry/symmetry.js";
import { tangentOf } from "../../../symmetry/tangent.js";
import { flatten } from "../../../tree.js";
import type { PointValue } from "../../objective/objective.js";
import type { SearchProblem } from "../search.js";

/**
 * Traces the gradient of a function of the parameters in the algebra's T at the identity,
 *
 * d/dT f(T.w) = (d(T.w)/dT)' grad f(w)
 *
 * For f = ||grad L||^2 it costs one Hessian-vector product (grad f = 2 H grad L) and one product with the
 * transposed derivative of the action. Inputs: `params`, `batch`, `memory`, `context`; outputs `T.0`, `T.1`,
 * ... in the algebra's shapes.
 *
 * @param value f
 */
export function traceAscent<P>(
  symmetry: Symmetry<P>,
  value: PointValue<P>,
  { params, batch, memory, dtype }: Pick<SearchProblem<P>, "params" | "batch" | "memory" | "dtype">,
): Graph {
  const context = (symmetry.contextShapes?.(batch) ?? []).map((shape) => spec(shape, dtype));
  const { graph } = trace(
    ({ params: p, batch: b, memory: m, context: c }) => {
      const slope = flatten(grad(value)(p, b, m), isTensor).leaves;
      return { T: ascentAlong(symmetry, slope, { params: p, batch: b, context: c, dtype }) };
    },
    { params, batch, memory, context },
  );
  return graph;
}

/** The gradient of {@link traceAscent} as part of a graph, from the function's gradient in the parameters, an array each. */
export function ascentAlong<P>(
  symmetry: Symmetry<P>,
  slope: readonly Tensor[],
  { params, batch, context, dtype }: AscentPoint<P>,
): Tensor[] {
  const T = symmetry.algebra.map((shape) => alias(fill(shape, 0, dtype)));
  return backward(tangentOf(symmetry, params, T, batch, context), slope, T);
}

interface AscentPoint<P> {
  readonly params: TensorsOf<P>;
  readonly batch: BatchTensors;
  readonly context: readonly Tensor[];
  readonly dtype: "float32" | "float64";
}
