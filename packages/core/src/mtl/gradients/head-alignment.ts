import { ShapeError } from "../../errors.js";
import { add, div, minimum, mul } from "../../graph/ops/arithmetic.js";
import { sum } from "../../graph/ops/reduce.js";
import { stopGradient } from "../../graph/ops/stop-gradient.js";
import type { Tensor } from "../../graph/tensor.js";
import { globalNorm } from "../../optim/clip.js";
import type { HeadAlignment } from "../method.js";
import { type Forward, gradientOf } from "./forward.js";
import type { ParameterSplit } from "./parameter-split.js";

/**
 * The heads' gradients with that of -lambda <delta_k, D> added to those of task k, which turns the gradients that the tasks send into
 * the representation toward each other: delta_k = dL_k/dz, D the sum or mean of w_j delta_j as a constant. What is added is clipped to
 * `limit` times the norm of the head's own gradient.
 *
 * z is one tensor for all tasks, or one of the same shape for each.
 *
 * @param weights w_k, scalars
 * @param heads gradients in order of `split.heads`
 * @throws ShapeError unless there is such a representation
 */
export function alignedHeads(
  { losses, heads: leaves, representations = [] }: Forward,
  { split, lambda, limit, reduction }: HeadAlignment & { readonly split: ParameterSplit },
  { weights, heads }: { readonly weights: readonly Tensor[]; readonly heads: readonly Tensor[] },
): Tensor[] {
  const K = losses.length;
  const shapes = new Set(representations.map(({ shape }) => shape.join()));
  if (shapes.size !== 1 || ![1, K].includes(representations.length)) {
    throw new ShapeError(
      `Heads are aligned in a representation, one for all ${K} tasks or one of the same shape for each; got ${representations.length}${shapes.size > 1 ? " of different shapes" : ""}. Give the option representation.`,
    );
  }
  const deltas = losses.map(
    (loss, k) => gradientOf(loss, [representations[representations.length === 1 ? 0 : k]])[0],
  );
  const total = deltas.map((delta, k) => mul(weights[k], delta)).reduce((a, b) => add(a, b));
  const common = stopGradient(reduction === "sum" ? total : div(total, K));
  const out = heads.slice();
  deltas.forEach((delta, k) => {
    const own = split.heads.flatMap(({ task }, i) => (task === k ? [i] : []));
    if (own.length === 0) return;
    const agreement = mul(sum(mul(delta, common)), -lambda);
    const extra = gradientOf(
      agreement,
      own.map((i) => leaves[i]),
    );
    const most = mul(globalNorm(own.map((i) => heads[i])), limit);
    const factor = minimum(div(most, add(globalNorm(extra), 1e-6)), 1);
    own.forEach((i, j) => {
      out[i] = add(heads[i], mul(factor, extra[j]));
    });
  });
  return out;
}
