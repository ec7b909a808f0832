/**
 * Files: data sets and checkpoints on disk, for Node only.
 *
 * @module isoloss/node
 */

export { firstBytes } from "../bytes.js";
export type { ArrayFileOptions } from "./array-files.js";
export { arrayFileOptions, arrayStreamOptions, loadArrays } from "./array-files.js";
export { openArrays } from "./array-streams.js";
export type {
  BenchmarkName,
  ReadArray,
  ReadPart,
  ReadProgress,
  VerifyOptions,
} from "./benchmarks/benchmarks.js";
export { benchmarkGuides, verifyBenchmark, writeSample } from "./benchmarks/benchmarks.js";
export type { CelebaData, CelebaOptions } from "./benchmarks/celeba.js";
export { loadCeleba } from "./benchmarks/celeba.js";
export type { DenseData, DenseOptions } from "./benchmarks/dense.js";
export { loadCityscapes, loadNyuv2 } from "./benchmarks/dense.js";
export type { FolderGuide } from "./benchmarks/folder.js";
export type { OfficeData, OfficeOptions, OfficeTask } from "./benchmarks/office.js";
export { loadOffice31, loadOfficeHome } from "./benchmarks/office.js";
export type { SampleOptions } from "./benchmarks/samples/sample.js";
export { loadCheckpoint, saveCheckpoint } from "./checkpoints.js";
export type { IdxDatasetOptions } from "./datasets.js";
export { hasIdxDataset, loadIdxDataset } from "./datasets.js";
export { readFileOrThrow, writeFileAtomic } from "./files.js";
export type { MlflowContent, MlflowMetric } from "./history/mlflow.js";
export { mlflowContent } from "./history/mlflow.js";
export type { RecordedRun, RecordedStatus, RunRecord } from "./history/recorded.js";
export type { RecordedRunOptions, RunSource } from "./history/recorded-run.js";
export { recordedRun, recordedRunOptions } from "./history/recorded-run.js";
export { stepRecord } from "./history/records.js";
export type { RunFormat, SaveRunOptions } from "./history/save-run.js";
export { saveRun, saveRunOptions } from "./history/save-run.js";
export type { IdxSource } from "./idx-sources.js";
export { fashionMnist, mnist } from "./idx-sources.js";
export type { ImageFolder, ImageFolderOptions } from "./image-folder.js";
export { imageFolderOptions, openImageFolder } from "./image-folder.js";
export type { Image } from "./images/image.js";
export { ImageReader, isImage } from "./images/image.js";
export type { JpegDecoder, RgbaImage } from "./images/jpeg.js";
export { planesOf } from "./images/planes.js";
export type { InterruptSignal } from "./interrupt.js";
export { interruptSignal } from "./interrupt.js";
export type { ProgressOptions, ProgressStream } from "./progress.js";
export { progress } from "./progress.js";
export { loadQm9 } from "./qm9.js";
export type { TrainingImages } from "./registry.js";
export { datasets } from "./registry.js";
export { reasonOf } from "./system-error.js";
export type { CsvForm, CsvOptions, DescribeCsvOptions, DescribeTableOptions } from "./tables.js";
export { csvOptions, describeCsv, describeParquet, openCsv, openParquet, parquetOptions } from "./tables.js";
