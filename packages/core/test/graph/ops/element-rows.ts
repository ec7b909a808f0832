import fc from "fast-check";
import {
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
} from "isoloss-test-support/graph/ops/op-case";
import type { NdArray } from "../../../src/array.js";
import type { Tensor } from "../../../src/graph/tensor.js";

export type Domain = (seed: number, shape: readonly number[]) => NdArray;

export const any: Domain = uniform;
export const positive: Domain = (s, shape) => uniform(s, shape, 0.3, 3);
export const awayFromPole: Domain = (s, shape) => {
  const x = uniform(s, shape, -1, 1);
  return tabulate(shape, (at) => get(x, at) + Math.sign(get(x, at)) * 0.5);
};
export const offIntegers: Domain = (s, shape) => {
  const whole = integers(s, shape, 7);
  const fraction = uniform(s + 1, shape, 0.1, 0.9);
  return tabulate(shape, (at) => get(whole, at) - 3 + get(fraction, at));
};

export function unary(
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
export const byRule = (name: string, f: (x: Tensor) => Tensor, reference: (x: number) => number): OpRow => ({
  ...unary(name, f, reference, tied),
  differentiable: "by rule",
});

export type Pair = (seed: number, a: readonly number[], b: readonly number[]) => [NdArray, NdArray];

const anyPair: Pair = (s, a, b) => [uniform(s, a), uniform(s + 1, b)];
export const apart: Pair = (s, a, b) => distinct(s, a, b) as [NdArray, NdArray];
export const divisible: Pair = (s, a, b) => [uniform(s, a), awayFromPole(s + 1, b)];
export const powers: Pair = (s, a, b) => [positive(s, a), uniform(s + 1, b)];
export const ties: Pair = (s, a, b) => [tied(s, a), tied(s + 1, b)];
export const integerPair: Pair = (s, a, b) => [integers(s, a, 5), integers(s + 1, b, 5)];
export const boolPair: Pair = (s, a, b) => [bools(s, a), bools(s + 1, b)];

interface BinaryOptions {
  readonly pair?: Pair;
  readonly differentiable?: boolean | "by rule";
  readonly result?: "float64" | "int64" | "bool";
}

export function binary(
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
