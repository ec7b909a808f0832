import { add, mul, sub } from "../../../../graph/ops/arithmetic.js";
import { gather } from "../../../../graph/ops/gather.js";
import { expandDims, reshape } from "../../../../graph/ops/reshape.js";
import { concat } from "../../../../graph/ops/slice.js";
import type { Tensor } from "../../../../graph/tensor.js";
import type { Call } from "../../call.js";
import { along } from "../axes.js";
import { byHead, joined } from "./heads.js";

/** Turns pairs of elements by angles that depend on the position, given by their cosines and sines. */
export function rotaryEmbedding(call: Call): Tensor {
  const given = call.tensor(0);
  const x = byHead(call, given, call.int("num_heads", 0));
  const [batch, heads, length, width] = x.shape;
  const turned = call.int("rotary_embedding_dim", 0) || width;
  const half = turned / 2;
  // [batch, length, half], or [positions, half] with the position of each element.
  const cache = (i: number) =>
    expandDims(call.has(3) ? gather(call.tensor(i), call.tensor(3)) : call.tensor(i), 1);
  const [cos, sin] = [cache(1), cache(2)];
  const isInterleaved = call.int("interleaved", 0) === 1;
  // The pairs as an axis of their own, beside each other or half the width apart.
  const shape = isInterleaved ? [half, 2] : [2, half];
  const pair = isInterleaved ? 4 : 3;
  const pairs = reshape(along(x, 3, 0, turned), [batch, heads, length, ...shape]);
  const [a, b] = [0, 1].map((part) =>
    reshape(along(pairs, pair, part, part + 1), [batch, heads, length, half]),
  );
  const parts = [sub(mul(a, cos), mul(b, sin)), add(mul(a, sin), mul(b, cos))];
  const y = reshape(
    concat(
      parts.map((part) => expandDims(part, pair)),
      { axis: pair },
    ),
    [batch, heads, length, turned],
  );
  const whole = turned === width ? y : concat([y, along(x, 3, turned, width)], { axis: 3 });
  return given.rank === 3 ? joined(whole) : whole;
}
