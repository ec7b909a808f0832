/**
 * Networks and problems of the multi-task benchmarks: CityScapes, NYUv2, CelebA, QM9, Office-31 and Office-Home.
 *
 * @module isoloss-benchmarks
 */

export type { FaceAttributes } from "./data/celeba.js";
export { parseFaceAttributes, parseFaceParts } from "./data/celeba.js";
export type { Molecule, MoleculeBatch } from "./data/molecules.js";
export { moleculeBatch } from "./data/molecules.js";
export type { Lines, Qm9, Qm9Files } from "./data/qm9.js";
export { parseQm9, qm9Tasks, readSdf } from "./data/qm9.js";
export { qm9FromArrays } from "./data/qm9-arrays.js";
export type { Qm9StreamOptions, Qm9Streams } from "./data/qm9-streams.js";
export { qm9Streams } from "./data/qm9-streams.js";
export type { AttentionSegnetOptions } from "./networks/attention-segnet.js";
export { attentionSegnet } from "./networks/attention-segnet.js";
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
export type { SegnetOptions, SegnetOutput, SegnetParams } from "./networks/segnet.js";
export { segnet } from "./networks/segnet.js";
export type { AttributeTasksOptions } from "./problems/attribute-tasks.js";
export { attributeTasks } from "./problems/attribute-tasks.js";
export type { BenchmarkTask, BenchmarkTasks } from "./problems/benchmark-tasks.js";
export { benchmarkTasks } from "./problems/benchmark-tasks.js";
export type { DenseTasksOptions } from "./problems/dense-tasks.js";
export { denseTasks } from "./problems/dense-tasks.js";
export type { MoleculeTasksOptions } from "./problems/molecule-tasks.js";
export { moleculeTasks } from "./problems/molecule-tasks.js";
export type { OwnImageTasksOptions } from "./problems/own-image-tasks.js";
export { ownImageTasks } from "./problems/own-image-tasks.js";
