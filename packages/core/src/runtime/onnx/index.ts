/**
 * ONNX: reading and writing files, and running graphs in ONNX Runtime.
 *
 * @module isoloss/onnx
 */
export type { Affine, ByteType } from "../../compress/quantize/affine.js";
export type { QuantizeWeightsOptions } from "../../compress/quantize/quantize-weights.js";
export { quantizeWeights } from "../../compress/quantize/quantize-weights.js";
export type { QdqReport, QuantizedFile, QuantizedNode } from "../../compress/quantize/report.js";
export type {
  CompareModelsOptions,
  ModelComparison,
  OutputDifference,
} from "../../model-file/compare/compare-models.js";
export { compareModels } from "../../model-file/compare/compare-models.js";
export type { WithParamsOptions } from "../../model-file/edit/with-params.js";
export { withParams } from "../../model-file/edit/with-params.js";
export type { ModelOperatorsOptions, OperatorUse, UnitChange } from "../../model-file/model-operators.js";
export { modelOperators } from "../../model-file/model-operators.js";
export { dropIdentity } from "../../model-file/prepare/drop-identity.js";
export { foldBatchNorm } from "../../model-file/prepare/fold-batch-norm.js";
export { liftBounds } from "../../model-file/prepare/lift-bounds.js";
export { lowerBounds } from "../../model-file/prepare/lower-bounds.js";
export type { Preparation, PreparationRow } from "../../model-file/prepare/preparation.js";
export type { RestoreBatchNormOptions } from "../../model-file/prepare/restore-batch-norm.js";
export { restoreBatchNorm } from "../../model-file/prepare/restore-batch-norm.js";
export type { FromOnnxOptions, ImportedInput, ImportedModel } from "../../nn/onnx/from-onnx.js";
export { fromOnnx } from "../../nn/onnx/from-onnx.js";
export { decodeModel, encodeModel } from "./codec.js";
export { emitModel } from "./emit.js";
export { compileOnnx } from "./executable.js";
export type { ToOnnxOptions } from "./export.js";
export { toOnnx } from "./export.js";
export type { ExternalData } from "./external-data.js";
export { inlineExternalData } from "./external-data.js";
export type { OnnxModel } from "./schema.js";
