/**
 * Layers, initializers, losses and models, as functions of trees of parameters; random numbers that match
 * PyTorch's.
 *
 * @module isoloss/nn
 */
export type { Mt19937 } from "../math/mt19937.js";
export { torchGenerator, torchRand, torchRandn, torchUniform } from "../math/mt19937.js";
export type { Activation } from "./activation.js";
export { activation } from "./activation.js";
export type { AttentionOptions, AttentionParams } from "./attention.js";
export { initMultiHeadAttention, multiHeadAttention } from "./attention.js";
export type { ConvParams } from "./conv.js";
export {
  conv1dLayer,
  convLayer,
  convTransposeLayer,
  initConv1d,
  initConv2d,
  initConvTranspose2d,
} from "./conv.js";
export type {
  BlockOptions,
  Carried,
  ConvNormKind,
  ConvNormOptions,
  ConvNormParams,
  ConvNormState,
  InitConvNormOptions,
  Initial,
} from "./conv-norm.js";
export { convNorm, initConvNorm } from "./conv-norm.js";
export type {
  DepthwiseSeparableParams,
  DepthwiseSeparableState,
  InitDepthwiseOptions,
  InitInvertedResidualOptions,
  InvertedResidualParams,
  InvertedResidualState,
} from "./depthwise.js";
export {
  depthwiseSeparable,
  initDepthwiseSeparable,
  initInvertedResidual,
  invertedResidual,
} from "./depthwise.js";
export { dropout } from "./dropout.js";
export type { EmbeddingParams } from "./embedding.js";
export { embedding, initEmbedding } from "./embedding.js";
export type { FakeQuantizeOptions, QuantizationRange } from "./fake-quantize.js";
export { fakeQuantize } from "./fake-quantize.js";
export {
  kaimingNormal,
  kaimingUniform,
  normal,
  uniform,
  xavierNormal,
  xavierUniform,
} from "./initializers.js";
export type { LinearParams } from "./linear.js";
export { initLinear, linear } from "./linear.js";
export { binaryCrossEntropyWithLogits } from "./losses/binary-cross-entropy.js";
export { cosineEmbeddingLoss, cosineSimilarity } from "./losses/cosine.js";
export { crossEntropy } from "./losses/cross-entropy.js";
export { l1Loss } from "./losses/l1.js";
export { mseLoss } from "./losses/mse.js";
export { nllLoss } from "./losses/nll.js";
export { normalLoss } from "./losses/normals.js";
export type { LossOptions } from "./losses/reduction.js";
export type {
  Context,
  FloatDType,
  InitOptions,
  Model,
  Output,
  Stateless,
  StatelessModel,
  WeightAndBias,
} from "./model.js";
export type { AttentionSegnetOptions } from "./models/attention-segnet.js";
export { attentionSegnet } from "./models/attention-segnet.js";
export type {
  AttentionSegnetParams,
  AttentionSegnetState,
  ConvBatchParams,
  ConvBatchState,
} from "./models/attention-segnet-params.js";
export type { ConvnetOptions, ConvnetParams, ConvnetState } from "./models/convnet.js";
export { convnet } from "./models/convnet.js";
export type { LenetOptions, LenetParams } from "./models/lenet.js";
export { lenet } from "./models/lenet.js";
export type {
  MessagePassingModel,
  MessagePassingOptions,
  MessagePassingParams,
  MoleculeTensors,
} from "./models/message-passing.js";
export { messagePassing } from "./models/message-passing.js";
export type { MlpOptions, MlpParams } from "./models/mlp.js";
export { mlp } from "./models/mlp.js";
export type { MobilenetOptions, MobilenetParams, MobilenetState } from "./models/mobilenet.js";
export { mobilenet } from "./models/mobilenet.js";
export type {
  MultiConvnetOptions,
  MultiConvnetState,
  MultiConvnetTrunkParams,
} from "./models/multi-convnet.js";
export { multiConvnet } from "./models/multi-convnet.js";
export type { MultiHeadModel, MultiHeadParams } from "./models/multi-head.js";
export type { MultiLenetOptions } from "./models/multi-lenet.js";
export { multiLenet } from "./models/multi-lenet.js";
export type { MultiMlpOptions } from "./models/multi-mlp.js";
export { multiMlp } from "./models/multi-mlp.js";
export type {
  PatchTransformerOptions,
  PatchTransformerParams,
  TransformerBlockParams,
} from "./models/patch-transformer.js";
export { patchTransformer } from "./models/patch-transformer.js";
export type {
  RecurrentClassifierOptions,
  RecurrentClassifierParams,
  RecurrentLayerParams,
} from "./models/recurrent-classifier.js";
export { recurrentClassifier } from "./models/recurrent-classifier.js";
export { models } from "./models/registry.js";
export type { Resnet18Options, Resnet18Params, Resnet18State } from "./models/resnet18.js";
export { resnet18 } from "./models/resnet18.js";
export type { SegnetOptions, SegnetOutput, SegnetParams } from "./models/segnet.js";
export { segnet } from "./models/segnet.js";
export type {
  PreNormBlockParams,
  SequenceTransformerOptions,
  SequenceTransformerParams,
} from "./models/sequence-transformer.js";
export { sequenceTransformer } from "./models/sequence-transformer.js";
export type { UnetOptions, UnetPair, UnetParams, UnetState } from "./models/unet.js";
export { unet } from "./models/unet.js";
export type { Vgg6Options } from "./models/vgg6.js";
export { vgg6 } from "./models/vgg6.js";
export type { BatchNormState, NormParams, RmsNormParams } from "./norm.js";
export {
  batchNorm,
  groupNorm,
  initBatchNorm,
  initGroupNorm,
  initLayerNorm,
  initRmsNorm,
  layerNorm,
  rmsNorm,
} from "./norm.js";
export type { RecurrentOptions } from "./recurrent.js";
export { gru, lstm } from "./recurrent.js";
export type { CellParams, LstmState } from "./recurrent-cells.js";
export { gruCell, initGruCell, initLstmCell, lstmCell } from "./recurrent-cells.js";
export type { RotaryOptions } from "./rotary.js";
export { rotaryEmbedding } from "./rotary.js";
export type { LayerSummary } from "./summary/layers.js";
export type { StepMemory, Summary, SummaryInput } from "./summary/summary.js";
export { summary } from "./summary/summary.js";
export { summaryText } from "./summary/summary-text.js";
export { upsample2d } from "./upsample.js";
