import type { Tensor } from "isoloss";
import { cosh } from "isoloss/internal";
import {
  abs,
  acos,
  acosh,
  add,
  asin,
  asinh,
  atan,
  atanh,
  cos,
  div,
  elu,
  erf,
  exp,
  fillLike,
  floor,
  gelu,
  greater,
  leakyRelu,
  less,
  log,
  maximum,
  minimum,
  mul,
  neg,
  reciprocal,
  round,
  sigmoid,
  sin,
  sinh,
  softplus,
  sqrt,
  sub,
  tan,
  tanh,
  where,
} from "isoloss/ops";
import type { Call, Operator } from "../../call.js";
import { unary } from "./operands.js";

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
  Swish: (call) => {
    const x = call.tensor(0);
    return mul(x, sigmoid(mul(call.float("alpha", 1), x)));
  },
  Tan: unary(tan),
  Tanh: unary(tanh),
  ThresholdedRelu: (call) => {
    const x = call.tensor(0);
    return where(greater(x, call.float("alpha", 1)), x, 0);
  },
};
