/**
 * ONNX: reading and writing files, and running graphs in ONNX Runtime.
 *
 * @module isoloss/onnx
 */

export type { HalfChange, HalfModel, ToHalfOptions } from "../compress/half/to-half.js";
export { toHalf } from "../compress/half/to-half.js";
export type { ReducedGroup, ReducedRank, ReduceRankOptions } from "../compress/low-rank/reduce-rank.js";
export { reduceRank } from "../compress/low-rank/reduce-rank.js";
export type { ModelError, ModelErrorOptions } from "../compress/model-error.js";
export { modelError } from "../compress/model-error.js";
export type { PrunedGroup, PrunedUnitsFile, PruneUnitsOptions } from "../compress/prune/prune-units.js";
export { pruneUnits } from "../compress/prune/prune-units.js";
export type { PrunedWeights, PruneWeightsOptions } from "../compress/prune/prune-weights.js";
export { pruneWeights } from "../compress/prune/prune-weights.js";
export type { Affine, ByteType } from "../compress/quantize/affine.js";
export type { CalibrateOptions, CalibrationMethod } from "../compress/quantize/calibrate.js";
export { calibrate } from "../compress/quantize/calibrate.js";
export type { CandidateFile } from "../compress/quantize/candidates.js";
export type { Granularity, QuantizationChoice } from "../compress/quantize/choices.js";
export type { LayerSensitivity } from "../compress/quantize/leave-layers.js";
export type { Metric, QuantizationError, SquaredError } from "../compress/quantize/measure-error.js";
export type { QuantizedModel } from "../compress/quantize/quantize-model.js";
export { quantizeModel } from "../compress/quantize/quantize-model.js";
export type {
  BiasCorrection,
  QuantizationProgress,
  QuantizeModelOptions,
} from "../compress/quantize/quantize-options.js";
export type { QuantizeWeightsOptions } from "../compress/quantize/quantize-weights.js";
export { quantizeWeights } from "../compress/quantize/quantize-weights.js";
export type { ValueRange } from "../compress/quantize/range.js";
export type {
  QdqReport,
  QuantizedFile,
  QuantizedNode,
} from "../compress/quantize/report.js";
export type { FineTuned } from "../fine-tune/fine-tune.js";
export { fineTune } from "../fine-tune/fine-tune.js";
export type { FineTuneOptions } from "../fine-tune/fine-tune-options.js";
export type { LossName } from "../fine-tune/named-losses.js";
export type { FineTuneEpoch } from "../fine-tune/run-epochs.js";
export type { HalfCounts } from "../math/half-counts.js";
export type {
  CompareModelsOptions,
  ModelComparison,
} from "../model-file/compare/compare-models.js";
export { compareModels } from "../model-file/compare/compare-models.js";
export type { CompareTimesOptions, TimesComparison } from "../model-file/compare/compare-times.js";
export { compareTimes } from "../model-file/compare/compare-times.js";
export type { OutputDifference } from "../model-file/compare/output-difference.js";
export type {
  CompareParamsOptions,
  ParamsComparison,
  ParamsComparisonOptions,
} from "../model-file/compare/params-comparison.js";
export { createParamsComparison } from "../model-file/compare/params-comparison.js";
export type {
  Float64Comparison,
  FunctionComparison,
  SameFunctionOptions,
} from "../model-file/compare/same-function.js";
export { sameFunction } from "../model-file/compare/same-function.js";
export type { StorageRounding } from "../model-file/compare/storage-rounding.js";
export { storageRounding } from "../model-file/compare/storage-rounding.js";
export type { WithParamsOptions } from "../model-file/edit/with-params.js";
export { withParams } from "../model-file/edit/with-params.js";
export type { ModelOperatorsOptions, OperatorUse, UnitChange } from "../model-file/model-operators.js";
export { modelOperators } from "../model-file/model-operators.js";
export { dropIdentity } from "../model-file/prepare/drop-identity.js";
export { dropMetadata } from "../model-file/prepare/drop-metadata.js";
export type { FoldBatchNormOptions } from "../model-file/prepare/fold-batch-norm.js";
export { foldBatchNorm } from "../model-file/prepare/fold-batch-norm.js";
export { liftBounds } from "../model-file/prepare/lift-bounds.js";
export { lowerBounds } from "../model-file/prepare/lower-bounds.js";
export type { Preparation, PreparationRow } from "../model-file/prepare/preparation.js";
export type { RestoreBatchNormOptions } from "../model-file/prepare/restore-batch-norm.js";
export { restoreBatchNorm } from "../model-file/prepare/restore-batch-norm.js";
export type {
  EqualizedModel,
  EqualizeForQuantizationOptions,
} from "../moves/quantization-noise/equalize-for-quantization.js";
export { equalizeForQuantization } from "../moves/quantization-noise/equalize-for-quantization.js";
export type { ImportedInput, ImportedModel } from "../nn/model.js";
export type { FromOnnxOptions } from "../nn/onnx/from-onnx.js";
export { fromOnnx } from "../nn/onnx/from-onnx.js";
export type { TrainableOptions } from "../nn/onnx/trainable.js";
export { trainable } from "../nn/onnx/trainable.js";
export { decodeModel, encodeModel } from "../runtime/onnx/codec.js";
export { emitModel } from "../runtime/onnx/emit.js";
export { compileOnnx, setDefaultThreads } from "../runtime/onnx/executable.js";
export type { ToOnnxOptions } from "../runtime/onnx/export.js";
export { toOnnx } from "../runtime/onnx/export.js";
export type { ExternalData } from "../runtime/onnx/external-data.js";
export { inlineExternalData } from "../runtime/onnx/external-data.js";
export type { OrtTensorLike } from "../runtime/onnx/ort-tensors.js";
export { fromOrtTensor, toOrtData } from "../runtime/onnx/ort-tensors.js";
export type { OnnxModel } from "../runtime/onnx/schema.js";
export type { ModelToOnnxOptions } from "../train/model-to-onnx.js";
export { modelToOnnx } from "../train/model-to-onnx.js";
