/**
 * ONNX: reading and writing files, and running graphs in ONNX Runtime.
 *
 * @module isoloss/onnx
 */
export type { ModelOperatorsOptions, OperatorUse, UnitChange } from "../../model-file/model-operators.js";
export { modelOperators } from "../../model-file/model-operators.js";
export type { FromOnnxOptions, ImportedInput, ImportedModel } from "../../nn/onnx/from-onnx.js";
export { fromOnnx } from "../../nn/onnx/from-onnx.js";
export { decodeModel, encodeModel } from "./codec.js";
export { emitModel } from "./emit.js";
export { compileOnnx } from "./executable.js";
export type { ToOnnxOptions } from "./export.js";
export { toOnnx } from "./export.js";
export type { OnnxModel } from "./schema.js";
