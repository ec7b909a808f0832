// Sweeps of isoloss on many machines: runs delivered by BullMQ on Valkey or Redis, each record counted once.

export type { Computing, ComputingHost, QueueWorkerOptions } from "./computing.js";
export { connect, type QueueAddress, shown } from "./connection.js";
export { queueLanes } from "./coordinator.js";
export type { QueuedRecord, QueuedRun, QueueHost, QueueLanes, QueueLanesOptions } from "./lanes.js";
export type { PastVerdict, ServerRule, VerdictRequest, WorkerVerdict } from "./scripts.js";
export {
  closeSweep,
  listSweeps,
  type QueuedAsk,
  readSweep,
  type SweepCopy,
  type SweepNotice,
  type WorkerNotice,
} from "./sweeps.js";
export type { QueueTiming } from "./timing.js";
export { serveQueue } from "./worker.js";
