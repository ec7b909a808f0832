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
export { encodeModel } from "./runtime/onnx/codec.js";
export { emitModel } from "./runtime/onnx/emit.js";
export { compileOnnx } from "./runtime/onnx/executable.js";
export { batches, split, takeRows } from "./data/batches.js";
export { digits } from "./data/digits.js";
export { parseIdx, readIdx } from "./data/idx.js";
export { decodeSafetensors, encodeSafetensors } from "./data/safetensors.js";
export { eigenSymmetric, inverse, pinv, qr, solve, svd } from "./math/linalg.js";
export { Mt19937, torchRand, torchRandn, torchUniform } from "./math/mt19937.js";
export { createRng, permutation } from "./math/rng.js";
export type { CompileOptions, RuntimeName } from "./runtime/compile.js";
export { chooseRuntime, compile, estimate } from "./runtime/compile.js";
export type { Executable, RunOptions, Scan, Values } from "./runtime/executable.js";
export type { Compiled } from "./runtime/jit.js";
export { jit } from "./runtime/jit.js";
