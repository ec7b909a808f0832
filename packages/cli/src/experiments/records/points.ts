import {
  DataError,
  decodeCheckpoint,
  flattenTree,
  isNdArray,
  type NdArray,
  OptionError,
  type TeleportEvent,
  unflattenTree,
} from "isoloss";
import type { StepRecord } from "../../run/directory.js";
import type { Json, JsonRecord } from "../../run/json-lines.js";
import type { Tree } from "../catalogue/problems.js";
import type { JumpRecord, StoredForm } from "../kind.js";

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

export const teleportRecord = (event: TeleportEvent): StepRecord =>
  ({ ...event }) as { step: number } & Record<string, Json>;

/** Runs that record a point a step, with checkpoints of a trainer. */
export const trainerForm: StoredForm = {
  stepsOf: (points) => points,
  tensorsOf: (checkpoint) => decodeCheckpoint(checkpoint).tensors,
};

/**
 * Trees of parameters and state as a checkpoint has them.
 *
 * @param like trees of the same structure, such as those of a new model
 * @throws DataError for a checkpoint of another model
 */
export function storedTrees<T extends object>(tensors: Readonly<Record<string, NdArray>>, like: T): T {
  const { paths, leaves, def } = flattenTree<NdArray>(like, isNdArray);
  const stored = paths.map((path, i) => {
    const [found, expected] = [tensors[path]?.shape, leaves[i].shape].map((shape) => shape?.join(", "));
    if (found === expected) return tensors[path];
    throw new DataError(
      `The checkpoint does not fit the run's model: "${path}" must be [${expected}]; got ${found === undefined ? "none" : `[${found}]`}.`,
    );
  });
  return unflattenTree(def, stored) as T;
}
