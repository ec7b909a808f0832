/**
 * Files: data sets and checkpoints on disk, for Node only.
 *
 * @module isoloss/node
 */

export { firstBytes } from "../bytes.js";
export { type ArrayFileOptions, arrayFileOptions, loadArrays } from "../node/array-files.js";
export { openArrays } from "../node/array-streams.js";

export { loadCheckpoint, saveCheckpoint } from "../node/checkpoints.js";
export { hasIdxDataset, type IdxDatasetOptions, loadIdxDataset } from "../node/datasets.js";
export { readFileOrThrow, writeFileAtomic } from "../node/files.js";
export { type MlflowContent, type MlflowMetric, mlflowContent } from "../node/history/mlflow.js";
export type { RecordedRun, RecordedStatus, RunRecord } from "../node/history/recorded.js";
export type { RecordedRunOptions, RunSource } from "../node/history/recorded-run.js";
export { recordedRun, stepRecord } from "../node/history/recorded-run.js";
export { type RunFormat, type SaveRunOptions, saveRun } from "../node/history/save-run.js";
export { fashionMnist, type IdxSource, mnist } from "../node/idx-sources.js";
export type { ImageFolder, ImageFolderOptions } from "../node/image-folder.js";
export { imageFolderOptions, openImageFolder } from "../node/image-folder.js";
export { type Image, ImageReader, isImage, planesOf } from "../node/images/image.js";
export type { JpegDecoder, RgbaImage } from "../node/images/jpeg.js";
export { type InterruptSignal, interruptSignal } from "../node/interrupt.js";
export { type ProgressOptions, type ProgressStream, progress } from "../node/progress.js";

export { datasets, type TrainingImages } from "../node/registry.js";
export { reasonOf } from "../node/system-error.js";
export type { CsvForm, CsvOptions, DescribeCsvOptions, DescribeTableOptions } from "../node/tables.js";
export {
  csvOptions,
  describeCsv,
  describeParquet,
  openCsv,
  openParquet,
  parquetOptions,
} from "../node/tables.js";
