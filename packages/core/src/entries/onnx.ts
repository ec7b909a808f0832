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
export { compileOnnx } from "../runtime/onnx/executable.js";
export { type ToOnnxOptions, toOnnx } from "../runtime/onnx/export.js";
export { type ExternalData, type ExternalPart, inlineExternalData } from "../runtime/onnx/external-data.js";
export { fromOrtTensor, type OrtTensorLike, toOrtData } from "../runtime/onnx/ort-tensors.js";
export type { OnnxModel } from "../runtime/onnx/schema.js";
export { setDefaultThreads } from "../runtime/onnx/threads.js";
export { type ModelToOnnxOptions, modelToOnnx } from "../train/model-to-onnx.js";
