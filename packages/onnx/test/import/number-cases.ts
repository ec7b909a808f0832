// Operators on single numbers, and constants that follow from sizes.
import { astype, type NdArray } from "isoloss";
import { float, int, string } from "isoloss/internal";
import { bools, uniform } from "isoloss-test-support/graph/ops/op-case";
import { type FileOptions, float32, int64, node } from "isoloss-test-support/nn/onnx/support";
import { type Case, given } from "./operator-case.js";

const single = (x: NdArray) => astype(x, "float32");
const x = single(uniform(1, [2, 3, 4]));
const inside = single(uniform(2, [3, 4], -0.9, 0.9));
const special = float32([Number.NaN, Infinity, -Infinity, 0, -1.5]);
const halves = float32([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49, 2.51]);
const scalar = (value: number): NdArray => float32([value], []);
const matrices = single(uniform(3, [2, 4, 4]));

const fromSizes = (
  opType: string,
  sizes: readonly NdArray[],
  attributes: Case["node"]["attributes"] = {},
): Case => ({
  initializers: Object.fromEntries(sizes.map((size, k) => [`s${k}`, size])),
  node: node(
    opType,
    sizes.map((_, k) => `s${k}`),
    attributes,
  ),
});

const windowCases = (opType: string): Case[] => [
  fromSizes(opType, [int64([9], [])]),
  fromSizes(opType, [int64([8], [])], { periodic: int(0) }),
];

/** Whose derivatives are those of difference quotients. */
export const smoothCases: Readonly<Record<string, readonly Case[]>> = {
  Acos: [given("Acos", [inside])],
  Acosh: [given("Acosh", [single(uniform(4, [3, 4], 1.2, 5))])],
  Asin: [given("Asin", [inside])],
  Atan: [given("Atan", [x])],
  Atanh: [given("Atanh", [inside])],
  Det: [given("Det", [matrices]), given("Det", [single(uniform(5, [3, 3]))])],
  Swish: [given("Swish", [x], {}, 24), given("Swish", [x], { alpha: float(0.5) }, 24)],
  Tan: [given("Tan", [inside])],
};

export const numberCases: Readonly<Record<string, readonly Case[]>> = {
  ...smoothCases,
  BlackmanWindow: windowCases("BlackmanWindow"),
  EyeLike: [
    given("EyeLike", [single(uniform(6, [3, 4]))], { k: int(1) }),
    given("EyeLike", [single(uniform(6, [4, 3]))], { k: int(-2), dtype: int(7) }),
  ],
  HammingWindow: windowCases("HammingWindow"),
  HannWindow: windowCases("HannWindow"),
  IsInf: [
    given("IsInf", [special]),
    given("IsInf", [special], { detect_negative: int(0) }),
    given("IsInf", [special], { detect_positive: int(0) }),
    given("IsInf", [special], { detect_positive: int(0), detect_negative: int(0) }),
  ],
  IsNaN: [given("IsNaN", [special])],
  MelWeightMatrix: [
    fromSizes("MelWeightMatrix", [
      int64([8], []),
      int64([64], []),
      int64([16000], []),
      scalar(300),
      scalar(6000),
    ]),
  ],
  Mod: [
    given("Mod", [int64([7, -7, 7, -7]), int64([3, 3, -3, -3])]),
    given("Mod", [int64([7, -7, 7, -7]), int64([3, 3, -3, -3])], { fmod: int(1) }),
    given("Mod", [float32([5.5, -5.5]), float32([2, 2])], { fmod: int(1) }),
  ],
  Round: [given("Round", [halves])],
  Shrink: [given("Shrink", [x]), given("Shrink", [x], { lambd: float(1), bias: float(0.25) })],
  Xor: [given("Xor", [bools(7, [2, 8]), bools(8, [8])])],
};

/** Codes of element types in ONNX. */
const codes = { uint8: 2, int8: 3, uint16: 4, int16: 5, int32: 6, int64: 7, uint32: 12 };
type Narrow = keyof typeof codes;

const castTo = (from: string, to: string, kind: Narrow) =>
  node("Cast", [from], { to: int(codes[kind]) }, [to]);

