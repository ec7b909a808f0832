import type { Tensor } from "isoloss";
import { reshape, transpose } from "isoloss/ops";
import type { Call } from "../../call.js";

/** [batch, length, heads * width] as [batch, heads, length, width]. */
export function byHead(call: Call, x: Tensor, heads: number): Tensor {
  if (x.rank === 4) return x;
  const [batch, length, width] = x.shape;
  if (heads === 0 || width % heads !== 0) return call.fail(`${heads} heads do not divide the width ${width}`);
  return transpose(reshape(x, [batch, length, heads, width / heads]), [0, 2, 1, 3]);
}

/** The inverse of {@link byHead}. */
export function joined(x: Tensor): Tensor {
  const [batch, heads, length, width] = x.shape;
  return reshape(transpose(x, [0, 2, 1, 3]), [batch, length, heads * width]);
}
