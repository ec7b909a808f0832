import type { Tensor } from "isoloss";
import { bitwiseAnd, bitwiseOr, bitwiseXor, constant, div, gather, mul, sub } from "isoloss/ops";
import type { Call, Operator } from "../../call.js";
import { rangeOf } from "../../kinds.js";
import { binary, pairOf, wrapping } from "./operands.js";

/** 2^0 to 2^52: the graph's integers are exact up to 2^53. */
const powersOfTwo = { shape: [53], data: BigInt64Array.from({ length: 53 }, (_, n) => 2n ** BigInt(n)) };

/** Shifts are products and quotients by powers of two. */
function shifted(call: Call): Tensor {
  const [x, by] = pairOf(call);
  const power = gather(constant(powersOfTwo), by);
  const direction = call.text("direction", "");
  if (direction === "LEFT") return mul(x, power);
  if (direction === "RIGHT") return div(x, power);
  return call.fail(`the direction must be LEFT or RIGHT; it is "${direction}"`);
}

/** In two's complement, -1 - x; of unsigned numbers the largest minus x. */
function inverted(call: Call): Tensor {
  const [low, high] = rangeOf(call.kind(0)) ?? call.fail("it takes integers");
  if (high > 2 ** 63) return call.fail("the bits of uint64 beyond 2^53 are not exact here");
  return sub(low === 0 ? high : -1, call.tensor(0));
}

export const bits: Readonly<Record<string, Operator>> = {
  BitShift: wrapping(shifted),
  BitwiseAnd: binary(bitwiseAnd),
  BitwiseNot: inverted,
  BitwiseOr: binary(bitwiseOr),
  BitwiseXor: binary(bitwiseXor),
};
