// What a first traced function gets wrong: entries that are not there, and trees in the place of tensors.
import { describe, expect, it } from "vitest";
import { array, crossEntropy, mlp } from "../../../src/entries/index.js";
import { linear, mseLoss, nllLoss } from "../../../src/entries/nn.js";
import {
  abs,
  acos,
  acosh,
  add,
  argmax,
  argsort,
  asin,
  asinh,
  atan,
  atanh,
  avgPool2d,
  broadcastTo,
  cast,
  concat,
  conv2d,
  convTranspose2d,
  cos,
  cumsum,
  einsum,
  elu,
  erf,
  exp,
  expandDims,
  fillLike,
  flattenFrom,
  floor,
  gather,
  gelu,
  input,
  leakyRelu,
  log,
  logSoftmax,
  matmul,
  max,
  maxPool2d,
  mean,
  min,
  neg,
  oneHot,
  pad,
  prod,
  reciprocal,
  relu,
  relu6,
  reshape,
  round,
  roundTo,
  scatterAdd,
  scatterMax,
  sigmoid,
  sign,
  sin,
  sinh,
  slice,
  softmax,
  softplus,
  sqrt,
  square,
  stopGradient,
  sum,
  tanh,
  transpose,
  variance,
  where,
} from "../../../src/entries/ops.js";
import { DTypeError, OptionError } from "../../../src/errors.js";
import { float } from "./rejections.js";

type Call = (x: never) => unknown;
const label = input([2], "int64");
/** Operations that are another one of the table. */
const madeOf: Readonly<Record<string, string>> = { reciprocal: "div", square: "mul" };
const functionsOfOne = {
  abs,
  acos,
  acosh,
  asin,
  asinh,
  atan,
  atanh,
  cos,
  elu,
  erf,
  exp,
  floor,
  gelu,
  leakyRelu,
  log,
  neg,
  reciprocal,
  relu,
  relu6,
  round,
  sigmoid,
  sign,
  sin,
  sinh,
  softplus,
  sqrt,
  square,
  tanh,
  stopGradient,
  sum,
  mean,
  max,
  min,
  prod,
  variance,
  argmax,
  argsort,
  softmax,
  logSoftmax,
  cumsum,
  transpose,
};
const calls: Readonly<Record<string, Call>> = {
  ...functionsOfOne,
  add: (x) => add(float(2), x),
  matmul: (x) => matmul(float(2, 2), x),
  where: (x) => where(x, 1, 0),
  cast: (x) => cast(x, "float64"),
  roundTo: (x) => roundTo(x, "float16"),
  reshape: (x) => reshape(x, [1]),
  expandDims: (x) => expandDims(x, 0),
  flattenFrom: (x) => flattenFrom(x, 0),
  broadcastTo: (x) => broadcastTo(x, [2]),
  fillLike: (x) => fillLike(x, 0),
  slice: (x) => slice(x, {}),
  pad: (x) => pad(x, []),
  concat: (x) => concat([x, float(2)]),
  gather: (x) => gather(x, label),
  scatterAdd: (x) => scatterAdd(float(2), x, { size: 2 }),
  scatterMax: (x) => scatterMax(float(2), x, { size: 2 }),
  einsum: (x) => einsum("i,i", [float(2), x]),
  oneHot: (x) => oneHot(x, 2),
  conv2d: (x) => conv2d(x, float(1, 1, 1, 1)),
  convTranspose2d: (x) => convTranspose2d(x, float(1, 1, 1, 1)),
  maxPool2d: (x) => maxPool2d(x, { kernel: 2 }),
  avgPool2d: (x) => avgPool2d(x, { kernel: 2 }),
  linear: (x) => linear(x, { weight: float(2, 2) }),
  crossEntropy: (x) => crossEntropy(x, label),
  nllLoss: (x) => nllLoss(float(2, 2), x),
  mseLoss: (x) => mseLoss(x, float(2)),
  mlp: (x) => mlp({ sizes: [2, 2] }).apply({ layers: [] }, x),
};

describe.each(Object.entries(calls))("%s", (name, call) => {
  it.each([
    ["undefined", undefined, "undefined: does the batch"],
    ["a model's result", { output: float(2), state: {} }, "an object with output, state"],
    ["a list", [float(2)], "a list: pass its tensors one by one"],
    ["the result of Math.exp", Number.NaN, "got number"],
  ])("refuses %s with its name and a hint", (_what, value, words) => {
    // A number is an operand like any other where two go together.
    if (typeof value === "number" && ["add", ...Object.keys(madeOf)].includes(name)) return;
    expect(() => call(value as never)).toThrow(DTypeError);
    expect(() => call(value as never)).toThrow(words);
    expect(() => call(value as never)).toThrow(new RegExp(`^${madeOf[name] ?? name} takes`));
  });
});

it("an array that is no argument is told to become one", () => {
  expect(() => sum(array([1, 2]) as never)).toThrow("make it a constant(...)");
});

it("a misspelt option of a model is refused with the options there are", () => {
  const misspelt = { sizes: [2, 2], activatoin: "tanh" };
  expect(() => mlp(misspelt)).toThrow(OptionError);
  expect(() => mlp(misspelt)).toThrow('"activatoin"; it has sizes, activation, slope, bias, dropout');
});
