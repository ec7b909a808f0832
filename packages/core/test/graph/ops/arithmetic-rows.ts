import fc from "fast-check";
import {
  awayFromZero,
  get,
  integers,
  type OpRow,
  seed,
  shapeOf,
  show,
  tabulate,
  tied,
} from "isoloss-test-support/graph/ops/op-case";
import { add, cast, div, maximum, minimum, mul, neg, pow, sub } from "../../../src/graph/ops/arithmetic.js";
import { bitwiseAnd, bitwiseOr, bitwiseXor } from "../../../src/graph/ops/bitwise.js";
import { equal, greater, where } from "../../../src/graph/ops/compare.js";
import { mod, remainder } from "../../../src/graph/ops/remainder.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import {
  any,
  apart,
  awayFromPole,
  binary,
  type Domain,
  divisible,
  integerPair,
  offIntegers,
  type Pair,
  positive,
  powers,
  ties,
  unary,
} from "./element-rows.js";

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

/** Integers of both signs; the second is not zero. */
const signedPair: Pair = (s, a, b) => {
  const [x, y] = [integers(s, a, 41), integers(s + 1, b, 7)];
  return [
    tabulate(a, (at) => get(x, at) - 20, "int64"),
    tabulate(b, (at) => (get(y, at) === 3 ? -5 : get(y, at) - 3), "int64"),
  ];
};

/** Fractions and whole numbers that are not zero: no quotient is near an integer. */
const indivisible: Pair = (s, a, b) => {
  const whole = signedPair(s, a, b)[1];
  return [offIntegers(s, a), tabulate(b, (at) => get(whole, at))];
};

/** An operation of two integers of 33 bits and their signs. */
const bits = (
  name: string,
  f: (a: Tensor, b: Tensor) => Tensor,
  reference: (a: bigint, b: bigint) => bigint,
): OpRow =>
  binary(name, f, (a, b) => Number(reference(BigInt(a), BigInt(b))), {
    pair: (s, a, b) => {
      const [x, y] = [integers(s, a, 2 ** 31), integers(s + 1, b, 2 ** 31)];
      return [
        tabulate(a, (at) => 3 * get(x, at) - 2 ** 32, "int64"),
        tabulate(b, (at) => 4 * get(y, at) - 2 ** 31, "int64"),
      ];
    },
    differentiable: false,
    result: "int64",
  });

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
    pair: signedPair,
    differentiable: false,
    result: "int64",
  }),
  // The quotient rounded toward zero, or down, is what the remainders leave out.
  binary("remainder", remainder, (a, b) => a - b * Math.trunc(a / b), { pair: indivisible }),
  binary("remainder of integers", remainder, (a, b) => a - b * Math.trunc(a / b), {
    pair: signedPair,
    differentiable: false,
    result: "int64",
  }),
  binary("mod", mod, (a, b) => a - b * Math.floor(a / b), {
    pair: signedPair,
    differentiable: false,
    result: "int64",
  }),
  bits("bitwiseAnd", bitwiseAnd, (a, b) => a & b),
  bits("bitwiseOr", bitwiseOr, (a, b) => a | b),
  bits("bitwiseXor", bitwiseXor, (a, b) => a ^ b),
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
