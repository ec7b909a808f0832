import type { NdArray } from "../array.js";
import { isNdArray } from "../array.js";
import { decodeSafetensors, encodeSafetensors } from "../data/safetensors.js";
import { DataError } from "../errors.js";
import { flatten, unflatten } from "../tree.js";
import type { History } from "./history.js";
import type { Trainer, TrainState } from "./trainer.js";

const format = "isoloss-checkpoint-1";

/** A checkpoint as read from a file: arrays by path, and the rest as plain data. */
export interface Checkpoint {
  readonly tensors: Readonly<Record<string, NdArray>>;
  readonly step: number;
  readonly history: History;
}

/**
 * The state of a training run as the bytes of one safetensors file: parameters, optimiser and model state as tensors
 * under their paths (`params.layers.0.weight`), step and history as JSON in the metadata.
 * One file, so that a crash cannot leave half of a checkpoint (write it with `writeFileAtomic`).
 */
export function encodeCheckpoint<P, S>(state: TrainState<P, S>, history: History): Uint8Array {
  const { params, state: modelState, optimizer, step } = state;
  const { leaves, paths } = flatten<NdArray>({ params, state: modelState, optimizer }, isNdArray);
  const tensors = Object.fromEntries(paths.map((path, i) => [path, leaves[i]]));
  return encodeSafetensors(tensors, { format, run: JSON.stringify({ step, history }) });
}

/** @throws DataError when the bytes are no checkpoint of this library */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  const { tensors, metadata } = decodeSafetensors(bytes);
  if (metadata.format !== format) {
    throw new DataError(
      `Expected a checkpoint (metadata format "${format}"); got "${metadata.format ?? "none"}". Is it a file of weights only?`,
    );
  }
  let run: { step: number; history: History };
  try {
    run = JSON.parse(metadata.run) as typeof run;
  } catch (cause) {
    throw new DataError("The checkpoint's metadata is not valid JSON: the file is damaged.", { cause });
  }
  return { tensors, ...run };
}

/**
 * Lets a trainer continue from a checkpoint. The trainer must be made with the options of the run that wrote it;
 * it then goes on to the same numbers, bit for bit.
 *
 * @throws DataError when arrays are missing or have another shape
 */
export function resume<P, S>(trainer: Trainer<P, S>, { tensors, step, history }: Checkpoint): void {
  const { params, state, optimizer } = trainer.current;
  const take = (path: string, like: NdArray): NdArray => {
    const found = tensors[path];
    if (!found || found.shape.join() !== like.shape.join() || found.data.constructor !== like.data.constructor) {
      const got = found ? `${found.data.constructor.name}[${found.shape}]` : "nothing";
      throw new DataError(
        `The checkpoint does not fit this run: "${path}" must be ${like.data.constructor.name}[${like.shape}]; the file has ${got}.`,
      );
    }
    return found;
  };
  const { leaves, paths, def } = flatten<NdArray>({ params, state, optimizer }, isNdArray);
  const restored = unflatten(def, leaves.map((leaf, i) => take(paths[i], leaf))) as Omit<TrainState<P, S>, "step">;
  trainer.restore({ step, ...restored }, history);
}
