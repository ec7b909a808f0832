import fc from "fast-check";
import {
  bools,
  broadcastingShapes,
  get,
  getBroadcast,
  type OpRow,
  seed,
  shapeOf,
  show,
  tabulate,
  uniform,
} from "isoloss-test-support/graph/ops/op-case";
import type { NdArray } from "../../../src/array.js";
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
} from "../../../src/graph/ops/compare.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { binary, boolPair, integerPair, ties } from "./element-rows.js";

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

const whereRow = (
  name: string,
  make: (seed: number, shape: readonly number[]) => NdArray,
  dtype: "float64" | "bool",
): OpRow => ({
  name,
  differentiable: dtype === "float64",
  cases: fc.tuple(broadcastingShapes(3), seed).map(([{ shape, operands }, s]) => ({
    label: `${operands.map(show)} seed ${s}`,
    inputs: [bools(s, operands[0]), make(s + 1, operands[1]), make(s + 2, operands[2])],
    apply: where,
    reference: (c, a, b) =>
      tabulate(shape, (at) => (getBroadcast(c, at) ? getBroadcast(a, at) : getBroadcast(b, at)), dtype),
  })),
});

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

export const compareRows: readonly OpRow[] = [
  ...comparison("greater", greater, (a, b) => a > b),
  ...comparison("greaterEqual", greaterEqual, (a, b) => a >= b),
  ...comparison("less", less, (a, b) => a < b),
  ...comparison("lessEqual", lessEqual, (a, b) => a <= b),
  ...comparison("equal", equal, (a, b) => a === b),
  logical("logicalAnd", logicalAnd, (a, b) => a * b),
  logical("logicalOr", logicalOr, (a, b) => Math.max(a, b)),
  notRow,
  whereRow("where", uniform, "float64"),
  whereRow("where of bools", bools, "bool"),
];
