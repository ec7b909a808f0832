// All public names of the library in one namespace, for tests that take any of them.
export * from "../src/data/index.js";
export * from "../src/graph/ops/index.js";
export type { Cost } from "../src/index.js";
export * from "../src/index.js";
export * from "../src/math/index.js";
export * from "../src/metrics/index.js";
export * from "../src/moves/index.js";
export * from "../src/mtl/index.js";
export * from "../src/nn/index.js";
export * from "../src/node/index.js";
export * from "../src/optim/index.js";
export * from "../src/problems/index.js";
export * from "../src/runtime/onnx/index.js";
export * from "../src/symmetry/index.js";
export * from "../src/teleport/index.js";
