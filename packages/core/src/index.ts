export type { DType, NdArray, Shape, TypedArray } from "./array.js";
export {
  array,
  astype,
  copyArray,
  dtypeOf,
  full,
  isNdArray,
  item,
  ndarray,
  ones,
  sizeOf,
  zeros,
} from "./array.js";
export { batches, split, takeRows } from "./data/batches.js";
export { digits } from "./data/digits.js";
export { parseIdx, readIdx } from "./data/idx.js";
export { decodeSafetensors, encodeSafetensors } from "./data/safetensors.js";
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
export {
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
} from "./graph/ops/elementary.js";
export { cumsum, gather, oneHot, scatterAdd } from "./graph/ops/gather.js";
export { constant, fill, fillLike, input } from "./graph/ops/leaf.js";
export { matmul } from "./graph/ops/matmul.js";
export {
  avgPool2d,
  maxPool2d,
  maxPoolIndices2d,
  maxPoolWithIndices2d,
  maxUnpool2d,
} from "./graph/ops/pool.js";
export { randomUniform } from "./graph/ops/random.js";
export { argmax, max, mean, min, sum, variance } from "./graph/ops/reduce.js";
export { expandDims, flattenFrom, reshape, transpose } from "./graph/ops/reshape.js";
export { concat, pad, slice } from "./graph/ops/slice.js";
export { logSoftmax, softmax } from "./graph/ops/softmax.js";
export { stopGradient } from "./graph/ops/stop-gradient.js";
export { retype } from "./graph/retype.js";
export { simplify } from "./graph/simplify.js";
export { Tensor } from "./graph/tensor.js";
export type { Spec, TensorsOf, Traced } from "./graph/trace.js";
export { spec, trace } from "./graph/trace.js";
export { eigenSymmetric, inverse, pinv, qr, solve, svd } from "./math/linalg.js";
export { Mt19937, torchRand, torchRandn, torchUniform } from "./math/mt19937.js";
export { createRng, permutation } from "./math/rng.js";
export { namedArrays } from "./named-arrays.js";
export type { Activation } from "./nn/activation.js";
export { activation } from "./nn/activation.js";
export type { AttentionOptions, AttentionParams } from "./nn/attention.js";
export { initMultiHeadAttention, multiHeadAttention } from "./nn/attention.js";
export type { ConvParams } from "./nn/conv.js";
export { convLayer, convTransposeLayer, initConv2d, initConvTranspose2d } from "./nn/conv.js";
export { dropout } from "./nn/dropout.js";
export type { EmbeddingParams } from "./nn/embedding.js";
export { embedding, initEmbedding } from "./nn/embedding.js";
export {
  kaimingNormal,
  kaimingUniform,
  normal,
  uniform,
  xavierNormal,
  xavierUniform,
} from "./nn/initialisers.js";
export type { LinearParams } from "./nn/linear.js";
export { initLinear, linear } from "./nn/linear.js";
export { binaryCrossEntropyWithLogits } from "./nn/losses/binary-cross-entropy.js";
export { cosineEmbeddingLoss, cosineSimilarity } from "./nn/losses/cosine.js";
export { crossEntropy } from "./nn/losses/cross-entropy.js";
export { l1Loss } from "./nn/losses/l1.js";
export { mseLoss } from "./nn/losses/mse.js";
export { nllLoss } from "./nn/losses/nll.js";
export type { Context, Model, Output, Stateless, StatelessModel } from "./nn/model.js";
export { convnet } from "./nn/models/convnet.js";
export { lenet } from "./nn/models/lenet.js";
export type { MlpOptions, MlpParams } from "./nn/models/mlp.js";
export { mlp } from "./nn/models/mlp.js";
export { resnet18 } from "./nn/models/resnet18.js";
export { segnet } from "./nn/models/segnet.js";
export { vgg6 } from "./nn/models/vgg6.js";
export { batchNorm, groupNorm, initBatchNorm, initGroupNorm, initLayerNorm, layerNorm } from "./nn/norm.js";
export type { AdagradOptions } from "./optim/adagrad.js";
export { adagrad } from "./optim/adagrad.js";
export type { AdamOptions } from "./optim/adam.js";
export { adam } from "./optim/adam.js";
export { adamw } from "./optim/adamw.js";
export type { NormOptions } from "./optim/clip.js";
export { clipByGlobalNorm, clipByValue, globalNorm } from "./optim/clip.js";
export type { Optimizer, OptimizerState } from "./optim/optimizer.js";
export type { Plateau, PlateauOptions, PlateauState } from "./optim/plateau.js";
export { reduceOnPlateau } from "./optim/plateau.js";
export { createOptimizer, optimizers } from "./optim/registry.js";
export type { RmspropOptions } from "./optim/rmsprop.js";
export { rmsprop } from "./optim/rmsprop.js";
export type {
  CosineScheduleOptions,
  ExponentialScheduleOptions,
  PiecewiseScheduleOptions,
  Schedule,
  StepScheduleOptions,
  WarmUpOptions,
} from "./optim/schedules.js";
export {
  constantSchedule,
  cosineSchedule,
  exponentialSchedule,
  piecewiseSchedule,
  stepSchedule,
  warmUp,
} from "./optim/schedules.js";
export type { GdOptions, SgdOptions } from "./optim/sgd.js";
export { gd, sgd } from "./optim/sgd.js";
export type { CompileOptions, RuntimeName } from "./runtime/compile.js";
export { chooseRuntime, compile, estimate } from "./runtime/compile.js";
export type { Executable, RunOptions, Scan, Values } from "./runtime/executable.js";
export { compileJavaScript } from "./runtime/javascript/executable.js";
export type { Compiled } from "./runtime/jit.js";
export { jit } from "./runtime/jit.js";
export { decodeModel, encodeModel } from "./runtime/onnx/codec.js";
export { emitModel } from "./runtime/onnx/emit.js";
export { compileOnnx } from "./runtime/onnx/executable.js";
export { toOnnx } from "./runtime/onnx/export.js";
export { hiddenAction } from "./symmetry/hidden-action.js";
export { positiveScaling } from "./symmetry/positive-scaling.js";
export type { Batch, BatchSpec, BatchTensors, Refusal, Symmetry } from "./symmetry/symmetry.js";
export type { GuardOptions } from "./teleport/guard.js";
export type { BatchLoss, Memory, Objective, PointValue } from "./teleport/objective/objective.js";
export { gradNormSq, minimised } from "./teleport/objective/objective.js";
export type { RaceOptions } from "./teleport/race.js";
export type { TeleportReport } from "./teleport/report.js";
export type { GradientAscentOptions } from "./teleport/search/gradient-ascent.js";
export { gradientAscent } from "./teleport/search/gradient-ascent.js";
export type { Search, SearchFactory, SearchProblem, Setting, Stop, Walk } from "./teleport/search/search.js";
export type { Teleported, Teleporter, TeleporterOptions, TeleportOptions } from "./teleport/teleporter.js";
export { createTeleporter } from "./teleport/teleporter.js";
export type { Checkpoint } from "./train/checkpoint.js";
export { decodeCheckpoint, encodeCheckpoint, resume } from "./train/checkpoint.js";
export type { History, Metrics } from "./train/history.js";
export type { Loss } from "./train/step.js";
export type {
  Dataset,
  Progress,
  RunTrainerOptions,
  Trainer,
  TrainerOptions,
  TrainState,
} from "./train/trainer.js";
export { createTrainer } from "./train/trainer.js";
export { flatten as flattenTree, unflatten as unflattenTree } from "./tree.js";
