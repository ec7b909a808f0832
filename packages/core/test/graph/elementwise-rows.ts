import fc from "fast-check";
import type { NdArray } from "../../src/array.js";
import { elu, gelu, leakyRelu, relu, sigmoid, softplus } from "../../src/graph/ops/activation.js";
import { add, cast, div, maximum, minimum, mul, neg, pow, sub } from "../../src/graph/ops/arithmetic.js";
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
} from "../../src/graph/ops/compare.js";
import {
  abs,
  cos,
  erf,
  exp,
  floor,
  log,
  reciprocal,
  sign,
  sin,
  sqrt,
  square,
  tanh,
} from "../../src/graph/ops/elementary.js";
import { stopGradient } from "../../src/graph/ops/stop-gradient.js";
import type { Tensor } from "../../src/graph/tensor.js";
import {
  awayFromZero,
  bools,
  broadcastingShapes,
  distinct,
  get,
  getBroadcast,
  integers,
  type OpRow,
  seed,
  shapeOf,
  show,
  tabulate,
  tied,
  uniform,
} from "./op-case.js";

type Domain = (seed: number, shape: readonly number[]) => NdArray;

const any: Domain = uniform;
const positive: Domain = (s, shape) => uniform(s, shape, 0.3, 3);
const awayFromPole: Domain = (s, shape) => {
  const x = uniform(s, shape, -1, 1);
  return tabulate(shape, (at) => get(x, at) + Math.sign(get(x, at)) * 0.5);
};
const offIntegers: Domain = (s, shape) => {
  const whole = integers(s, shape, 7);
  const fraction = uniform(s + 1, shape, 0.1, 0.9);
  return tabulate(shape, (at) => get(whole, at) - 3 + get(fraction, at));
};

function unary(
  name: string,
  f: (x: Tensor) => Tensor,
  reference: (x: number) => number,
  domain: Domain,
): OpRow {
  return {
    name,
    cases: fc.tuple(shapeOf(0, 4), seed).map(([shape, s]) => ({
      label: `${show(shape)} seed ${s}`,
      inputs: [domain(s, shape)],
      apply: f,
      reference: (x) => tabulate(x.shape, (at) => reference(get(x, at))),
    })),
  };
}

/** A row with kinks and ties among its inputs. */
const byRule = (name: string, f: (x: Tensor) => Tensor, reference: (x: number) => number): OpRow => ({
  ...unary(name, f, reference, tied),
  differentiable: "by rule",
});

type Pair = (seed: number, a: readonly number[], b: readonly number[]) => [NdArray, NdArray];

const anyPair: Pair = (s, a, b) => [uniform(s, a), uniform(s + 1, b)];
const apart: Pair = (s, a, b) => distinct(s, a, b) as [NdArray, NdArray];
const divisible: Pair = (s, a, b) => [uniform(s, a), awayFromPole(s + 1, b)];
const powers: Pair = (s, a, b) => [positive(s, a), uniform(s + 1, b)];
const ties: Pair = (s, a, b) => [tied(s, a), tied(s + 1, b)];
const integerPair: Pair = (s, a, b) => [integers(s, a, 5), integers(s + 1, b, 5)];
const boolPair: Pair = (s, a, b) => [bools(s, a), bools(s + 1, b)];

interface BinaryOptions {
  readonly pair?: Pair;
  readonly differentiable?: boolean | "by rule";
  readonly result?: "float64" | "int64" | "bool";
}

function binary(
  name: string,
  f: (a: Tensor, b: Tensor) => Tensor,
  reference: (a: number, b: number) => number,
  { pair = anyPair, differentiable = true, result = "float64" }: BinaryOptions = {},
): OpRow {
  return {
    name,
    differentiable,
    cases: fc.tuple(broadcastingShapes(2), seed).map(([{ shape, operands }, s]) => ({
      label: `${operands.map(show)} seed ${s}`,
      inputs: pair(s, operands[0], operands[1]),
      apply: f,
      reference: (a, b) =>
        tabulate(shape, (at) => reference(getBroadcast(a, at), getBroadcast(b, at)), result),
    })),
  };
}

