export { loadCheckpoint, saveCheckpoint } from "./node/checkpoints.js";
export { loadIdxDataset } from "./node/datasets.js";
export { readFileOrThrow, writeFileAtomic } from "./node/files.js";
export type { IdxSource } from "./node/idx-sources.js";
export { fashionMnist, mnist } from "./node/idx-sources.js";
export { reasonOf } from "./node/system-error.js";
