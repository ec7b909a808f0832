export type { DType, NdArray, Shape, TypedArray } from "./array.js";
export { array, astype, copyArray, dtypeOf, full, isNdArray, item, ndarray, ones, sizeOf, zeros } from "./array.js";
export {
  DataError,
  DTypeError,
  IsolossError,
  NumericalError,
  OptionError,
  RuntimeError,
  ShapeError,
} from "./errors.js";
export { backward, dot, grad, hvp, jacobian, jvp, mapTree, valueAndGrad, vjp } from "./graph/autodiff.js";
export type { Cost, Graph, Port } from "./graph/graph.js";
export { costOf, printGraph } from "./graph/graph.js";
export { elu, gelu, leakyRelu, relu, sigmoid, softplus } from "./graph/ops/activation.js";
export { add, cast, div, maximum, minimum, mul, neg, pow, sub } from "./graph/ops/arithmetic.js";
export { broadcastTo } from "./graph/ops/broadcast.js";
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
} from "./graph/ops/compare.js";
export { conv2d, convTranspose2d } from "./graph/ops/conv.js";
export { abs, cos, erf, exp, floor, log, reciprocal, sign, sin, sqrt, square, tanh } from "./graph/ops/elementary.js";
export { cumsum, gather, oneHot, scatterAdd } from "./graph/ops/gather.js";
export { constant, fill, fillLike, input } from "./graph/ops/leaf.js";
export { matmul } from "./graph/ops/matmul.js";
export { avgPool2d, maxPool2d, maxPoolIndices2d, maxUnpool2d } from "./graph/ops/pool.js";
export { randomUniform } from "./graph/ops/random.js";
export { argmax, max, mean, min, sum, variance } from "./graph/ops/reduce.js";
export { expandDims, flattenFrom, reshape, transpose } from "./graph/ops/reshape.js";
export { concat, pad, slice } from "./graph/ops/slice.js";
export { logSoftmax, softmax } from "./graph/ops/softmax.js";
export { stopGradient } from "./graph/ops/stop-gradient.js";
export { retype } from "./graph/retype.js";
export { simplify } from "./graph/simplify.js";
export { Tensor } from "./graph/tensor.js";
export { spec, trace } from "./graph/trace.js";
export { compileJavaScript } from "./runtime/javascript/executable.js";
