import type { TeleportReport } from "../teleport/report.js";

/** One teleport of a run. */
export interface TeleportEvent extends TeleportReport {
  /** Number of steps done before it. */
  readonly step: number;
  /** Why the optimizer's state was not transported as planned, if so. */
  readonly note?: string | undefined;
}

/** The state of a schedule, as plain data. */
export interface ScheduleState {
  /** Step at which it was asked last; -1 before the first. */
  readonly asked: number;
  readonly state: unknown;
}
