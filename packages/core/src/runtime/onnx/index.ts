/**
 * ONNX: reading and writing files, and running graphs in ONNX Runtime.
 *
 * @module isoloss/onnx
 */
export type {
  CompareModelsOptions,
  ModelComparison,
  OutputDifference,
} from "../../model-file/compare-models.js";
export { compareModels } from "../../model-file/compare-models.js";
export type { ModelOperatorsOptions, OperatorUse, UnitChange } from "../../model-file/model-operators.js";
export { modelOperators } from "../../model-file/model-operators.js";
export type { WithParamsOptions } from "../../model-file/with-params.js";
export { withParams } from "../../model-file/with-params.js";
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
