/**
 * Readers of the benchmarks' files, and small samples in their form, for Node only.
 *
 * @module isoloss-benchmarks/node
 */
export type {
  BenchmarkData,
  BenchmarkName,
  ReadArray,
  ReadPart,
  ReadProgress,
  VerifyOptions,
} from "./benchmarks.js";
export { benchmarkGuides, loadBenchmark, verifyBenchmark, writeSample } from "./benchmarks.js";
export { type CelebaData, type CelebaOptions, loadCeleba } from "./celeba.js";
export { type DenseData, type DenseOptions, loadCityscapes, loadNyuv2 } from "./dense.js";
export type { FolderGuide } from "./folder.js";
export type { OfficeData, OfficeOptions, OfficeTask } from "./office.js";
export { loadOffice31, loadOfficeHome } from "./office.js";
export { loadQm9 } from "./qm9.js";
export type { SampleOptions } from "./samples/sample.js";
