/**
 * Trained models as ONNX files: read into graphs, compared, moved, quantized, pruned, halved and trained further.
 *
 * @module isoloss-onnx
 */

export type { ImportedInput, ImportedModel } from "isoloss";
export type { HalfCounts } from "isoloss/moves";
export type { OutputDifference } from "isoloss/onnx";
export { type FineTuned, fineTune } from "./fine-tune/fine-tune.js";
export type { FineTuneOptions, LossName } from "./fine-tune/fine-tune-options.js";
export type { FineTuneEpoch } from "./fine-tune/run-epochs.js";
export type { HalfMove } from "./half/choose.js";
export type { HalfChange, HalfFile, HalfModel, ToHalfOptions, ValueChange } from "./half/to-half.js";
export { toHalf } from "./half/to-half.js";
export type { LargestValue, ValueSize } from "./half/value-ranges.js";
export { type FromOnnxOptions, fromOnnx } from "./import/from-onnx.js";
export { type TrainableOptions, trainable } from "./import/trainable.js";
export type { ReducedGroup, ReducedRank, ReduceRankOptions } from "./low-rank/reduce-rank.js";
export { reduceRank } from "./low-rank/reduce-rank.js";
export { type ModelError, type ModelErrorOptions, modelError } from "./model-error.js";
export type { CompareModelsOptions, ModelComparison } from "./model-file/compare/compare-models.js";
export { compareModels } from "./model-file/compare/compare-models.js";
export type { CompareTimesOptions, TimesComparison } from "./model-file/compare/compare-times.js";
export { compareTimes } from "./model-file/compare/compare-times.js";
export type {
  CompareParamsOptions,
  ParamsComparison,
  ParamsComparisonOptions,
} from "./model-file/compare/params-comparison.js";
export { createParamsComparison } from "./model-file/compare/params-comparison.js";
export type {
  Float64Comparison,
  FunctionComparison,
  SameFunctionOptions,
  StorageRounding,
} from "./model-file/compare/same-function.js";
export { sameFunction, storageRounding } from "./model-file/compare/same-function.js";
export { type NewNumbers, type WithParamsOptions, withParams } from "./model-file/edit/with-params.js";
export { liftBounds, lowerBounds } from "./model-file/prepare/bounds.js";
export { dropIdentity } from "./model-file/prepare/drop-identity.js";
export { dropMetadata } from "./model-file/prepare/drop-metadata.js";
export { type FoldBatchNormOptions, foldBatchNorm } from "./model-file/prepare/fold-batch-norm.js";
export type { Preparation, PreparationRow } from "./model-file/prepare/preparation.js";
export { type RestoreBatchNormOptions, restoreBatchNorm } from "./model-file/prepare/restore-batch-norm.js";
export type {
  ModelOperatorsOptions,
  OperatorUse,
  Transformation,
  UnitChange,
} from "./model-operators.js";
export { modelOperators } from "./model-operators.js";
export type { PrunedGroup, PrunedUnitsFile, PruneUnitsOptions } from "./prune/prune-units.js";
export { pruneUnits } from "./prune/prune-units.js";
export { type PrunedWeights, type PruneWeightsOptions, pruneWeights } from "./prune/prune-weights.js";
export type { Affine, ByteType, ValueRange } from "./quantize/affine.js";
export { type CalibrateOptions, type CalibrationMethod, calibrate } from "./quantize/calibrate.js";
export type { CandidateFile } from "./quantize/candidates.js";
export type { Granularity, QuantizationChoice, SqnrDifference } from "./quantize/choices.js";
export type { EqualizedModel, EqualizeForQuantizationOptions } from "./quantize/equalize-for-quantization.js";
export { equalizeForQuantization } from "./quantize/equalize-for-quantization.js";
export type { LayerSensitivity } from "./quantize/leave-layers.js";
export type { Metric, QuantizationError, SquaredError } from "./quantize/measure-error.js";
export { type QuantizedModel, quantizeModel } from "./quantize/quantize-model.js";
export type {
  BiasCorrection,
  QuantizationProgress,
  QuantizeModelOptions,
} from "./quantize/quantize-options.js";
export { type QuantizeWeightsOptions, quantizeWeights } from "./quantize/quantize-weights.js";
export { type RecipePart, recipeParts } from "./quantize/recipe-parts.js";
export type { QdqReport, QuantizedFile, QuantizedNode } from "./quantize/report.js";
