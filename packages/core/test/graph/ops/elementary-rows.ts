import {
  awayFromZero,
  get,
  type OpRow,
  tabulate,
  tied,
  uniform,
} from "isoloss-test-support/graph/ops/op-case";
import { elu, gelu, leakyRelu, relu, relu6, sigmoid, softplus } from "../../../src/graph/ops/activation.js";
import { mul } from "../../../src/graph/ops/arithmetic.js";
import {
  abs,
  asinh,
  cos,
  cosh,
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
import { acos, acosh, asin, atan, atanh, tan } from "../../../src/graph/ops/inverse-trigonometry.js";
import { round, roundTo } from "../../../src/graph/ops/rounding.js";
import { stopGradient } from "../../../src/graph/ops/stop-gradient.js";
import { any, awayFromPole, byRule, type Domain, offIntegers, positive, unary } from "./element-rows.js";

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

const inside: Domain = (s, shape) => uniform(s, shape, -0.8, 0.8);
const aboveOne: Domain = (s, shape) => uniform(s, shape, 1.3, 4);
const offHalves: Domain = (s, shape) => {
  const x = offIntegers(s, shape);
  return tabulate(shape, (at) => get(x, at) + 0.5);
};
const halves: Domain = (s, shape) => {
  const x = tied(s, shape);
  return tabulate(shape, (at) => get(x, at) / 2 + 2 * Math.round(get(x, at)));
};

/** Bits of a float32 with `dropped` of them rounded off, half to even, by integer arithmetic on the bits. */
function roundedBits(x: number, dropped: number): number {
  const bits = new Int32Array(Float32Array.of(x).buffer)[0];
  const half = (1 << (dropped - 1)) - 1;
  const odd = (bits >> dropped) & 1;
  return new Float32Array(Int32Array.of(((bits + half + odd) >> dropped) << dropped).buffer)[0];
}

const singles: Domain = (s, shape) => {
  const x = uniform(s, shape);
  return tabulate(shape, (at) => Math.fround(get(x, at)));
};

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
  unary("cosh", cosh, (x) => (Math.exp(x) + Math.exp(-x)) / 2, any),
  unary("asinh", asinh, (x) => Math.log(x + Math.hypot(x, 1)), any),
  unary("erf", erf, integratedErf, any),
  unary("tan", tan, Math.tan, (s, shape) => uniform(s, shape, -1.2, 1.2)),
  unary("asin", asin, (x) => Math.atan2(x, Math.sqrt(1 - x * x)), inside),
  unary("acos", acos, (x) => Math.atan2(Math.sqrt(1 - x * x), x), inside),
  unary("atan", atan, (x) => Math.atan2(x, 1), any),
  unary("acosh", acosh, (x) => Math.log(x + Math.sqrt(x * x - 1)), aboveOne),
  unary("atanh", atanh, (x) => Math.log((1 + x) / (1 - x)) / 2, inside),
  unary("round", round, (x) => Math.floor(x + 0.5), offHalves),
  {
    ...unary("round of halves", round, (x) => 2 * Math.round(x / 2), halves),
    differentiable: false,
  },
  {
    // Normal float16 numbers have 10 bits of the 23 of a float32, bfloat16 has 7.
    ...unary(
      "roundTo float16",
      (x) => roundTo(x, "float16"),
      (x) => roundedBits(x, 13),
      singles,
    ),
    differentiable: false,
  },
  {
    ...unary(
      "roundTo bfloat16",
      (x) => roundTo(x, "bfloat16"),
      (x) => roundedBits(x, 16),
      singles,
    ),
    differentiable: false,
  },
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
  unary(
    "relu6",
    relu6,
    (x) => Math.min(Math.max(x, 0), 6),
    (s, shape) => {
      const x = awayFromZero(s, shape);
      return tabulate(shape, (at) => 4 * get(x, at));
    },
  ),
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
