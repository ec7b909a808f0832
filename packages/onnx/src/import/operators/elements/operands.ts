// What element-wise operators share: their operands, aligned as their operator set says.

import type { Tensor } from "isoloss";
import { reshape } from "isoloss/ops";
import type { Call, Operator } from "../../call.js";
import { wrapped } from "../../kinds.js";

/**
 * The two operands of an element-wise operator. Before operator set 7 the attribute `axis` says which axis of the first
 * is the first axis of the second; otherwise, and later, their last axes are aligned.
 */
export function pairOf(call: Call): readonly [Tensor, Tensor] {
  const [a, b] = [call.tensor(0), call.tensor(1)];
  const axis = call.opset < 7 ? call.attribute("axis", "int") : undefined;
  if (axis === undefined) return [a, b];
  const after = a.rank - (axis < 0 ? axis + a.rank : axis) - b.rank;
  if (after < 0) return call.fail(`the second operand does not fit at axis ${axis}`);
  return [a, reshape(b, [...b.shape, ...Array<number>(after).fill(1)])];
}

export const unary =
  (f: (x: Tensor) => Tensor): Operator =>
  (call) =>
    f(call.tensor(0));

export const binary =
  (f: (a: Tensor, b: Tensor) => Tensor): Operator =>
  (call) =>
    f(...pairOf(call));

/** An operator whose results wrap around where integers of the first operand's type do. */
export const wrapping =
  (f: (call: Call) => Tensor): Operator =>
  (call) =>
    wrapped(f(call), call.kind(0));