const comparison = (
  name: string,
  f: (a: Tensor, b: Tensor) => Tensor,
  reference: (a: number, b: number) => boolean,
): OpRow[] => [
  binary(name, f, (a, b) => +reference(a, b), { pair: ties, differentiable: false, result: "bool" }),
  binary(`${name} of integers`, f, (a, b) => +reference(a, b), {
    pair: integerPair,
    differentiable: false,
    result: "bool",
  }),
];

const logical = (
  name: string,
  f: (a: Tensor, b: Tensor) => Tensor,
  reference: (a: number, b: number) => number,
): OpRow => binary(name, f, reference, { pair: boolPair, differentiable: false, result: "bool" });

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

const whereRow: OpRow = {
  name: "where",
  cases: fc.tuple(broadcastingShapes(3), seed).map(([{ shape, operands }, s]) => ({
    label: `${operands.map(show)} seed ${s}`,
    inputs: [bools(s, operands[0]), uniform(s + 1, operands[1]), uniform(s + 2, operands[2])],
    apply: where,
    reference: (c, a, b) =>
      tabulate(shape, (at) => (getBroadcast(c, at) ? getBroadcast(a, at) : getBroadcast(b, at))),
  })),
};

const notRow: OpRow = {
  name: "logicalNot",
  differentiable: false,
  cases: fc.tuple(shapeOf(0, 3), seed).map(([shape, s]) => ({
    label: show(shape),
    inputs: [bools(s, shape)],
    apply: logicalNot,
    reference: (x) => tabulate(shape, (at) => 1 - get(x, at), "bool"),
  })),
};

function castRow(
  name: string,
  domain: Domain,
  to: "int64" | "bool",
  reference: (x: number) => number,
): OpRow {
  return {
    name,
    differentiable: false,
    cases: fc.tuple(shapeOf(0, 3), seed).map(([shape, s]) => ({
      label: show(shape),
      inputs: [domain(s, shape)],
      apply: (x) => cast(x, to),
      reference: (x) => tabulate(shape, (at) => reference(get(x, at)), to),
    })),
  };
}

function toIntegers(name: string, f: (x: Tensor) => Tensor, reference: (x: number) => number): OpRow {
  return {
    name,
    differentiable: false,
    cases: fc.tuple(shapeOf(0, 3), seed).map(([shape, s]) => ({
      label: `${show(shape)} seed ${s}`,
      inputs: [integers(s, shape, 5)],
      apply: f,
      reference: (x) => tabulate(shape, (at) => reference(get(x, at)), "int64"),
    })),
  };
}

