/**
 * Networks and problems of the multi-task benchmarks: CityScapes, NYUv2, CelebA, QM9, Office-31 and Office-Home.
 *
 * @module isoloss-benchmarks
 */

export { type FaceAttributes, parseFaceAttributes, parseFaceParts } from "./data/celeba.js";
export { type Molecule, type MoleculeBatch, moleculeBatch } from "./data/molecules.js";
export { type Lines, parseQm9, type Qm9, type Qm9Files, qm9Tasks, readSdf } from "./data/qm9.js";
export { qm9FromArrays } from "./data/qm9-arrays.js";
export { type Qm9StreamOptions, type Qm9Streams, qm9Streams } from "./data/qm9-streams.js";
export { type AttentionSegnetOptions, attentionSegnet } from "./networks/attention-segnet.js";
export type {
  AttentionSegnetParams,
  AttentionSegnetState,
  ConvBatchParams,
  ConvBatchState,
} from "./networks/attention-segnet-params.js";
export type {
  MessagePassingModel,
  MessagePassingOptions,
  MessagePassingParams,
  MoleculeTensors,
} from "./networks/message-passing.js";
export { messagePassing } from "./networks/message-passing.js";
export { type SegnetOptions, type SegnetOutput, type SegnetParams, segnet } from "./networks/segnet.js";
export { type AttributeTasksOptions, attributeTasks } from "./problems/attribute-tasks.js";
export { type BenchmarkTask, type BenchmarkTasks, benchmarkTasks } from "./problems/benchmark-tasks.js";
export { type DenseTasksOptions, denseTasks } from "./problems/dense-tasks.js";
export { type MoleculeTasksOptions, moleculeTasks } from "./problems/molecule-tasks.js";
export { type OwnImageTasksOptions, ownImageTasks } from "./problems/own-image-tasks.js";
