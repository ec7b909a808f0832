import { elu, gelu, leakyRelu, relu, sigmoid, softplus } from "../../../src/graph/ops/activation.js";
import { mul } from "../../../src/graph/ops/arithmetic.js";
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
  square,
  tanh,
} from "../../../src/graph/ops/elementary.js";
import { stopGradient } from "../../../src/graph/ops/stop-gradient.js";
import { any, awayFromPole, byRule, offIntegers, positive, unary } from "./element-rows.js";
import { awayFromZero, type OpRow } from "./op-case.js";

/** 2/sqrt(pi) int_0^x exp(-t^2) dt by Simpson's rule with 2000 steps: error below 1e-13 for |x| < 3. */
function integratedErf(x: number): number {
  const n = 2000;
  const h = x / n;
  let sum = 0;
  for (let i = 0; i <= n; i++)
    sum += Math.exp(-((i * h) ** 2)) * (i === 0 || i === n ? 1 : i % 2 === 1 ? 4 : 2);
  return ((2 / Math.sqrt(Math.PI)) * sum * h) / 3;
}

const geluTanh = (x: number): number =>
  (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

export const elementaryRows: readonly OpRow[] = [
  unary("exp", exp, Math.exp, any),
  unary("log", log, Math.log, positive),
  unary("sqrt", sqrt, Math.sqrt, positive),
  unary("abs", abs, Math.abs, awayFromZero),
  unary("sign", sign, Math.sign, awayFromZero),
  unary("floor", floor, Math.floor, offIntegers),
  unary("sin", sin, Math.sin, any),
  unary("cos", cos, Math.cos, any),
  unary("tanh", tanh, Math.tanh, any),
  unary("sinh", sinh, (x) => (Math.exp(x) - Math.exp(-x)) / 2, any),
  unary("asinh", asinh, (x) => Math.log(x + Math.hypot(x, 1)), any),
  unary("erf", erf, integratedErf, any),
  unary("square", square, (x) => x * x, any),
  unary("reciprocal", reciprocal, (x) => 1 / x, awayFromPole),
  {
    // Its derivative, which leaves the factor out, is not that of a difference quotient: see autodiff.test.ts.
    ...unary(
      "stopGradient of a factor",
      (x) => mul(x, stopGradient(cos(x))),
      (x) => x * Math.cos(x),
      any,
    ),
    differentiable: "by rule",
  },
];

export const activationRows: readonly OpRow[] = [
  byRule("relu at zero", relu, (x) => Math.max(x, 0)),
  byRule("abs at zero", abs, Math.abs),
  byRule(
    "leakyRelu at zero",
    (x) => leakyRelu(x, 0.1),
    (x) => (x > 0 ? x : 0.1 * x),
  ),
  unary("relu", relu, (x) => Math.max(x, 0), awayFromZero),
  unary("leakyRelu", leakyRelu, (x) => (x > 0 ? x : 0.01 * x), awayFromZero),
  ...[0.1, 0, 1, 10, -0.2].map((slope) =>
    unary(
      `leakyRelu of slope ${slope}`,
      (x) => leakyRelu(x, slope),
      (x) => (x > 0 ? x : slope * x),
      awayFromZero,
    ),
  ),
  unary("sigmoid", sigmoid, (x) => 1 / (1 + Math.exp(-x)), any),
  unary("softplus", softplus, (x) => Math.log(1 + Math.exp(x)), any),
  unary("elu", elu, (x) => (x > 0 ? x : Math.exp(x) - 1), awayFromZero),
  unary(
    "elu of alpha 0.7",
    (x) => elu(x, 0.7),
    (x) => (x > 0 ? x : 0.7 * (Math.exp(x) - 1)),
    awayFromZero,
  ),
  unary("gelu", gelu, (x) => (x / 2) * (1 + integratedErf(x / Math.SQRT2)), any),
  unary("gelu by tanh", (x) => gelu(x, { approximate: "tanh" }), geluTanh, any),
];