export const arithmeticRows: readonly OpRow[] = [
  binary("add", add, (a, b) => a + b),
  binary("sub", sub, (a, b) => a - b),
  binary("mul", mul, (a, b) => a * b),
  binary("div", div, (a, b) => a / b, { pair: divisible }),
  binary("pow", pow, (a, b) => a ** b, { pair: powers }),
  binary("maximum", maximum, Math.max, { pair: apart }),
  binary("minimum", minimum, Math.min, { pair: apart }),
  binary("maximum of ties", maximum, Math.max, { pair: ties, differentiable: "by rule" }),
  binary("minimum of ties", minimum, Math.min, { pair: ties, differentiable: "by rule" }),
  binary("add of integers", add, (a, b) => a + b, {
    pair: integerPair,
    differentiable: false,
    result: "int64",
  }),
  binary("sub of integers", sub, (a, b) => a - b, {
    pair: integerPair,
    differentiable: false,
    result: "int64",
  }),
  binary("mul of integers", mul, (a, b) => a * b, {
    pair: integerPair,
    differentiable: false,
    result: "int64",
  }),
  ...(["maximum", "minimum"] as const).map((name) =>
    binary(`${name} of integers`, { maximum, minimum }[name], name === "maximum" ? Math.max : Math.min, {
      pair: integerPair,
      differentiable: false,
      result: "int64",
    }),
  ),
  binary("div of integers", div, (a, b) => Math.trunc(a / b), {
    pair: (s, a, b) => {
      const [x, y] = [integers(s, a, 41), integers(s + 1, b, 5)];
      return [
        tabulate(a, (at) => get(x, at) - 20, "int64"),
        tabulate(b, (at) => (get(y, at) === 0 ? -3 : get(y, at)), "int64"),
      ];
    },
    differentiable: false,
    result: "int64",
  }),
  toIntegers(
    "neg of integers",
    (x) => neg(x),
    (x) => 0 - x,
  ),
  toIntegers(
    "sum and product of integers with numbers",
    (x) => sub(mul(x, -3), 4),
    (x) => -3 * x - 4,
  ),
  toIntegers(
    "where of integers",
    (x) => where(greater(x, 2), x, 7),
    (x) => (x > 2 ? x : 7),
  ),
  toIntegers(
    "cast of a comparison",
    (x) => cast(equal(x, 2), "int64"),
    (x) => +(x === 2),
  ),
  {
    name: "cast from int64",
    differentiable: false,
    cases: fc.tuple(shapeOf(0, 3), seed).map(([shape, s]) => ({
      label: show(shape),
      inputs: [integers(s, shape, 1000)],
      apply: (x) => div(cast(x, "float64"), 7),
      reference: (x) => tabulate(shape, (at) => get(x, at) / 7),
    })),
  },
  unary("neg", neg, (x) => -x, any),
  unary(
    "add of a number",
    (x) => add(x, 0.5),
    (x) => x + 0.5,
    any,
  ),
  unary(
    "sub from a number",
    (x) => sub(0.5, x),
    (x) => 0.5 - x,
    any,
  ),
  unary(
    "mul by a number",
    (x) => mul(-1.5, x),
    (x) => -1.5 * x,
    any,
  ),
  unary(
    "mul by itself",
    (x) => mul(x, x),
    (x) => x * x,
    any,
  ),
  unary(
    "div of a number",
    (x) => div(2, x),
    (x) => 2 / x,
    awayFromPole,
  ),
  unary(
    "div by itself",
    (x) => div(x, x),
    () => 1,
    awayFromPole,
  ),
  unary(
    "maximum with a number",
    (x) => maximum(x, 0),
    (x) => Math.max(x, 0),
    awayFromZero,
  ),
  unary(
    "minimum with a number",
    (x) => minimum(0, x),
    (x) => Math.min(x, 0),
    awayFromZero,
  ),
  ...[0, 1, 2, 3, 4].map((n) =>
    unary(
      `pow with exponent ${n}`,
      (x) => pow(x, n),
      (x) => x ** n,
      any,
    ),
  ),
  unary(
    "pow with exponent -2",
    (x) => pow(x, -2),
    (x) => x ** -2,
    awayFromPole,
  ),
  ...[0.5, 1.5, -0.5].map((n) =>
    unary(
      `pow with exponent ${n}`,
      (x) => pow(x, n),
      (x) => x ** n,
      positive,
    ),
  ),
  unary(
    "pow of a number",
    (x) => pow(2, x),
    (x) => 2 ** x,
    any,
  ),
  castRow("cast to int64", offIntegers, "int64", Math.trunc),
  castRow("cast to bool", tied, "bool", (x) => +(x !== 0)),
  unary(
    "cast to bool and back",
    (x) => cast(cast(x, "bool"), x.dtype),
    (x) => +(x !== 0),
    awayFromZero,
  ),
];

export const compareRows: readonly OpRow[] = [
  ...comparison("greater", greater, (a, b) => a > b),
  ...comparison("greaterEqual", greaterEqual, (a, b) => a >= b),
  ...comparison("less", less, (a, b) => a < b),
  ...comparison("lessEqual", lessEqual, (a, b) => a <= b),
  ...comparison("equal", equal, (a, b) => a === b),
  logical("logicalAnd", logicalAnd, (a, b) => a * b),
  logical("logicalOr", logicalOr, (a, b) => Math.max(a, b)),
  notRow,
  whereRow,
];

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
