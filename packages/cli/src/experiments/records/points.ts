import { flattenTree, isNdArray, type NdArray, OptionError, type TeleportEvent } from "isoloss";
import type { StepRecord } from "../../run/directory.js";
import type { Json, JsonRecord } from "../../run/json-lines.js";
import type { Tree } from "../catalogue/problems.js";
import type { JumpRecord } from "../kind.js";

/** All parameters in one list. */
export const numbersOf = (params: Tree): number[] =>
  flattenTree<NdArray>(params, isNdArray).leaves.flatMap(({ data }) =>
    Array.from(data as Float64Array, Number),
  );

/** The points in a run's records, where it has few parameters. */
export const pointsIn = (metrics: readonly JsonRecord[]): number[][] =>
  metrics.flatMap(({ params }) => (Array.isArray(params) ? [params as number[]] : []));

/** Start and end points of a run's teleports, by its records. */
export const jumpsIn = (teleports: readonly JsonRecord[]): JumpRecord[] =>
  teleports.flatMap(({ step, from, to, accepted }) =>
    accepted === true && Array.isArray(from) && Array.isArray(to)
      ? [{ step, from, to } as unknown as JumpRecord]
      : [],
  );

/** File of a minimization's final parameters: line searches have no checkpoint. */
export const weightsFile = "params.safetensors";

/** Evenly spaced steps from 0 to the last one. */
export function evenly(last: number, points: number): number[] {
  if (!Number.isFinite(last))
    throw new OptionError("--points: the number of steps of this run is not known.");
  return [
    ...new Set(Array.from({ length: points }, (_, i) => Math.round((i * last) / Math.max(1, points - 1)))),
  ];
}

/** A teleport as a line of a run's records. */
export const teleportRecord = (event: TeleportEvent): StepRecord =>
  ({ ...event }) as { step: number } & Record<string, Json>;
