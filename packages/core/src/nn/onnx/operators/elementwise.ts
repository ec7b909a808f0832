import type { DType } from "../../../array.js";
import { elu, gelu, leakyRelu, relu, sigmoid, softplus } from "../../../graph/ops/activation.js";
import { add, cast, div, maximum, minimum, mul, neg, pow, sub } from "../../../graph/ops/arithmetic.js";
import {
  equal,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  where,
} from "../../../graph/ops/compare.js";
import {
  abs,
  asinh,
  cos,
  erf,
  exp,
  floor,
  log,
  reciprocal,
  sign,
  sin,
  sinh,
  sqrt,
  tanh,
} from "../../../graph/ops/elementary.js";
import type { Tensor } from "../../../graph/tensor.js";
import type { Call, Operator } from "../call.js";

const unary =
  (f: (x: Tensor) => Tensor): Operator =>
  (call) =>
    f(call.tensor(0));

const binary =
  (f: (a: Tensor, b: Tensor) => Tensor): Operator =>
  (call) =>
    f(call.tensor(0), call.tensor(1));

/** Folds any number of operands from left to right. */
const folded =
  (f: (a: Tensor, b: Tensor) => Tensor): Operator =>
  (call) =>
    call.tensors().reduce(f);

const hardSigmoid = (x: Tensor, alpha: number, beta: number): Tensor =>
  minimum(1, maximum(0, add(mul(alpha, x), beta)));

/** Clamps to `low` and `high`. The bounds are attributes before operator set 11. */
function clip(call: Call): Tensor {
  const x = call.tensor(0);
  const bound = (name: string, index: number) =>
    call.has(index) ? call.tensor(index) : call.attribute(name, "float");
  const [low, high] = [bound("min", 1), bound("max", 2)];
  const above = low === undefined ? x : maximum(x, low);
  return high === undefined ? above : minimum(above, high);
}

/** TensorProto.DataType of the ONNX schema: all floats become the model's float dtype. */
function castTo(call: Call): Tensor {
  const code = call.int("to", 0);
  const kinds: Readonly<Record<number, DType>> = {
    1: call.dtype,
    10: call.dtype,
    11: call.dtype,
    2: "int64",
    3: "int64",
    5: "int64",
    6: "int64",
    7: "int64",
    12: "int64",
    9: "bool",
  };
  const dtype = kinds[code] ?? call.fail(`element type number ${code} is not supported`);
  return cast(call.tensor(0), dtype);
}

export const elementwise: Readonly<Record<string, Operator>> = {
  Abs: unary(abs),
  Add: binary(add),
  And: binary(logicalAnd),
  Asinh: unary(asinh),
  Cast: castTo,
  Ceil: unary((x) => neg(floor(neg(x)))),
  Celu: (call) => {
    const alpha = call.float("alpha", 1);
    return mul(alpha, elu(div(call.tensor(0), alpha)));
  },
  Clip: clip,
  Cos: unary(cos),
  Cosh: unary((x) => mul(0.5, add(exp(x), exp(neg(x))))),
  Div: binary(div),
  Elu: (call) => elu(call.tensor(0), call.float("alpha", 1)),
  Equal: binary(equal),
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
  Greater: binary(greater),
  GreaterOrEqual: binary(greaterEqual),
  HardSigmoid: (call) => hardSigmoid(call.tensor(0), call.float("alpha", 0.2), call.float("beta", 0.5)),
  HardSwish: unary((x) => mul(x, hardSigmoid(x, 1 / 6, 0.5))),
  LeakyRelu: (call) => leakyRelu(call.tensor(0), call.float("alpha", 0.01)),
  Less: binary(less),
  LessOrEqual: binary(lessEqual),
  Log: unary(log),
  Max: folded(maximum),
  Mean: (call) => div(call.tensors().reduce(add), call.operands.length),
  Min: folded(minimum),
  Mish: unary((x) => mul(x, tanh(softplus(x)))),
  Mul: binary(mul),
  Neg: unary(neg),
  Not: unary(logicalNot),
  Or: binary(logicalOr),
  Pow: binary((base, exponent) => pow(base, cast(exponent, base.dtype))),
  PRelu: binary((x, slope) => where(greater(x, 0), x, mul(slope, x))),
  Reciprocal: unary(reciprocal),
  Relu: unary(relu),
  Selu: (call) =>
    mul(
      call.float("gamma", 1.0507009873554805),
      elu(call.tensor(0), call.float("alpha", 1.6732632423543772)),
    ),
  Sigmoid: unary(sigmoid),
  Sign: unary(sign),
  Sin: unary(sin),
  Sinh: unary(sinh),
  Softplus: unary(softplus),
  Softsign: unary((x) => div(x, add(1, abs(x)))),
  Sqrt: unary(sqrt),
  Sub: binary(sub),
  Sum: folded(add),
  Tanh: unary(tanh),
  ThresholdedRelu: (call) => {
    const x = call.tensor(0);
    return where(greater(x, call.float("alpha", 1)), x, 0);
  },
  Where: (call) => where(call.tensor(0), call.tensor(1), call.tensor(2)),
};
