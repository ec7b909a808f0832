import type { Tensor } from "isoloss";
import { isFloat } from "isoloss/internal";
import {
  abs,
  add,
  cast,
  div,
  greater,
  less,
  maximum,
  minimum,
  mod,
  mul,
  neg,
  pow,
  relu,
  remainder,
  reshape,
  round,
  sign,
  sub,
  where,
} from "isoloss/ops";
import type { Call, Operator } from "../../call.js";
import { pairOf, wrapping } from "./operands.js";

const arithmetic = (f: (a: Tensor, b: Tensor) => Tensor): Operator => wrapping((call) => f(...pairOf(call)));

function foldedOf(call: Call, f: (a: Tensor, b: Tensor) => Tensor): Tensor {
  const [first, ...rest] = call.tensors();
  return first === undefined ? call.fail("there are no operands") : rest.reduce(f, first);
}

/** Folds any number of operands from left to right. */
const folded =
  (f: (a: Tensor, b: Tensor) => Tensor): Operator =>
  (call) =>
    foldedOf(call, f);

export const absolute = (x: Tensor): Tensor => (isFloat(x.dtype) ? abs(x) : where(less(x, 0), neg(x), x));

const signOf = (x: Tensor): Tensor =>
  isFloat(x.dtype) ? sign(x) : sub(cast(greater(x, 0), x.dtype), cast(less(x, 0), x.dtype));

const positivePart = (x: Tensor): Tensor => (isFloat(x.dtype) ? relu(x) : maximum(x, 0));

/** The result has the type of the base. Powers of integers are computed in float64, exactly up to 2^53. */
function power(call: Call): Tensor {
  const [base, exponent] = pairOf(call);
  if (isFloat(base.dtype)) return pow(base, cast(exponent, base.dtype));
  const y = pow(cast(base, "float64"), cast(exponent, "float64"));
  return cast(isFloat(exponent.dtype) ? y : round(y), "int64");
}

/** The remainder with the sign of the divisor; with `fmod`, which floats need, with that of the dividend. */
function modulo(call: Call): Tensor {
  const [a, b] = pairOf(call);
  if (call.int("fmod", 0) === 1) return remainder(a, b);
  return isFloat(a.dtype) ? call.fail("floats need fmod = 1") : mod(a, b);
}

/**
 * Clamps to `low` and `high`. The bounds are attributes before operator set 11. At a lower bound of 0 the derivative is 0, that
 * of ReLU and ReLU6.
 */
function clip(call: Call): Tensor {
  const x = call.tensor(0);
  const bound = (name: string, index: number) =>
    call.has(index) ? call.tensor(index) : call.attribute(name, "float");
  const [low, high] = [bound("min", 1), bound("max", 2)];
  const isPositive = (call.has(1) ? call.maybeKnown(1)?.[0] : low) === 0;
  const above = low === undefined ? x : isPositive ? positivePart(x) : maximum(x, low);
  return high === undefined ? above : minimum(above, high);
}

/** Before operator set 7 a vector of slopes has one number a channel. */
function parametricRelu(call: Call): Tensor {
  const [x, given] = pairOf(call);
  const isByChannel = call.opset < 7 && given.rank === 1 && given.size > 1 && x.rank > 2;
  const slope = isByChannel ? reshape(given, [-1, ...Array<number>(x.rank - 2).fill(1)]) : given;
  return where(greater(x, 0), x, mul(slope, x));
}

export const arithmeticOperators: Readonly<Record<string, Operator>> = {
  Abs: wrapping((call) => absolute(call.tensor(0))),
  Add: arithmetic(add),
  Clip: clip,
  Div: arithmetic(div),
  Max: folded(maximum),
  Mean: (call) => div(foldedOf(call, add), call.operands.length),
  Min: folded(minimum),
  Mod: modulo,
  Mul: arithmetic(mul),
  Neg: wrapping((call) => neg(call.tensor(0))),
  Pow: wrapping(power),
  PRelu: wrapping(parametricRelu),
  Relu: (call) => positivePart(call.tensor(0)),
  Sign: (call) => signOf(call.tensor(0)),
  Sub: arithmetic(sub),
  Sum: folded(add),
};
