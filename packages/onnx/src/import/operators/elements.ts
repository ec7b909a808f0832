// What element-wise operators share: their operands, aligned as their operator set says.
import type { Tensor } from "isoloss";
import { codeOfSchemaName, cosh, dtypeOfCode, isFloat, type OnnxDType } from "isoloss/internal";
import {
  abs,
  acos,
  acosh,
  add,
  asin,
  asinh,
  atan,
  atanh,
  bitwiseAnd,
  bitwiseOr,
  bitwiseXor,
  cast,
  constant,
  cos,
  div,
  elu,
  equal,
  erf,
  exp,
  fill,
  fillLike,
  floor,
  gather,
  gelu,
  greater,
  greaterEqual,
  leakyRelu,
  less,
  lessEqual,
  log,
  logicalAnd,
  logicalNot,
  logicalOr,
  maximum,
  minimum,
  mod,
  mul,
  neg,
  pow,
  reciprocal,
  relu,
  remainder,
  reshape,
  round,
  sigmoid,
  sign,
  sin,
  sinh,
  softplus,
  sqrt,
  sub,
  tan,
  tanh,
  where,
} from "isoloss/ops";
import type { Call, Operator } from "../call.js";
import { converted, isByteFloat, rangeOf, wrapped } from "../kinds.js";
import type { Value } from "../value.js";

/**
 * The two operands of an element-wise operator. Before operator set 7 the attribute `axis` says which axis of the first
 * is the first axis of the second; otherwise, and later, their last axes are aligned.
 */
function pairOf(call: Call): readonly [Tensor, Tensor] {
  const [a, b] = [call.tensor(0), call.tensor(1)];
  const axis = call.opset < 7 ? call.attribute("axis", "int") : undefined;
  if (axis === undefined) return [a, b];
  const after = a.rank - (axis < 0 ? axis + a.rank : axis) - b.rank;
  if (after < 0) return call.fail(`the second operand does not fit at axis ${axis}`);
  return [a, reshape(b, [...b.shape, ...Array<number>(after).fill(1)])];
}

const unary =
  (f: (x: Tensor) => Tensor): Operator =>
  (call) =>
    f(call.tensor(0));

const binary =
  (f: (a: Tensor, b: Tensor) => Tensor): Operator =>
  (call) =>
    f(...pairOf(call));

/** An operator whose results wrap around where integers of the first operand's type do. */
const wrapping =
  (f: (call: Call) => Tensor): Operator =>
  (call) =>
    wrapped(f(call), call.kind(0));

/** An element type that an attribute names by its code, or before operator set 6 by its name. */
export function kindOf(call: Call, attribute: string, otherwise: OnnxDType): OnnxDType {
  const given = call.node.attributes[attribute];
  if (given === undefined) return otherwise;
  const code = given.kind === "string" ? codeOfSchemaName(given.value) : call.int(attribute, 0);
  return dtypeOfCode(code ?? 0, `fromOnnx: ${call.node.opType} "${call.node.outputs[0]}"`);
}

const castAs = (call: Call, kind: OnnxDType): Value => {
  requireWide(call, kind);
  return converted(call.operand(0), kind, call.dtype);
};

/** Throws for a result of floats of 8 bits, to which nothing here rounds. */
export function requireWide(call: Call, kind: OnnxDType): void {
  if (isByteFloat(kind)) call.fail(`it makes ${kind}, which can be read but not made`);
}

export const casts: Readonly<Record<string, Operator>> = {
  Cast: (call) => castAs(call, kindOf(call, "to", "float32")),
  CastLike: (call) => castAs(call, call.kind(1)),
};

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

const hardSigmoid = (x: Tensor, alpha: number, beta: number): Tensor =>
  minimum(1, maximum(0, add(mul(alpha, x), beta)));

/** The defaults of the first operator sets are rounded. */
function selu(call: Call): Tensor {
  const [alpha, gamma] = call.opset < 6 ? [1.6732, 1.0507] : [1.6732632423543772, 1.0507009873554805];
  return mul(call.float("gamma", gamma), elu(call.tensor(0), call.float("alpha", alpha)));
}

/** Moves what is beyond a threshold by a bias; what is within becomes zero. */
function shrink(call: Call): Tensor {
  const x = call.tensor(0);
  const [threshold, bias] = [call.float("lambd", 0.5), call.float("bias", 0)];
  const above = where(greater(x, threshold), sub(x, bias), fillLike(x, 0));
  return where(less(x, -threshold), add(x, bias), above);
}

/** An operand plus the next one, if that is given. */
const biased = (call: Call): Tensor => (call.has(1) ? add(call.tensor(0), call.tensor(1)) : call.tensor(0));

const swish =
  (alpha: number): Operator =>
  (call) => {
    const x = call.tensor(0);
    return mul(x, sigmoid(mul(call.float("alpha", alpha), x)));
  };

export const functions: Readonly<Record<string, Operator>> = {
  Acos: unary(acos),
  Acosh: unary(acosh),
  Asin: unary(asin),
  Asinh: unary(asinh),
  Atan: unary(atan),
  Atanh: unary(atanh),
  Ceil: unary((x) => neg(floor(neg(x)))),
  Celu: (call) => {
    const alpha = call.float("alpha", 1);
    return mul(alpha, elu(div(call.tensor(0), alpha)));
  },
  Cos: unary(cos),
  Cosh: unary(cosh),
  Elu: (call) => elu(call.tensor(0), call.float("alpha", 1)),
  Erf: unary(erf),
  Exp: unary(exp),
  Floor: unary(floor),
  Gelu: (call) => {
    const approximate = call.text("approximate", "none");
    if (approximate !== "none" && approximate !== "tanh") {
      return call.fail(`approximate must be none or tanh; got "${approximate}"`);
    }
    return gelu(call.tensor(0), { approximate });
  },
  HardSigmoid: (call) => hardSigmoid(call.tensor(0), call.float("alpha", 0.2), call.float("beta", 0.5)),
  HardSwish: unary((x) => mul(x, hardSigmoid(x, 1 / 6, 0.5))),
  LeakyRelu: (call) => leakyRelu(call.tensor(0), call.float("alpha", 0.01)),
  Log: unary(log),
  Mish: unary((x) => mul(x, tanh(softplus(x)))),
  Reciprocal: unary(reciprocal),
  Round: unary(round),
  Selu: selu,
  Shrink: shrink,
  Sigmoid: unary(sigmoid),
  Sin: unary(sin),
  Sinh: unary(sinh),
  Softplus: unary(softplus),
  Softsign: unary((x) => div(x, add(1, abs(x)))),
  Sqrt: unary(sqrt),
  Swish: swish(1),
  Tan: unary(tan),
  Tanh: unary(tanh),
  ThresholdedRelu: (call) => {
    const x = call.tensor(0);
    return where(greater(x, call.float("alpha", 1)), x, 0);
  },
  "com.microsoft.BiasGelu": (call) => gelu(biased(call)),
  "com.microsoft.FastGelu": (call) => gelu(biased(call), { approximate: "tanh" }),
  "com.microsoft.Gelu": unary((x) => gelu(x)),
  "com.microsoft.QuickGelu": swish(1.702),
};
