/**
 * Operations on tensors, the building blocks of losses and models.
 *
 * @module isoloss/ops
 */

export { cond } from "../control/cond.js";
export type { ScanOptions } from "../control/scan.js";
export { scan } from "../control/scan.js";
export type { WhileLoopOptions } from "../control/while.js";
export { whileLoop } from "../control/while.js";
export { elu, gelu, leakyRelu, relu, relu6, sigmoid, softplus } from "./activation.js";
export { add, cast, div, maximum, minimum, mul, neg, pow, sub } from "./arithmetic.js";
export { bitwiseAnd, bitwiseOr, bitwiseXor } from "./bitwise.js";
export { broadcastTo } from "./broadcast.js";
export {
  equal,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  where,
} from "./compare.js";
export { conv2d, convTranspose2d } from "./conv.js";
export type { Conv1dOptions, Pool1dOptions, Window1dOptions } from "./conv-1d.js";
export { avgPool1d, conv1d, maxPool1d } from "./conv-1d.js";
export type { WindowOptions } from "./conv-attributes.js";
export { einsum } from "./einsum.js";
export {
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
} from "./elementary.js";
export { expm } from "./expm.js";
export { cumsum, gather, oneHot } from "./gather.js";
export { matrixInverse, solveLinear } from "./inverse.js";
export { acos, acosh, asin, atan, atanh, tan } from "./inverse-trigonometry.js";
export type { Operand } from "./leaf.js";
export { constant, fill, fillLike, input } from "./leaf.js";
export { matmul } from "./matmul.js";
export { matrixPinv } from "./pinv.js";
export type { PoolOptions } from "./pool.js";
export { avgPool2d, maxPool2d, maxPoolIndices2d, maxPoolWithIndices2d, maxUnpool2d } from "./pool.js";
export { prod } from "./prod.js";
export { randomUniform } from "./random.js";
export type { ReduceOptions } from "./reduce.js";
export { argmax, max, mean, min, sum, variance } from "./reduce.js";
export { mod, remainder } from "./remainder.js";
export { expandDims, flattenFrom, reshape, transpose } from "./reshape.js";
export type { FloatFormat } from "./rounding.js";
export { round, roundTo } from "./rounding.js";
export type { ScatterOptions } from "./scatter.js";
export { scatterAdd, scatterMax } from "./scatter.js";
export { concat, pad, slice } from "./slice.js";
export { logSoftmax, softmax } from "./softmax.js";
export type { ArgsortOptions } from "./sort.js";
export { argsort } from "./sort.js";
export { stopGradient } from "./stop-gradient.js";