/** Inputs a, b, ... of int64 become another type, the operator is applied, and its result becomes int64 again. */
function between(
  kind: Narrow,
  opType: string,
  operands: readonly NdArray[],
  attributes: Case["node"]["attributes"] = {},
): FileOptions {
  const names = operands.map((_, k) => String.fromCharCode(97 + k));
  return {
    inputs: Object.fromEntries(operands.map((array, k) => [names[k], array])),
    nodes: [
      ...names.map((name) => castTo(name, `${name}${name}`, kind)),
      node(
        opType,
        names.map((name) => `${name}${name}`),
        attributes,
        ["z"],
      ),
      castTo("z", "y", "int64"),
    ],
  };
}

const bytes = int64([0, 1, 77, 128, 254, 255]);
const others = int64([3, 255, 12, 1, 4, 7]);
const signed = int64([-128, -77, -1, 0, 5, 127]);

/** Models by the operator that they are about: integers of few bits, whose results wrap around. */
export const numberModels: Readonly<Record<string, readonly FileOptions[]>> = {
  BitShift: [
    between(
      "uint8",
      "BitShift",
      [bytes, others].map(({ data }) => int64([...data].map((n) => Number(n) % 8))),
      {
        direction: string("RIGHT"),
      },
    ),
    between("uint8", "BitShift", [bytes, int64([1, 7, 3, 1, 2, 0])], { direction: string("LEFT") }),
    between("uint32", "BitShift", [bytes, int64([30, 31, 28, 1, 25, 0])], { direction: string("LEFT") }),
  ],
  BitwiseAnd: [
    between("uint8", "BitwiseAnd", [bytes, others]),
    between("int8", "BitwiseAnd", [signed, int64([-3])]),
  ],
  BitwiseNot: [between("uint8", "BitwiseNot", [bytes]), between("int16", "BitwiseNot", [signed])],
  BitwiseOr: [between("int32", "BitwiseOr", [signed, int64([6])])],
  BitwiseXor: [
    between("uint16", "BitwiseXor", [bytes, others]),
    between("int8", "BitwiseXor", [signed, int64([-3])]),
  ],
  Cast: [
    between("uint8", "Identity", [int64([-1, 256, 300, -300])]),
    between("int8", "Identity", [int64([-129, 128, 300, -300])]),
    between("int32", "Identity", [int64([2 ** 31, -(2 ** 31) - 1, 2 ** 33 + 5])]),
    { inputs: { x }, nodes: [castTo("x", "i", "int8"), node("Cast", ["i"], { to: int(1) })] },
    {
      inputs: { x: float32([1e-7, 0.1, 2049, 65519, 1e6, -7e4]) },
      nodes: [node("Cast", ["x"], { to: int(10) }, ["h"]), node("Cast", ["h"], { to: int(1) })],
    },
  ],
  CastLike: [
    { inputs: { x, i: int64([1]) }, nodes: [castTo("i", "b", "uint8"), node("CastLike", ["x", "i"])] },
    {
      inputs: { i: int64([-1, 256, 7]), x: int64([1]) },
      nodes: [castTo("x", "b", "uint8"), node("CastLike", ["i", "b"], {}, ["z"]), castTo("z", "y", "int64")],
    },
  ],
  Add: [between("int32", "Add", [int64([2 ** 31 - 1, -(2 ** 31)]), int64([1, -1])])],
  Max: [between("int8", "Max", [signed, int64([-5])])],
  Min: [between("uint8", "Min", [bytes, others])],
  Mul: [between("int32", "Mul", [int64([65536, -65537]), int64([65536, 65536])])],
  Neg: [between("int8", "Neg", [signed])],
  Pow: [
    { inputs: { a: int64([2, -3, 7]), b: int64([10, 3, 0]) }, nodes: [node("Pow", ["a", "b"])] },
    { inputs: { a: int64([2, 3, 7]), b: float32([1.5, 3, 0]) }, nodes: [node("Pow", ["a", "b"])] },
  ],
  Abs: [between("int32", "Abs", [signed])],
  Sign: [between("int32", "Sign", [signed])],
  Sub: [between("int32", "Sub", [int64([-(2 ** 31), 5]), int64([1, 9])])],
};
