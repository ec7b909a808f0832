// All public names of the library in one namespace, for tests that take any of them.
export * from "../src/entries/data.js";
export type { Cost } from "../src/entries/index.js";
export * from "../src/entries/index.js";
export * from "../src/entries/linalg.js";
export * from "../src/entries/metrics.js";
export * from "../src/entries/moves.js";
export * from "../src/entries/mtl.js";
export * from "../src/entries/nn.js";
export * from "../src/entries/node.js";
export * from "../src/entries/onnx.js";
export * from "../src/entries/ops.js";
export * from "../src/entries/optim.js";
export * from "../src/entries/problems.js";
export * from "../src/entries/symmetry.js";
export * from "../src/entries/teleport.js";
