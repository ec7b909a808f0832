/**
 * What the packages of this repository share in Node alone: unstable, for exact versions, and not part of the public interface.
 *
 * @module isoloss/internal-node
 * @internal
 */
export { makeFolder } from "../node/files.js";
export { type ResizedOptions, resizedImages } from "../node/images/resized.js";
export { type NpyForm, npyFile } from "../node/npy-writer.js";
export { type KernelUse, profiledKernels } from "../node/profiled-kernels.js";
export { listProviders } from "../runtime/onnx/ort-node.js";
