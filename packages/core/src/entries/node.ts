/**
 * Files: data sets and checkpoints on disk, for Node only.
 *
 * @module isoloss/node
 */

export { firstBytes } from "../bytes.js";
export type { ArrayFileOptions } from "../node/array-files.js";
export { arrayFileOptions, loadArrays } from "../node/array-files.js";
export { openArrays } from "../node/array-streams.js";

export { loadCheckpoint, saveCheckpoint } from "../node/checkpoints.js";
export type { IdxDatasetOptions } from "../node/datasets.js";
export { hasIdxDataset, loadIdxDataset } from "../node/datasets.js";
export { readFileOrThrow, writeFileAtomic } from "../node/files.js";
export type { MlflowContent, MlflowMetric } from "../node/history/mlflow.js";
export { mlflowContent } from "../node/history/mlflow.js";
export type { RecordedRun, RecordedStatus, RunRecord } from "../node/history/recorded.js";
export type { RecordedRunOptions, RunSource } from "../node/history/recorded-run.js";
export { recordedRun, stepRecord } from "../node/history/recorded-run.js";
export type { RunFormat, SaveRunOptions } from "../node/history/save-run.js";
export { saveRun } from "../node/history/save-run.js";
export type { IdxSource } from "../node/idx-sources.js";
export { fashionMnist, mnist } from "../node/idx-sources.js";
export type { ImageFolder, ImageFolderOptions } from "../node/image-folder.js";
export { imageFolderOptions, openImageFolder } from "../node/image-folder.js";
export type { Image } from "../node/images/image.js";
export { ImageReader, isImage, planesOf } from "../node/images/image.js";
export type { JpegDecoder, RgbaImage } from "../node/images/jpeg.js";
export type { InterruptSignal } from "../node/interrupt.js";
export { interruptSignal } from "../node/interrupt.js";
export type { ProgressOptions, ProgressStream } from "../node/progress.js";
export { progress } from "../node/progress.js";

export type { TrainingImages } from "../node/registry.js";
export { datasets } from "../node/registry.js";
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
