/**
 * The JavaScript API of ONNX Runtime, which `onnxruntime-node` and `onnxruntime-web` share.
 * Named through `onnxruntime-web` because its declarations are exactly that API, without the additions for Node.
 */
export type Ort = typeof import("onnxruntime-web");
