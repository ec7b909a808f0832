// All public names of the library in one namespace, for tests that take any of them.

export type { Cost } from "isoloss";
export * from "isoloss";
export * from "isoloss/data";
export * from "isoloss/linalg";
export * from "isoloss/metrics";
export * from "isoloss/moves";
export * from "isoloss/mtl";
export * from "isoloss/nn";
export * from "isoloss/node";
export * from "isoloss/onnx";
export * from "isoloss/ops";
export * from "isoloss/optim";
export * from "isoloss/problems";
export * from "isoloss/symmetry";
export * from "isoloss/teleport";
export * from "isoloss-benchmarks";
export * from "isoloss-benchmarks/node";
export * from "isoloss-onnx";
