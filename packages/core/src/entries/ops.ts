/**
 * Operations on tensors, the building blocks of losses and models.
 *
 * @module isoloss/ops
 */

export { cond } from "../graph/control/cond.js";
export { type ScanOptions, scan } from "../graph/control/scan.js";
export { type WhileLoopOptions, whileLoop } from "../graph/control/while.js";
export { elu, gelu, leakyRelu, relu, relu6, sigmoid, softplus } from "../graph/ops/activation.js";
export { add, cast, div, maximum, minimum, mul, neg, pow, sub } from "../graph/ops/arithmetic.js";
export { bitwiseAnd, bitwiseOr, bitwiseXor } from "../graph/ops/bitwise.js";
export { broadcastTo } from "../graph/ops/broadcast.js";
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
} from "../graph/ops/compare.js";
export { conv2d, convTranspose2d } from "../graph/ops/conv.js";
export type { Conv1dOptions, Pool1dOptions, Window1dOptions } from "../graph/ops/conv-1d.js";
export { avgPool1d, conv1d, maxPool1d } from "../graph/ops/conv-1d.js";
export type { WindowOptions } from "../graph/ops/conv-attributes.js";
export { einsum } from "../graph/ops/einsum.js";
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
} from "../graph/ops/elementary.js";
export { expm } from "../graph/ops/expm.js";
export { cumsum, gather, oneHot } from "../graph/ops/gather.js";
export { matrixInverse, solveLinear } from "../graph/ops/inverse.js";
export { acos, acosh, asin, atan, atanh, tan } from "../graph/ops/inverse-trigonometry.js";
export { constant, fill, fillLike, input, type Operand } from "../graph/ops/leaf.js";
export { matmul } from "../graph/ops/matmul.js";
export { matrixPinv } from "../graph/ops/pinv.js";
export type { PoolOptions } from "../graph/ops/pool.js";
export {
  avgPool2d,
  maxPool2d,
  maxPoolIndices2d,
  maxPoolWithIndices2d,
  maxUnpool2d,
} from "../graph/ops/pool.js";
export { prod } from "../graph/ops/prod.js";
export { randomUniform } from "../graph/ops/random.js";
export { argmax, max, mean, min, type ReduceOptions, sum, variance } from "../graph/ops/reduce.js";
export { mod, remainder } from "../graph/ops/remainder.js";
export { expandDims, flattenFrom, reshape, transpose } from "../graph/ops/reshape.js";
export { type FloatFormat, round, roundTo } from "../graph/ops/rounding.js";
export { type ScatterOptions, scatterAdd, scatterMax } from "../graph/ops/scatter.js";
export { concat, pad, slice } from "../graph/ops/slice.js";
export { logSoftmax, softmax } from "../graph/ops/softmax.js";
export { type ArgsortOptions, argsort } from "../graph/ops/sort.js";
export { stopGradient } from "../graph/ops/stop-gradient.js";
