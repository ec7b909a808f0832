import type { NdArray } from "../array.js";
import { isNdArray } from "../array.js";
import type { BatchLoss } from "../batch.js";
import { takeRows } from "../data/batches.js";
import type { Dataset } from "../data/dataset.js";
import type { TensorsOf } from "../graph/trace.js";
import { namedArrays } from "../named-arrays.js";
import type { Model } from "../nn/model.js";
import { flatten, unflatten } from "../tree.js";
import type { Loss } from "./step.js";

/** What the loss of a teleport in training gets besides the model's state. */
export type TeleportBatch = { readonly x: NdArray; readonly y: NdArray; readonly seed: NdArray };

/** Where a teleport's batch comes from. */
interface Source<S> {
  readonly data: Dataset;
  readonly batchOf: (step: number) => Int32Array;
  /** Number of examples in the batch. */
  readonly count: number;
  readonly step: number;
  readonly state: S;
  /** Seed of the step's dropout. */
  readonly seed: bigint;
}

/**
 * The loss of a model as a function of parameters and a batch `{x, y, seed, state...}`. In training, batch statistics
 * and dropout are those of the next step, so that it is the loss whose gradient that step uses.
 */
export function teleportLoss<P, S>({
  model,
  loss,
  state,
  training,
}: {
  readonly model: Model<P, S>;
  readonly loss: Loss;
  readonly state: S;
  readonly training: boolean;
}): BatchLoss<P> {
  const { paths, def } = flatten<NdArray>({ state }, isNdArray);
  return (params, batch) => {
    const { state: s } = unflatten(
      def,
      paths.map((path) => batch[path]),
    ) as { state: TensorsOf<S> };
    const { output } = model.apply(params, batch.x, { state: s, training, seed: batch.seed });
    return loss(output, batch.y);
  };
}

/**
 * The batch of a teleport before a step: the next examples of the training, and, if the data set has as many
 * more, the following ones as held-out data.
 */
export function teleportBatches<S>({ data, batchOf, count, step, state, seed }: Source<S>): {
  readonly batch: TeleportBatch;
  readonly heldOut?: TeleportBatch | undefined;
} {
  const total = data.inputs.shape[0];
  // Each example once: batches of the next epoch may repeat those of this one.
  const unique = new Set<number>();
  const patience = 4 * Math.ceil(total / batchOf(step).length);
  for (let s = step; unique.size < Math.min(2 * count, total) && s < step + patience; s++) {
    for (const row of batchOf(s)) unique.add(row);
  }
  const rows = [...unique];
  const make = (picked: readonly number[]): TeleportBatch => ({
    x: takeRows(data.inputs, picked),
    y: takeRows(data.labels, picked),
    seed: { shape: [], data: BigInt64Array.of(seed) },
    ...namedArrays({ state }),
  });
  const rest = rows.slice(count, 2 * count);
  return { batch: make(rows.slice(0, count)), ...(rest.length === count ? { heldOut: make(rest) } : {}) };
}
