// Affine quantization: a real number r is stored as the integer q = r / scale + zero point, rounded half to even.

import type { Tensor } from "isoloss";
import type { OnnxDType } from "isoloss/internal";
import { resolveAxis } from "isoloss/internal";
import {
  add,
  broadcastTo,
  cast,
  equal,
  mul,
  reshape,
  round,
  slice,
  stopGradient,
  sub,
  where,
} from "isoloss/ops";
import type { Call } from "../../call.js";
import { clamped } from "../../kinds.js";
import type { Value } from "../../value.js";

/**
 * A scale or zero point as an array that broadcasts to `x`: one number; one for each index of `axis`; or, with a block
 * size, one for each block along `axis`.
 */
export function spread(call: Call, x: Tensor, given: Tensor): Tensor {
  if (given.size === 1) return reshape(given, []);
  const axis = resolveAxis(call.int("axis", 1), x.rank, call.node.opType);
  const size = call.int("block_size", 0);
  const { shape } = given;
  if (size <= 0 && shape.length === 1) return alongAxis(given, axis, x.rank);
  if (size <= 0 || shape.length !== x.rank || shape[axis] !== Math.ceil(x.shape[axis] / size)) {
    return call.fail("scales must be one number, one for each index of the axis, or one for each block");
  }
  const apart = reshape(given, [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)]);
  const repeated = broadcastTo(apart, [...shape.slice(0, axis + 1), size, ...shape.slice(axis + 1)]);
  const joined = reshape(repeated, [...shape.slice(0, axis), shape[axis] * size, ...shape.slice(axis + 1)]);
  return slice(joined, { ends: x.shape });
}

/** A vector along one of `rank` axes. */
export const alongAxis = (x: Tensor, axis: number, rank: number): Tensor =>
  reshape(x, [x.size, ...Array<number>(rank - 1 - axis).fill(1)]);

/**
 * The quantized value of x / scale. Its derivative in x is 1 / scale within the range and 0 beyond: the rounding is
 * passed straight through (Bengio et al., 2013).
 */
export function quantized(ratio: Tensor, zero: Tensor | undefined, kind: OnnxDType): Value {
  const rounded = zero ? add(round(ratio), cast(zero, ratio.dtype)) : round(ratio);
  const ends = clamped(rounded, kind);
  const within = where(equal(rounded, ends), ratio, 0);
  // The difference is 0; it has the derivative that the rounding lacks.
  const real = add(ends, sub(within, stopGradient(within)));
  return { tensor: cast(real, "int64"), kind, real };
}

/** (q - zero) scale. */
export function dequantized(value: Value, scale: Tensor, zero: Tensor | undefined): Tensor {
  const { dtype } = scale;
  if (value.real?.dtype === dtype) {
    return mul(zero ? sub(value.real, cast(zero, dtype)) : value.real, scale);
  }
  // Integers are subtracted as such: those of 32 bits are not exact in float32.
  return mul(cast(zero ? sub(value.tensor, zero) : value.tensor, dtype), scale);
}
