import type { Tensor } from "isoloss";
import {
  equal,
  fill,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  where,
} from "isoloss/ops";
import type { Call, Operator } from "../../call.js";
import { binary, unary } from "./operands.js";

function isInfinite(call: Call): Tensor {
  const x = call.tensor(0);
  const ends = [
    ...(call.int("detect_positive", 1) === 0 ? [] : [Infinity]),
    ...(call.int("detect_negative", 1) === 0 ? [] : [-Infinity]),
  ].map((end) => equal(x, end));
  return ends.length === 0 ? fill(x.shape, 0, "bool") : ends.reduce(logicalOr);
}

export const logic: Readonly<Record<string, Operator>> = {
  And: binary(logicalAnd),
  Equal: binary(equal),
  Greater: binary(greater),
  GreaterOrEqual: binary(greaterEqual),
  IsInf: isInfinite,
  // NaN alone differs from itself.
  IsNaN: unary((x) => logicalNot(equal(x, x))),
  Less: binary(less),
  LessOrEqual: binary(lessEqual),
  Not: unary(logicalNot),
  Or: binary(logicalOr),
  Where: (call) => where(call.tensor(0), call.tensor(1), call.tensor(2)),
  Xor: binary((a, b) => logicalNot(equal(a, b))),
};
