/**
 * ONNX: reading and writing files, and running graphs in ONNX Runtime.
 *
 * @module isoloss/onnx
 */

export type { HalfCounts } from "../math/half-counts.js";

export type { OutputDifference } from "../metrics/output-difference.js";

export type { ImportedInput, ImportedModel } from "../nn/model.js";

export { decodeModel, encodeModel } from "../runtime/onnx/codec.js";
export { emitModel } from "../runtime/onnx/emit.js";
export { compileOnnx, setDefaultThreads } from "../runtime/onnx/executable.js";
export type { ToOnnxOptions } from "../runtime/onnx/export.js";
export { toOnnx } from "../runtime/onnx/export.js";
export type { ExternalData, ExternalPart } from "../runtime/onnx/external-data.js";
export { inlineExternalData } from "../runtime/onnx/external-data.js";
export type { OrtTensorLike } from "../runtime/onnx/ort-tensors.js";
export { fromOrtTensor, toOrtData } from "../runtime/onnx/ort-tensors.js";
export type { OnnxModel } from "../runtime/onnx/schema.js";
export type { ModelToOnnxOptions } from "../train/model-to-onnx.js";
export { modelToOnnx } from "../train/model-to-onnx.js";
