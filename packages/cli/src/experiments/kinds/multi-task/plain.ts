import type { JobResult } from "../../kind.js";

/** Settings without COST, as text: equal for runs that differ by COST alone. */
export function plainKey({ cost: _, ...settings }: JobResult["settings"]): string {
  return JSON.stringify(Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The problem of settings as text: only runs on the same one can be compared. */
export const problemKey = ({ problem }: JobResult["settings"]): string => JSON.stringify(problem);
