import type { TeleportEvent } from "isoloss";
import type { StepRecord } from "../../run/directory.js";
import type { Json } from "../../run/json-lines.js";

/** A teleport as a line of a run's records. */
export const teleportRecord = (event: TeleportEvent): StepRecord =>
  ({ ...event }) as { step: number } & Record<string, Json>;
