// Sweeps of isoloss on many machines: runs delivered by BullMQ on Valkey or Redis, each record counted once.
export { connect, type QueueAddress, shown } from "./connection.js";
export {
  type QueuedRecord,
  type QueuedRun,
  type QueueHost,
  type QueueLanes,
  type QueueLanesOptions,
  queueLanes,
} from "./coordinator.js";
export type { ServerRule, VerdictRequest } from "./scripts.js";
export {
  closeSweep,
  listSweeps,
  type QueuedAsk,
  readSweep,
  type SweepCopy,
  type SweepNotice,
  type WorkerNotice,
} from "./sweeps.js";
export { defaultTiming, type QueueTiming } from "./timing.js";
export {
  type Computing,
  type ComputingHost,
  type QueueWorkerOptions,
  serveQueue,
  type WorkerVerdict,
} from "./worker.js";
