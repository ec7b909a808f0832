import { valueAndGrad } from "../../../graph/autodiff.js";
import { add, mul, sub } from "../../../graph/ops/arithmetic.js";
import { sum } from "../../../graph/ops/reduce.js";
import { reshape } from "../../../graph/ops/reshape.js";
import { slice } from "../../../graph/ops/slice.js";
import { stopGradient } from "../../../graph/ops/stop-gradient.js";
import type { Tensor } from "../../../graph/tensor.js";
import { rowOf } from "../../gradients/rows.js";

/** The tensors of a row, in the shapes of others. */
export function partsOf(row: Tensor, like: readonly Tensor[]): Tensor[] {
  let at = 0;
  return like.map(({ size, shape }) => {
    at += size;
    return reshape(slice(row, { starts: [0, at - size], ends: [1, at] }), [...shape]);
  });
}

/** A value whose derivative in tensors is given, as a row: value + <x - stop(x), gradient>. */
export function withGradient(value: Tensor, xs: readonly Tensor[], gradient: Tensor): Tensor {
  const row = rowOf(xs);
  return add(stopGradient(value), sum(mul(sub(row, stopGradient(row)), stopGradient(gradient))));
}

/** f(x), with its gradient computed as a whole: see {@link rowOf}. It has a first derivative only. */
export function wholeGradient(f: (xs: readonly Tensor[]) => Tensor, xs: readonly Tensor[]): Tensor {
  const [value, gradient] = valueAndGrad(f)(xs.map(stopGradient));
  return withGradient(value, xs, rowOf(gradient));
}
