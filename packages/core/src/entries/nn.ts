/**
 * Layers, initializers, losses and models, as functions of trees of parameters; random numbers that match
 * PyTorch's.
 *
 * @module isoloss/nn
 */
export { type Mt19937, torchGenerator, torchRand, torchRandn, torchUniform } from "../math/mt19937.js";
export { type Activation, activation } from "../nn/activation.js";
export type { AttentionOptions, AttentionParams } from "../nn/attention.js";
export { initMultiHeadAttention, multiHeadAttention } from "../nn/attention.js";
export type { ConvParams } from "../nn/conv.js";
export {
  conv1dLayer,
  convLayer,
  convTransposeLayer,
  initConv1d,
  initConv2d,
  initConvTranspose2d,
} from "../nn/conv.js";
export type {
  BlockOptions,
  Carried,
  ConvNormKind,
  ConvNormOptions,
  ConvNormParams,
  ConvNormState,
  InitConvNormOptions,
  Initial,
} from "../nn/conv-norm.js";
export { convNorm, initConvNorm } from "../nn/conv-norm.js";
export {
  type DepthwiseSeparableParams,
  type DepthwiseSeparableState,
  depthwiseSeparable,
  type InitDepthwiseOptions,
  type InitInvertedResidualOptions,
  type InvertedResidualParams,
  type InvertedResidualState,
  initDepthwiseSeparable,
  initInvertedResidual,
  invertedResidual,
} from "../nn/depthwise.js";
export { dropout } from "../nn/dropout.js";
export { type EmbeddingParams, embedding, initEmbedding } from "../nn/embedding.js";
export { type FakeQuantizeOptions, fakeQuantize, type QuantizationRange } from "../nn/fake-quantize.js";
export {
  kaimingNormal,
  kaimingUniform,
  normal,
  uniform,
  xavierNormal,
  xavierUniform,
} from "../nn/initializers.js";
export { initLinear, type LinearParams, linear } from "../nn/linear.js";
export { binaryCrossEntropyWithLogits } from "../nn/losses/binary-cross-entropy.js";
export { cosineEmbeddingLoss, cosineSimilarity } from "../nn/losses/cosine.js";
export { crossEntropy } from "../nn/losses/cross-entropy.js";
export { l1Loss } from "../nn/losses/l1.js";
export { mseLoss } from "../nn/losses/mse.js";
export { nllLoss } from "../nn/losses/nll.js";
export { normalLoss } from "../nn/losses/normals.js";
export type { LossOptions } from "../nn/losses/reduction.js";
export type {
  Context,
  FloatDType,
  InitOptions,
  Model,
  Output,
  Stateless,
  StatelessModel,
  WeightAndBias,
} from "../nn/model.js";

export { type ConvnetOptions, type ConvnetParams, type ConvnetState, convnet } from "../nn/models/convnet.js";
export { type LenetOptions, type LenetParams, lenet } from "../nn/models/lenet.js";

export { type MlpOptions, type MlpParams, mlp } from "../nn/models/mlp.js";
export type { MobilenetOptions, MobilenetParams, MobilenetState } from "../nn/models/mobilenet.js";
export { mobilenet } from "../nn/models/mobilenet.js";
export type {
  MultiConvnetOptions,
  MultiConvnetState,
  MultiConvnetTrunkParams,
} from "../nn/models/multi-convnet.js";
export { multiConvnet } from "../nn/models/multi-convnet.js";
export type { MultiHeadModel, MultiHeadParams, StatefulMultiHeadModel } from "../nn/models/multi-head.js";
export { type MultiLenetOptions, multiLenet } from "../nn/models/multi-lenet.js";
export { type MultiMlpOptions, multiMlp } from "../nn/models/multi-mlp.js";
export type {
  MultiResnet18,
  MultiResnet18Options,
  MultiResnet18State,
  MultiResnet18TrunkParams,
} from "../nn/models/multi-resnet18.js";
export { multiResnet18 } from "../nn/models/multi-resnet18.js";
export type {
  PatchTransformerOptions,
  PatchTransformerParams,
  TransformerBlockParams,
} from "../nn/models/patch-transformer.js";
export { patchTransformer } from "../nn/models/patch-transformer.js";
export type {
  RecurrentClassifierOptions,
  RecurrentClassifierParams,
  RecurrentLayerParams,
} from "../nn/models/recurrent-classifier.js";
export { recurrentClassifier } from "../nn/models/recurrent-classifier.js";
export { models } from "../nn/models/registry.js";
export type { Resnet18Options, Resnet18Params, Resnet18State } from "../nn/models/resnet18.js";
export { resnet18 } from "../nn/models/resnet18.js";

export type {
  PreNormBlockParams,
  SequenceTransformerOptions,
  SequenceTransformerParams,
} from "../nn/models/sequence-transformer.js";
export { sequenceTransformer } from "../nn/models/sequence-transformer.js";
export { type UnetOptions, type UnetPair, type UnetParams, type UnetState, unet } from "../nn/models/unet.js";
export { type Vgg6Options, vgg6 } from "../nn/models/vgg6.js";
export type { BatchNormState, NormParams, RmsNormParams } from "../nn/norm.js";
export {
  batchNorm,
  groupNorm,
  initBatchNorm,
  initGroupNorm,
  initLayerNorm,
  initRmsNorm,
  layerNorm,
  rmsNorm,
} from "../nn/norm.js";
export { gru, lstm, type RecurrentOptions } from "../nn/recurrent.js";
export type { CellParams, LstmState } from "../nn/recurrent-cells.js";
export { gruCell, initGruCell, initLstmCell, lstmCell } from "../nn/recurrent-cells.js";
export { type RotaryOptions, rotaryEmbedding } from "../nn/rotary.js";
export { fromStateDict, type StateDictOptions } from "../nn/state-dict.js";
export type { LayerSummary } from "../nn/summary/layers.js";
export type { StepMemory, Summary, SummaryInput } from "../nn/summary/summary.js";
export { summary, summaryText } from "../nn/summary/summary.js";
export { upsample2d } from "../nn/upsample.js";
